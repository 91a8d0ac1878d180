import { describe, expect, it } from 'vitest'
import { type Serde, Serdes } from '../../src/serde/index.js'
import {
  type BuildOptions,
  JoinWindows,
  type KStream,
  StreamsBuilder,
  type Topology,
} from '../../src/streams/index.js'
import { TopologyTestDriver } from '../../src/testing/index.js'
import { logWith, produce, read, run, text, texts } from './runtime/app-kit.js'

type Optimize = BuildOptions['optimize']

function build(declare: (words: KStream<string, string>, b: StreamsBuilder) => unknown, optimize: Optimize) {
  const builder = new StreamsBuilder()
  declare(builder.stream('in', texts), builder)
  return builder.build({ optimize })
}

const repartitionTopics = (topology: Topology) => [...topology.repartitionTopics.keys()]
const long = { keySerde: text, valueSerde: Serdes.long() as Serde<number> }

/** A changed key, and three uses of it, one behind a filter, one in a join. */
function threeUses(words: KStream<string, string>): void {
  const byWord = words.map((key, value) => [value, key])
  const counts = byWord.groupByKey({ ...texts, name: 'count' }).count({ name: 'counts', store: 'counts' })
  counts.toStream().to('counts', long)
  const lower = byWord.filter((key) => key === key.toLowerCase())
  lower
    .groupByKey({ ...texts, name: 'last' })
    .reduce((_old, latest) => latest, { store: 'last' })
    .toStream()
    .to('last', texts)
  lower.join(counts, (value, count) => `${value}${count}`, { ...texts, name: 'join' }).to('joined', texts)
}

/** All that comes out, topic by topic. */
function outputs(topology: Topology): Record<string, unknown[]> {
  const driver = new TopologyTestDriver(topology)
  const input = driver.createInputTopic('in', text, text)
  for (const word of ['one', 'Two', 'one', 'three', 'Two', 'one']) input.pipeInput('k', word)
  return {
    counts: driver.createOutputTopic('counts', text, Serdes.long()).readKeyValuesToList(),
    last: driver.createOutputTopic('last', text, text).readKeyValuesToList(),
    joined: driver.createOutputTopic('joined', text, text).readKeyValuesToList(),
  }
}

