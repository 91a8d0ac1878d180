import { Serdes } from '../../../src/serde/index.js'
import type { StreamsBuilder } from '../../../src/streams/index.js'

/* The application that worker threads load: counts words, through a repartition topic. */

const text = Serdes.string()

export const options = { defaultKeySerde: text, defaultValueSerde: text, emitEveryUpdate: true }

export default (builder: StreamsBuilder): void => {
  builder
    .stream<string, string>('words')
    .selectKey((_key, value) => {
      if (value === 'poison') throw new Error('poisoned')
      return value
    })
    .groupByKey()
    .count()
    .toStream()
    .mapValues(String)
    .to('counts', { keySerde: text, valueSerde: text })
}
