import { nextEventLoopTurn } from '../../../src/common/index.js'
import { partitionOfKey } from '../../../src/log/index.js'
import { Serdes } from '../../../src/serde/index.js'
import {
  BufferConfig,
  type BuildOptions,
  type FixedKeyProcessor,
  type FixedKeyProcessorContext,
  JoinWindows,
  SessionWindows,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
  type Topology,
  type Windowed,
} from '../../../src/streams/index.js'

const text = { keySerde: Serdes.string(), valueSerde: Serdes.string() }
const numbers = { keySerde: Serdes.string(), valueSerde: Serdes.long() }

/**
 * What at-least-once still promises of the results: each of them is there (perhaps twice), the last one of each key is
 * right, or the last one of each key, which counts, is at least as great.
 */
export type AtLeastOnce = 'each' | 'last' | 'at least as great'

export interface SimulatedTopology {
  readonly name: string
  readonly inputs: readonly string[]
  readonly partitions: number
  readonly build: () => Topology
  readonly atLeastOnce: AtLeastOnce
  /**
   * Results depend on how far each step has come when the next record arrives: the input waits until everything before
   * it has been processed, and gives no key twice in between.
   */
  readonly stepwise?: boolean
  /** Stores are restored from the input. */
  readonly readsBack?: boolean
  /** Values of an input. */
  readonly values?: Readonly<Record<string, readonly string[]>>
}

function built(attach: (builder: StreamsBuilder) => void, options: BuildOptions = {}): () => Topology {
  return () => {
    const builder = new StreamsBuilder()
    attach(builder)
    return builder.build(options)
  }
}

/** The letters that came, each once, in order: the same again changes nothing. */
function letters(value: string | null, all: string): string {
  return [...new Set([...all, ...(value ?? '')])].sort().join('')
}

class TellStreamTime implements FixedKeyProcessor<string, string, string> {
  #context!: FixedKeyProcessorContext<string, string>

  init(context: FixedKeyProcessorContext<string, string>): void {
    this.#context = context
  }

  process({ value, timestamp }: { value: string; timestamp: number }): void {
    this.#context.forward({ value: `${value}${this.#context.currentStreamTimeMs()}`, timestamp })
  }
}

/** Time may jump: no call is given up. */
const inOrder = { ordering: 'partition', timeoutMs: Number.POSITIVE_INFINITY } as const

/** Some answers take longer than others. */
async function answer(value: string | null): Promise<string | null> {
  for (let turns = value === null ? 3 : value.charCodeAt(0) % 4; turns > 0; turns--) await nextEventLoopTurn()
  return value
}

function named({ key, start, end }: Windowed<string>, value: string | null): [string, string | null] {
  return [`${key}@${start}-${end}`, value]
}

/** Results of a window go where those of its key go. */
const besideKey = {
  ...text,
  partitioner: (_topic: string, key: string, _value: unknown, partitions: number) =>
    partitionOfKey(Buffer.from(key.slice(0, key.indexOf('@'))), partitions),
}

