import { describe, expect, it } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import { JoinWindows, StreamsBuilder, TimeWindows } from '../../src/streams/index.js'

const texts = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

function build(declare: (builder: StreamsBuilder) => void, optimize: 'none' | 'all' = 'none') {
  const builder = new StreamsBuilder()
  declare(builder)
  return builder.build({ optimize })
}

describe('names', () => {
  it('come from one counter, in the order of the calls', () => {
    const { nodes, stores, repartitionTopics } = build((b) => {
      b.stream('text', texts)
        .flatMapValues((line) => line.split(' '))
        .groupBy((_, word) => word)
        .count()
        .toStream()
        .to('counts')
    })
    expect([...nodes.keys()]).toEqual([
      'KSTREAM-SOURCE-0000000000',
      'KSTREAM-FLATMAPVALUES-0000000001',
      'KSTREAM-KEY-SELECT-0000000002',
      'KSTREAM-FILTER-0000000007',
      'KSTREAM-SINK-0000000006',
      'KSTREAM-SOURCE-0000000008',
      'KSTREAM-AGGREGATE-0000000005',
      'KTABLE-TOSTREAM-0000000009',
      'KSTREAM-SINK-0000000010',
    ])
    expect([...stores.keys()]).toEqual(['KSTREAM-AGGREGATE-STATE-STORE-0000000004'])
    expect([...repartitionTopics.keys()]).toEqual(['KSTREAM-AGGREGATE-STATE-STORE-0000000004-repartition'])
  })

  it('given to one node rename no other', () => {
    const names = (name?: string) =>
      [
        ...build((b) => {
          b.stream('in', texts)
            .filter(() => true, name === undefined ? {} : { name })
            .to('out')
        }).nodes.keys(),
      ] as string[]
    expect(names()).toEqual([
      'KSTREAM-SOURCE-0000000000',
      'KSTREAM-FILTER-0000000001',
      'KSTREAM-SINK-0000000002',
    ])
    expect(names('mine')).toEqual(['KSTREAM-SOURCE-0000000000', 'mine', 'KSTREAM-SINK-0000000002'])
  })

  it('must be legal in topics, and used once', () => {
    expect(() => build((b) => b.stream('in').filter(() => true, { name: 'no blanks' }))).toThrow('no blanks')
    expect(() =>
      build((b) => {
        b.stream('in')
          .filter(() => true, { name: 'x' })
          .filter(() => true, { name: 'x' })
      }),
    ).toThrow('two nodes named "x"')
    expect(() =>
      build((b) => {
        b.stream('a', texts).groupByKey().count({ store: 's' })
        b.stream('b', texts).groupByKey().count({ store: 's' })
      }),
    ).toThrow('two stores named "s"')
  })
})

describe('repartition topics', () => {
  it('come where the key has changed, and nowhere else', () => {
    const topics = (changed: boolean) =>
      build((b) => {
        const s = b.stream('in', texts)
        const t = changed ? s.selectKey((_, v) => v) : s.mapValues((v) => v)
        t.groupByKey().count({ store: 's' })
      }).repartitionTopics.size
    expect(topics(true)).toBe(1)
    expect(topics(false)).toBe(0)
  })

  it('one serves several aggregations of a named grouping', () => {
    const { repartitionTopics, subtopologies } = build((b) => {
      const grouped = b.stream('in', texts).groupBy((_, v) => v, { name: 'by-value', ...texts })
      grouped.count({ store: 'all' })
      grouped.windowedBy(TimeWindows.ofSizeWithNoGrace(10)).count({ store: 'windows' })
    })
    expect([...repartitionTopics.keys()]).toEqual(['by-value-repartition'])
    expect(subtopologies.map((s) => s.stores)).toEqual([[], ['all', 'windows']])
  })

  it('one serves several joins of a stream', () => {
    const { repartitionTopics } = build((b) => {
      const rekeyed = b.stream('in', texts).selectKey((_, v) => v)
      rekeyed.join(b.table('t', texts), (a, c) => a + c).to('one')
      rekeyed.leftJoin(b.table('u', texts), (a, c) => `${a}${c}`).to('two')
    })
    expect(repartitionTopics.size).toBe(1)
  })

  it('joined topics form groups that need equal partition counts', () => {
    const { copartitionGroups } = build((b) => {
      const a = b.stream('a', texts)
      const joined = a.join(b.table('b', texts), (x, y) => x + y)
      joined.join(b.stream('c', texts), (x, y) => x + y, JoinWindows.ofTimeDifferenceWithNoGrace(5)).to('out')
      b.stream('alone', texts).to('out2')
    })
    expect(copartitionGroups.map((group) => [...group].sort())).toEqual([['a', 'b', 'c']])
  })
})

