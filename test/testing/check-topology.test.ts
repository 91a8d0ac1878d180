import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import { type KeyValueStore, Stores } from '../../src/state/index.js'
import {
  EmitStrategy,
  type FixedKeyProcessorContext,
  JoinWindows,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  TimeWindows,
  type Topology,
} from '../../src/streams/index.js'
import { type CheckInput, checkTopology, TopologyCheckError } from '../../src/testing/index.js'

const text = { keySerde: Serdes.string(), valueSerde: Serdes.string() }
const seeds = process.env['FOREBAY_SEEDS'] ?? 10

function built(attach: (builder: StreamsBuilder) => void): () => Topology {
  return () => {
    const builder = new StreamsBuilder()
    attach(builder)
    return builder.build()
  }
}

function twoTopics(left: string, right: string) {
  return ({ createInputTopic }: CheckInput) => {
    const l = createInputTopic(left, text.keySerde, text.valueSerde)
    const r = createInputTopic(right, text.keySerde, text.valueSerde)
    for (let i = 0; i < 30; i++) {
      const [topic, key] = [(i * 7) % 3 === 0 ? r : l, 'abc'[(i * 5) % 3]!]
      topic.pipeInput(
        key,
        i % 11 === 4 ? null : 'xyz'[(i * 2) % 3]!,
        Math.max(0, i * 3 - ((i * 7) % 10 === 5 ? 8 : 0)),
      )
    }
  }
}

const words = ({ createInputTopic }: CheckInput) => {
  const topic = createInputTopic('in', text.keySerde, text.valueSerde)
  for (let i = 0; i < 40; i++)
    topic.pipeInput('abcd'[(i * 3) % 4]!, 'xyz'[(i * i) % 3]!, Math.max(0, i * 4 - ((i * 5) % 9)))
}

/** Forwards its input, and tells the time every 25 ms of it. */
class Announcing {
  #context!: FixedKeyProcessorContext<string, string>

  init(context: FixedKeyProcessorContext<string, string>): void {
    this.#context = context
    context.schedule(25, 'STREAM_TIME', (timestamp) => {
      context.forward({ value: `it is ${timestamp}`, timestamp })
    })
  }

  process({ value, timestamp }: { value: string; timestamp: number }): void {
    this.#context.forward({ value, timestamp })
  }
}

describe('results are the same however a topology is run', () => {
  const hold: Record<string, { build: () => Topology; feed: (input: CheckInput) => void }> = {
    'a count by value': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .groupBy((_key, value) => value, text)
          .count({ store: 'counts' })
          .toStream()
          .to('out', { valueSerde: Serdes.long() }),
      ),
    },
    'final results of hopping windows': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeAndGrace(20, 5).advanceBy(10))
          .emitStrategy(EmitStrategy.onWindowClose())
          .count()
          .toStream((key) => `${key.key}@${key.start}`)
          .to('out', { keySerde: Serdes.string(), valueSerde: Serdes.long() }),
      ),
    },
    'sliding windows': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .groupByKey()
          .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(9, 30))
          .reduce((all, value) => `${all}${value}`.slice(-8))
          .toStream((key) => `${key.key}@${key.start}`)
          .to('out', text),
      ),
    },
    'final results of sessions': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .groupByKey()
          .windowedBy(SessionWindows.ofInactivityGapAndGrace(10, 5))
          .emitStrategy(EmitStrategy.onWindowClose())
          .count()
          .toStream((key) => `${key.key}@${key.start}`)
          .to('out', { keySerde: Serdes.string(), valueSerde: Serdes.long() }),
      ),
    },
    'a full join of streams': {
      feed: twoTopics('l', 'r'),
      build: built((b) =>
        b
          .stream('l', text)
          .outerJoin(b.stream('r', text), (l, r) => `${l}+${r}`, JoinWindows.ofTimeDifferenceAndGrace(9, 6))
          .to('out', text),
      ),
    },
    'a stream joined with the history of a table': {
      feed: twoTopics('l', 'r'),
      build: built((b) => {
        const table = b.table('r', {
          ...text,
          materialized: { store: 'rows', versioned: { historyRetentionMs: 50 } },
        })
        b.stream('l', text)
          .leftJoin(table, (l, r) => `${l}+${r}`, { name: 'joined', gracePeriodMs: 10 })
          .to('out', text)
      }),
    },
    'a foreign-key join': {
      feed: twoTopics('l', 'r'),
      build: built((b) =>
        b
          .table('l', text)
          .leftJoin(
            b.table('r', text),
            (value) => (value === 'x' ? 'a' : 'b'),
            (l, r) => `${l}+${r}`,
            text,
          )
          .toStream()
          .to('out', text),
      ),
    },
    'a stream joined with a global table': {
      feed: twoTopics('l', 'r'),
      build: built((b) =>
        b
          .stream('l', text)
          .leftJoin(
            b.globalTable('r', text),
            (key) => key,
            (l, r) => `${l}+${r}`,
          )
          .to('out', text),
      ),
    },
    'punctuators on stream time': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .processValues(() => new Announcing())
          .to('out', text),
      ),
    },
    'asynchronous steps': {
      feed: words,
      build: built((b) =>
        b
          .stream('in', text)
          .mapValuesAsync(async (value) => `${value}!`, { concurrency: 3 })
          .to('out', text),
      ),
    },
  }
  for (const [name, { build, feed }] of Object.entries(hold)) {
    it(name, () => checkTopology(build, feed, { seeds }), 60_000)
  }

  it('as far as the last value of a key goes, where updates collapse', async () => {
    const build = built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .count({ store: 'counts' })
        .toStream()
        .to('out', { valueSerde: Serdes.long() }),
    )
    await checkTopology(build, words, { seeds, compare: { out: 'last' } })
  })
})

describe('what depends on how it is run is found', () => {
  const found = async (build: () => Topology) => {
    const error: unknown = await checkTopology(build, words, { seeds: 20 }).catch(
      (failure: unknown) => failure,
    )
    expect(error).toBeInstanceOf(TopologyCheckError)
    const { seed, message } = error as TopologyCheckError
    expect(message).toContain(`seed ${seed}: `)
    // The seed alone repeats it.
    await expect(checkTopology(build, words, { seeds: `${seed}-${seed}` })).rejects.toThrow(message)
    return message
  }

  it('a counter in memory', async () => {
    const build = built((b) => {
      let count = 0
      b.stream('in', text)
        .mapValues((value) => `${value}${count++}`)
        .to('out', text)
    })
    expect(await found(build)).toMatch(/topic out, record \d+: expected '.'='.\d+'@\d+, found/)
  })

  it('a store without a changelog', async () => {
    const build = built((b) => {
      b.addStateStore(Stores.keyValue({ name: 'seen', ...text, logging: false }))
      b.stream('in', text)
        .processValues(
          () => {
            let context: FixedKeyProcessorContext<string, string>
            let store: KeyValueStore<string, string>
            return {
              init(given) {
                context = given
                store = given.getStateStore('seen')
              },
              process({ key, value, timestamp }) {
                const all = `${store.get(key) ?? ''}${value}`
                store.put(key, all)
                context.forward({ value: all, timestamp })
              },
            }
          },
          { stores: ['seen'] },
        )
        .to('out', text)
    })
    await found(build)
  })
})