export const topologies: readonly SimulatedTopology[] = [
  {
    name: 'count',
    inputs: ['in'],
    partitions: 2,
    atLeastOnce: 'at least as great',
    build: built((b) =>
      b.stream('in', text).groupByKey().count({ store: 'counts' }).toStream().to('out', numbers),
    ),
  },
  {
    name: 'count behind a repartition topic',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'at least as great',
    build: built((b) =>
      b
        .stream('in', text)
        .groupBy((_key, value) => value, { ...text, name: 'by-value' })
        .count({ store: 'counts' })
        .toStream()
        .to('out', numbers),
    ),
  },
  {
    name: 'windowed aggregate',
    inputs: ['in'],
    partitions: 2,
    atLeastOnce: 'last',
    build: built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(20, 15))
        .aggregate(
          () => '',
          (_key, value, all) => letters(value, all),
          { store: 'windows', valueSerde: Serdes.string() },
        )
        .toStream()
        .map(named)
        .to('out', besideKey),
    ),
  },
  {
    name: 'suppressed windows',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'last',
    build: built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
        .reduce((all, value) => letters(value, all), { store: 'windows' })
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded(), { name: 'closed' }))
        .toStream()
        .map(named)
        .to('out', besideKey),
    ),
  },
  {
    name: 'sessions',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'last',
    build: built((b) =>
      b
        .stream('in', text)
        // A null would end a session that a repetition finds to be part of a later one.
        .filter((_key, value) => value !== null)
        .groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(6, 10))
        .reduce((all, value) => letters(value, all), { store: 'sessions' })
        .toStream()
        .map(named)
        .to('out', besideKey),
    ),
  },
  {
    name: 'stream-stream left join',
    inputs: ['left', 'right'],
    partitions: 2,
    atLeastOnce: 'each',
    build: built((b) =>
      b
        .stream('left', text)
        .leftJoin(
          b.stream('right', text),
          (l, r) => `${l}+${r}`,
          JoinWindows.ofTimeDifferenceAndGrace(12, 6),
          { ...text, name: 'pairs', otherValueSerde: Serdes.string() },
        )
        .to('out', text),
    ),
  },
  {
    name: 'table-table outer join',
    inputs: ['left', 'right'],
    partitions: 2,
    atLeastOnce: 'last',
    build: built((b) =>
      b
        .table('left', { ...text, materialized: { store: 'left-rows' } })
        .outerJoin(
          b.table('right', { ...text, materialized: { store: 'right-rows' } }),
          (l, r) => `${l}+${r}`,
          { store: 'joined', ...text },
        )
        .toStream()
        .to('out', text),
    ),
  },
  {
    name: 'tables restored from their source topics',
    readsBack: true,
    inputs: ['left', 'right'],
    partitions: 2,
    atLeastOnce: 'last',
    build: built(
      (b) =>
        b
          .table('left', { ...text, materialized: { store: 'left-rows' } })
          .leftJoin(
            b.table('right', { ...text, materialized: { store: 'right-rows' } }),
            (l, r) => `${l}+${r}`,
          )
          .toStream()
          .to('out', text),
      { optimize: 'all' },
    ),
  },
  {
    name: 'asynchronous calls, the order of the partition',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'at least as great',
    build: built((b) =>
      b
        .stream<string, string | null>('in', text)
        .mapValuesAsync(answer, { name: 'ask', ...inOrder, concurrency: 3 })
        .groupByKey()
        .count({ store: 'counts' })
        .toStream()
        .to('out', numbers),
    ),
  },
  {
    name: 'asynchronous calls behind a table',
    inputs: ['in'],
    partitions: 2,
    atLeastOnce: 'at least as great',
    build: built((b) =>
      b
        .stream('in', text)
        .groupByKey()
        .count({ store: 'counts' })
        .toStream()
        .filterAsync(async () => (await answer('b')) === 'b', { ...inOrder, concurrency: 2 })
        .to('out', numbers),
    ),
  },
  {
    name: 'dropped records as a stream',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'each',
    build: built((b) => {
      b.stream('in', text)
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeWithNoGrace(5))
        .reduce((all, value) => letters(value, all), { store: 'windows' })
      b.droppedRecords()
        .map((node, { reason, timestamp, key, window }) => [
          `${key}`,
          `${node}: ${reason} ${timestamp} ${window?.start}`,
        ])
        .to('out', text)
    }),
  },
  {
    name: 'one repartition topic in place of two',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'at least as great',
    build: built(
      (b) => {
        const byValue = b.stream('in', text).map((key, value) => [value, key])
        byValue
          .groupByKey({ ...text, name: 'one' })
          .reduce((all, key) => letters(key, all), { store: 'keys' })
        byValue
          .filter((value) => value !== 'e')
          .groupByKey({ ...text, name: 'two' })
          .count({ store: 'counts' })
          .toStream()
          .to('out', numbers)
      },
      { optimize: 'all' },
    ),
  },
  {
    name: 'stream time as processors see it',
    inputs: ['in'],
    partitions: 1,
    atLeastOnce: 'each',
    build: built((b) =>
      b
        .stream('in', text)
        .filter((_key, value) => value !== null)
        .processValues(() => new TellStreamTime())
        .to('out', text),
    ),
  },
  {
    name: 'foreign-key left join',
    inputs: ['left', 'right'],
    partitions: 1,
    atLeastOnce: 'last',
    stepwise: true,
    values: { left: ['a', 'b', 'c', 'x'] },
    build: built((b) =>
      b
        .table('left', { ...text, materialized: { store: 'left-rows' } })
        .leftJoin(
          b.table('right', { ...text, materialized: { store: 'right-rows' } }),
          (value) => value,
          (l, r) => `${l}+${r}`,
          { store: 'joined', ...text },
        )
        .toStream()
        .to('out', text),
    ),
  },
]