describe('optimize: all', () => {
  it('a table takes its source topic as changelog', () => {
    const sourceTopic = (optimize: 'none' | 'all') =>
      build((b) => b.table('in', { ...texts, materialized: { store: 't' } }), optimize).stores.get('t')!
        .sourceTopic
    expect(sourceTopic('none')).toBeNull()
    expect(sourceTopic('all')).toBe('in')
  })

  it('a self-join keeps one store', () => {
    const stores = (optimize: 'none' | 'all') =>
      build((b) => {
        const s = b.stream('in', texts)
        s.join(s, (x, y) => x + y, JoinWindows.ofTimeDifferenceWithNoGrace(5)).to('out')
      }, optimize).stores.size
    expect(stores('none')).toBe(2)
    expect(stores('all')).toBe(1)
  })
})

describe('mistakes are told when the topology is built', () => {
  const mistakes: [string, (b: StreamsBuilder) => unknown, string][] = [
    ['a topic read twice', (b) => [b.stream('in'), b.table('in')], 'read it once'],
    ['no topic at all', (b) => b.stream([]), 'reads no topic'],
    [
      'an unknown store',
      (b) => b.stream('in').process(() => ({ process() {} }), { stores: ['gone'] }),
      'gone',
    ],
    [
      'a retention shorter than the windows',
      (b) =>
        b
          .stream('in', texts)
          .groupByKey()
          .windowedBy(TimeWindows.ofSizeAndGrace(10, 5))
          .count({ store: 's', retentionMs: 14 }),
      'less than the windows need',
    ],
    [
      'a grace period for a table without history',
      (b) => b.stream('s', texts).join(b.table('t', texts), (x, y) => x + y, { gracePeriodMs: 5 }),
      'versioned',
    ],
    ['windows further apart than they are long', () => TimeWindows.ofSizeWithNoGrace(5).advanceBy(6), 'lost'],
    ['an empty join window', () => JoinWindows.ofTimeDifferenceWithNoGrace(1).before(-2), 'empty'],
    ['a size that is no number of ms', () => TimeWindows.ofSizeWithNoGrace(0.5), 'whole number'],
  ]
  for (const [name, declare, message] of mistakes) {
    it(name, () => {
      expect(() => build((b) => declare(b))).toThrow(message)
    })
  }
})

describe('two streams of one topic', () => {
  it('are one, with one source', () => {
    const { nodes } = build((b) => {
      b.stream('in', texts).to('one')
      b.stream('in', texts).to('two')
    })
    expect([...nodes.keys()]).toEqual([
      'KSTREAM-SOURCE-0000000000',
      'KSTREAM-SINK-0000000001',
      'KSTREAM-SINK-0000000003',
    ])
  })

  it('must begin at the same offset', () => {
    expect(() =>
      build((b) => {
        b.stream('in', { ...texts, offsetReset: 'latest' })
        b.stream('in', texts)
      }),
    ).toThrow('different offsets')
  })

  it('are told when they overlap and are not the same', () => {
    expect(() => build((b) => [b.stream(['a', 'b'], texts), b.stream('a', texts)])).toThrow('read it once')
  })
})

describe('the options of a builder', () => {
  it('keep stores in memory where operators do not say otherwise', () => {
    const builder = new StreamsBuilder({ defaultStoreType: 'memory' })
    const grouped = builder.stream<string, string>('in', texts).groupByKey()
    grouped.count({ store: 'counts' })
    grouped.count({ store: 'kept', storeType: 'sqlite' })
    const { stores } = builder.build()
    expect(stores.get('counts')!.spec.persistent).toBe(false)
    expect(stores.get('kept')!.spec.persistent).toBe(true)
  })

  it('refuse stores and topics with generated names, and name them (KIP-1111)', () => {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', texts)
      .groupBy((_key, value) => value, texts)
      .count()
    expect(() => builder.build({ ensureExplicitInternalResourceNaming: true })).toThrow(
      'store KSTREAM-AGGREGATE-STATE-STORE-0000000003, topic KSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition',
    )
  })

  it('accept a topology whose stores and topics all have names', () => {
    const builder = new StreamsBuilder()
    builder
      .stream<string, string>('in', texts)
      .groupBy((_key, value) => value, { ...texts, name: 'by-value' })
      .count({ store: 'counts' })
      .toStream()
      .to('out')
    expect(() => builder.build({ ensureExplicitInternalResourceNaming: true })).not.toThrow()
  })
})
