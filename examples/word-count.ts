/*
 * Word count, the first program of stream processing: lines of text in, a running count of every word out.
 *
 *     npm run example -- word-count
 */
import { Log } from 'forebay/log'
import { KafkaStreams, Serdes, StreamsBuilder } from 'forebay/streams'

const string = Serdes.string()

export function wordCountTopology() {
  const builder = new StreamsBuilder()
  builder
    .stream<string | null, string>('lines', { keySerde: string, valueSerde: string })
    .flatMapValues((line) => line.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    .groupBy((_key, word) => word, { keySerde: string, valueSerde: string })
    .count({ store: 'counts' })
    .toStream()
    .to('word-counts', { keySerde: string, valueSerde: Serdes.long() })
  return builder.build()
}

/** Counts the words of some lines; returns the counts from the table, most frequent first. */
export async function runWordCount(
  lines: readonly string[],
): Promise<(readonly [word: string, count: number])[]> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'lines', partitions: 2 }, { topic: 'word-counts' }])
  const producer = log.producer({ valueSerde: string })
  for (const value of lines) await producer.write({ topic: 'lines', value })
  await producer.close()

  const streams = new KafkaStreams(wordCountTopology(), { log, applicationId: 'word-count' })
  await streams.start()
  await streams.caughtUp()
  const counts = [...streams.table<string, number>('counts').entries()]
  await streams.close()
  await log.close()
  return counts.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}

if (process.argv[1] === import.meta.filename) {
  console.table(
    await runWordCount([
      'All streams lead to the sea, yet the sea is not full',
      'To the place the streams come from, there they return again',
    ]),
  )
}