describe('merged repartition topics', () => {
  it('are one topic behind the change of the key, with the name of the first', () => {
    expect(repartitionTopics(build(threeUses, 'none'))).toEqual([
      'count-repartition',
      'last-repartition',
      'join-repartition',
    ])
    const merged = build(threeUses, 'all')
    expect(repartitionTopics(merged)).toEqual(['count-repartition'])
    const { nodes } = merged
    expect(nodes.get('count-repartition-filter')).toMatchObject({ parents: ['KSTREAM-MAP-0000000001'] })
    expect(nodes.get('counts')).toMatchObject({ parents: ['count-repartition-source'] })
    expect(nodes.get('KSTREAM-FILTER-0000000008')).toMatchObject({ parents: ['count-repartition-source'] })
  })

  it('give the same results', () => {
    const expected = outputs(build(threeUses, 'none'))
    expect(expected.counts).toHaveLength(6)
    expect(expected.joined).toHaveLength(4)
    const merged = outputs(build(threeUses, 'all'))
    expect(merged.counts).toEqual(expected.counts)
    expect(merged.last).toEqual(expected.last)
    expect(merged.joined!.map((pair) => (pair as string[])[0])).toEqual(['one', 'one', 'three', 'one'])
  })

  it('leave what needs no topic before the topic', () => {
    const topology = build((words) => {
      const changed = words.selectKey((_key, value) => value)
      changed.mapValues((value) => value, { name: 'before' }).to('out')
      changed.groupByKey().count({ name: 'counts' })
    }, 'all')
    expect(topology.nodes.get('before')).toMatchObject({ parents: ['KSTREAM-KEY-SELECT-0000000001'] })
  })

  it('stay apart where values change in between', () => {
    const topology = build((words) => {
      const changed = words.selectKey((_key, value) => value)
      changed.groupByKey({ ...texts, name: 'plain' }).count()
      changed
        .mapValues((value) => value.length)
        .groupByKey({ ...long, name: 'lengths' })
        .count()
    }, 'all')
    expect(repartitionTopics(topology)).toEqual(['plain-repartition', 'lengths-repartition'])
  })

  it('stay where the user put them', () => {
    const topology = build((words) => {
      const changed = words.selectKey((_key, value) => value)
      changed
        .repartition({ ...texts, name: 'mine' })
        .groupByKey()
        .count()
      changed.groupByKey({ ...texts, name: 'other' }).count()
    }, 'all')
    expect(repartitionTopics(topology).sort()).toEqual(['mine-repartition', 'other-repartition'])
  })

  it('stand behind a merge of streams that both changed their keys', () => {
    const declare = (words: KStream<string, string>, b: StreamsBuilder) => {
      const left = words.selectKey((_key, value) => value)
      const right = b.stream<string, string>('more', texts).selectKey((_key, value) => value)
      const merged = left.merge(right, { name: 'merge' })
      merged.groupByKey({ ...texts, name: 'a' }).count({ name: 'first' })
      merged.groupByKey({ ...texts, name: 'b' }).count({ name: 'second' })
    }
    const topology = build(declare, 'all')
    expect(repartitionTopics(topology)).toEqual(['a-repartition'])
    expect(topology.nodes.get('a-repartition-filter')).toMatchObject({ parents: ['merge'] })
    expect(topology.nodes.get('second')).toMatchObject({ parents: ['a-repartition-source'] })
  })

  it('are co-partitioned with what they are joined with', async () => {
    const declare = (words: KStream<string, string>, b: StreamsBuilder) => {
      const changed = words.selectKey((_key, value) => value)
      changed.groupByKey({ ...texts, name: 'count' }).count()
      changed
        .filter(() => true)
        .join(
          b.stream<string, string>('other', texts),
          (l, r) => l + r,
          JoinWindows.ofTimeDifferenceWithNoGrace(5),
          {
            ...texts,
            otherValueSerde: text,
          },
        )
        .to('out', texts)
    }
    const log = await logWith({ in: 2, other: 3 })
    await produce(log, 'in', [{ key: 'k', value: 'word' }])
    await produce(log, 'other', [{ key: 'word', value: '!' }])
    const streams = run(log, build(declare, ['merge.repartition.topics']))
    await streams.start()
    expect((await read(log, 'out', 1))[0]).toMatchObject({ key: 'word', value: 'word!' })
    await streams.close()
    await log.close()
  })
})

describe('optimisations', () => {
  it('can be chosen one by one', () => {
    const declare = (words: KStream<string, string>, b: StreamsBuilder) => {
      threeUses(words)
      b.table('rows', { ...texts, materialized: { store: 'rows' } })
      const twice = b.stream<string, string>('twice', texts)
      twice.join(twice, (l, r) => l + r, JoinWindows.ofTimeDifferenceWithNoGrace(5), {
        ...texts,
        name: 'self',
      })
    }
    const seen = (optimize: Optimize) => {
      const topology = build(declare, optimize)
      return {
        topics: topology.repartitionTopics.size,
        reused: topology.stores.get('rows')!.sourceTopic,
        selfJoinNodes: [...topology.nodes.keys()].filter((name) => name.startsWith('self')).length,
      }
    }
    expect(seen('none')).toEqual({ topics: 3, reused: null, selfJoinNodes: 5 })
    expect(seen([])).toEqual({ topics: 3, reused: null, selfJoinNodes: 5 })
    expect(seen(['merge.repartition.topics'])).toEqual({ topics: 1, reused: null, selfJoinNodes: 5 })
    expect(seen(['reuse.ktable.source.topics'])).toEqual({ topics: 3, reused: 'rows', selfJoinNodes: 5 })
    expect(seen(['single.store.self.join'])).toEqual({ topics: 3, reused: null, selfJoinNodes: 2 })
    expect(seen('all')).toEqual({ topics: 1, reused: 'rows', selfJoinNodes: 2 })
  })

  it('that do not exist are refused by name', () => {
    expect(() => build(threeUses, ['merge.topics' as never])).toThrow(
      'list of reuse.ktable.source.topics, merge.repartition.topics, single.store.self.join; found "merge.topics"',
    )
    expect(() => build(threeUses, 'most' as never)).toThrow('found "most"')
  })
})
