import { describe, expect, it, test } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import { type KeyValueStore, Stores } from '../../src/state/index.js'
import {
  type FixedKeyProcessorContext,
  SessionWindows,
  StreamsBuilder,
  TimeWindows,
  type Topology,
} from '../../src/streams/index.js'
import {
  type CheckInput,
  checkTopology,
  customStoreSuite,
  TopologyTestDriver,
} from '../../src/testing/index.js'
import { MapSessionStore, MapStore, MapWindowStore } from './map-stores.js'

const text = { keySerde: Serdes.string(), valueSerde: Serdes.string() }
const counts = { keySerde: Serdes.string(), valueSerde: Serdes.long() }

describe('stores on a map keep what stores promise', () => {
  customStoreSuite({
    test,
    expect,
    keyValue: () => new MapStore(),
    window: () => new MapWindowStore(),
    session: () => new MapSessionStore(),
  })
})

it('the suite finds a store that does not', () => {
  const failed: string[] = []
  class Forgetful<S> extends MapStore<S> {
    override put(key: string, value: S | null): void {
      if (value !== null) super.put(key, value)
    }
  }
  customStoreSuite({
    test(name, body) {
      try {
        body()
      } catch {
        failed.push(name)
      }
    },
    expect,
    keyValue: () => new Forgetful(),
  })
  expect(failed).toContain('key-value: putting null deletes, delete returns what was there')
})

function built(attach: (builder: StreamsBuilder) => void): () => Topology {
  return () => {
    const builder = new StreamsBuilder()
    attach(builder)
    return builder.build()
  }
}

const words = ({ createInputTopic }: CheckInput) => {
  const topic = createInputTopic('in', text.keySerde, text.valueSerde)
  for (let i = 0; i < 40; i++) {
    topic.pipeInput('abcd'[(i * 3) % 4]!, 'xyz'[(i * i) % 3]!, Math.max(0, i * 4 - ((i * 5) % 9)))
  }
}

class Appending {
  #context!: FixedKeyProcessorContext<string, string>
  #store!: KeyValueStore<string, string>

  init(context: FixedKeyProcessorContext<string, string>): void {
    this.#context = context
    this.#store = context.getStateStore('all')
  }

  process({ key, value, timestamp }: { key: string; value: string; timestamp: number }): void {
    const all = `${this.#store.get(key) ?? ''}${value}`
    this.#store.put(key, all)
    this.#context.forward({ value: all, timestamp })
  }
}

describe('a topology on stores of its own gives the same results, through restarts as well', () => {
  const topologies: Record<string, () => Topology> = {
    'key-value': built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .count({ store: 'counts', supplier: () => new MapStore() })
        .toStream()
        .to('out', counts),
    ),
    window: built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(20, 10).advanceBy(10))
        .count({ store: 'counts', supplier: () => new MapWindowStore() })
        .toStream((key) => `${key.key}@${key.start}`)
        .to('out', counts),
    ),
    session: built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(10, 5))
        .count({ store: 'counts', supplier: () => new MapSessionStore() })
        .toStream((key) => `${key.key}@${key.start}`)
        .to('out', counts),
    ),
    'a processor': built((b) => {
      b.addStateStore(Stores.keyValue({ name: 'all', ...text, supplier: () => new MapStore<string>() }))
      b.stream('in', text)
        .processValues(() => new Appending(), { stores: ['all'] })
        .to('out', text)
    }),
  }
  for (const [name, build] of Object.entries(topologies)) {
    it(name, () => checkTopology(build, words, { seeds: 10 }), 60_000)
  }
})

it('a supplier of another kind of store is refused, with the store named', () => {
  const build = built((b) =>
    b
      .stream('in', text)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .count({ store: 'counts', supplier: () => new MapStore() }),
  )
  expect(() => new TopologyTestDriver(build())).toThrow(
    /the supplier of store counts gave no window store: it has no fetch, fetchRange, fetchAll, expire/,
  )
})
