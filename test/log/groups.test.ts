import { describe, expect, it } from 'vitest'
import { ManualClock, seededRandom } from '../../src/common/index.js'
import { assignors } from '../../src/log/assignors.js'
import {
  type Consumer,
  type ConsumerOptions,
  type ConsumerPartitionAssignor,
  Log,
  type TopicPartition,
} from '../../src/log/index.js'
import { at, dataDirectory, storages, text } from './log-fixture.js'

type AnyConsumer = Consumer<unknown, unknown>

const key = (p: TopicPartition) => `${p.topic}-${p.partition}`
const assigned = (consumer: AnyConsumer) => consumer.assignment().map(key).sort()

/** Lets the members poll in turn until none of them changes any more. */
async function settle(clock: ManualClock, ...consumers: AnyConsumer[]): Promise<void> {
  for (let round = 0; round < 6; round++) {
    const polls = consumers.map((consumer) => consumer.poll(10))
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    clock.advance(10)
    await Promise.all(polls)
  }
}

/** Member ids decide the order in assignments: they come from the seed, so that a failure repeats itself. */
async function groupFixture(partitions = 4, seed = 1) {
  const clock = new ManualClock(1_000_000)
  const log = Log.memory({ clock, random: seededRandom(seed) })
  await log.admin.createTopics([{ topic: 't', partitions }])
  const member = (options: ConsumerOptions<string, string> = {}) =>
    log.consumer({ ...text, groupId: 'g', autoOffsetReset: 'earliest', ...options })
  return { clock, log, member }
}

describe('consumer group', () => {
  it('gives one member everything, and shares when others join and leave', async () => {
    const { clock, log, member } = await groupFixture()
    const a = member({ clientId: 'a' })
    a.subscribe(['t'])
    await settle(clock, a)
    expect(assigned(a)).toEqual(['t-0', 't-1', 't-2', 't-3'])

    const b = member({ clientId: 'b' })
    b.subscribe(['t'])
    await settle(clock, a, b)
    expect(assigned(a)).toEqual(['t-0', 't-1'])
    expect(assigned(b)).toEqual(['t-2', 't-3'])
    expect(await log.admin.describeGroups(['g'])).toMatchObject([
      { state: 'Stable', members: [{ clientId: 'a' }, { clientId: 'b' }] },
    ])

    await a.close()
    await settle(clock, b)
    expect(assigned(b)).toEqual(['t-0', 't-1', 't-2', 't-3'])
    await b.close()
    expect(await log.admin.describeGroups(['g'])).toMatchObject([{ state: 'Empty', members: [] }])
    await log.close()
  })

  it('delivers every record to one member, across rebalances', async () => {
    const { clock, log, member } = await groupFixture(6)
    const producer = log.producer(text)
    const seen = new Map<string, number>()
    const consume = async (...consumers: Consumer<string, string>[]) => {
      for (let round = 0; round < 8; round++) {
        const polls = consumers.map((consumer) => consumer.poll(10))
        for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
        clock.advance(10)
        for (const records of await Promise.all(polls)) {
          for (const { value } of records) seen.set(value!, (seen.get(value!) ?? 0) + 1)
        }
      }
    }
    const produce = async (from: number, to: number) => {
      for (let i = from; i < to; i++) producer.write({ topic: 't', key: `k${i}`, value: `v${i}` })
      await producer.flush()
    }
    const [a, b, c] = [member(), member(), member()]
    a.subscribe(['t'])
    await produce(0, 100)
    await consume(a)
    b.subscribe(['t'])
    await produce(100, 200)
    await consume(a, b)
    c.subscribe(['t'])
    await produce(200, 300)
    await consume(a, b, c)
    await a.close()
    await produce(300, 400)
    await consume(b, c)
    expect(seen.size).toBe(400)
    expect([...seen.values()].every((times) => times === 1)).toBe(true)
    await log.close()
  })

  it('follows a pattern as matching topics appear, grow and vanish', async () => {
    const { clock, log, member } = await groupFixture(1)
    const a = member()
    a.subscribe(/^(t|orders.*)$/)
    await settle(clock, a)
    expect(assigned(a)).toEqual(['t-0'])
    await log.admin.createTopics([{ topic: 'orders-eu', partitions: 2 }, { topic: 'other' }])
    await settle(clock, a)
    expect(assigned(a)).toEqual(['orders-eu-0', 'orders-eu-1', 't-0'])
    await log.admin.createPartitions('t', 2)
    await settle(clock, a)
    expect(assigned(a)).toEqual(['orders-eu-0', 'orders-eu-1', 't-0', 't-1'])
    await log.admin.deleteTopics(['t'])
    await settle(clock, a)
    expect(assigned(a)).toEqual(['orders-eu-0', 'orders-eu-1'])
    await log.close()
  })

  it('waits for a topic that does not exist yet', async () => {
    const { clock, log, member } = await groupFixture(1)
    const a = member()
    a.subscribe(['later'])
    await settle(clock, a)
    expect(assigned(a)).toEqual([])
    await log.admin.createTopics([{ topic: 'later' }])
    await settle(clock, a)
    expect(assigned(a)).toEqual(['later-0'])
    await log.close()
  })

  it('drops a member that stops polling, and lets it come back', async () => {
    const { clock, log, member } = await groupFixture()
    const lost: string[] = []
    const a = member({ clientId: 'a', maxPollIntervalMs: 20_000 })
    const b = member({ clientId: 'b', maxPollIntervalMs: 20_000 })
    a.subscribe(['t'], { onPartitionsLost: (partitions) => void lost.push(...partitions.map(key)) })
    b.subscribe(['t'])
    await settle(clock, a, b)
    expect(assigned(a)).toEqual(['t-0', 't-1'])
    for (let i = 0; i < 10; i++) {
      clock.advance(3_000)
      await settle(clock, b)
    }
    expect(assigned(b)).toEqual(['t-0', 't-1', 't-2', 't-3'])
    await settle(clock, a, b)
    expect(lost).toEqual(['t-0', 't-1'])
    expect(assigned(a).length + assigned(b).length).toBe(4)
    await log.close()
  })

  it('drops a member whose listener does not come back', async () => {
    const { clock, member } = await groupFixture()
    const stuck = { maxPollIntervalMs: 20_000, assignors: ['cooperative-sticky'] } as const
    const a = member({ clientId: 'a', ...stuck })
    a.subscribe(['t'], { onPartitionsRevoked: () => new Promise(() => {}) })
    await settle(clock, a)
    const b = member({ clientId: 'b', ...stuck })
    b.subscribe(['t'])
    const polls = [a.poll(1_000_000), b.poll(10)]
    for (let i = 0; i < 20; i++) {
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      clock.advance(3_000)
    }
    await polls[1]
    await settle(clock, b)
    expect(assigned(b)).toEqual(['t-0', 't-1', 't-2', 't-3'])
  })

  it('lets members bring an assignor, which tells the leader and is told what it needs to know', async () => {
    const { clock, log, member } = await groupFixture(2)
    const told: Record<string, string[]> = {}
    const wishes = new Map([
      ['a', 0],
      ['b', 1],
    ])
    const bringing = (name: string): ConsumerPartitionAssignor => ({
      name: 'by-wish',
      protocol: 'eager',
      subscriptionUserData: () => Buffer.from(String(wishes.get(name))),
      assign: async (members) =>
        new Map(
          members.map(({ memberId, userData }) => [
            memberId,
            { partitions: [at('t', Number(userData))], userData: Buffer.from(`of ${members.length}`) },
          ]),
        ),
      onAssignment: ({ userData }) => (told[name] ??= []).push(String(userData)),
    })
    const a = member({ assignors: [bringing('a')] })
    const b = member({ assignors: [bringing('b')] })
    a.subscribe(['t'])
    b.subscribe(['t'])
    await settle(clock, a, b)
    expect([assigned(a), assigned(b)]).toEqual([['t-0'], ['t-1']])
    expect([told['a']!.at(-1), told['b']!.at(-1)]).toEqual(['of 2', 'of 2'])
    wishes.set('a', 1).set('b', 0)
    b.enforceRebalance()
    await settle(clock, a, b)
    expect([assigned(a), assigned(b)]).toEqual([['t-1'], ['t-0']])
    await log.close()
  })

  it('lets a cooperative member read on while others have yet to join', async () => {
    const { clock, log, member } = await groupFixture(2)
    const [a, b, c] = ['a', 'b', 'c'].map((clientId) =>
      member({ clientId, assignors: ['cooperative-sticky'] }),
    ) as [AnyConsumer, AnyConsumer, AnyConsumer]
    a.subscribe(['t'])
    b.subscribe(['t'])
    await settle(clock, a, b)
    const [mine] = a.assignment()
    c.subscribe(['t'])
    // b does not poll, so that the group waits for it.
    await settle(clock, a, c)
    const producer = log.producer(text)
    producer.write({ topic: 't', partition: mine!.partition, value: 'v' })
    await producer.flush()
    const polled = a.poll(10)
    clock.advance(10)
    expect((await polled).map(({ value }) => value)).toEqual(['v'])
    await log.close()
  })

  it('refuses commits of members that are no longer in the generation', async () => {
    const { clock, log, member } = await groupFixture()
    const a = member({ enableAutoCommit: false })
    a.subscribe(['t'])
    await settle(clock, a)
    const stale = a.groupMetadata()
    const b = member()
    b.subscribe(['t'])
    await settle(clock, a, b)
    const producer = log.producer({ transactionalId: 'x' })
    await producer.initTransactions()
    producer.beginTransaction()
    await expect(producer.sendOffsetsToTransaction([{ ...at('t'), offset: 1 }], stale)).rejects.toMatchObject(
      { code: 'ILLEGAL_GENERATION' },
    )
    await producer.abortTransaction()
    await expect(log.admin.alterGroupOffsets('g', [{ ...at('t'), offset: 1 }])).rejects.toMatchObject({
      code: 'NON_EMPTY_GROUP',
    })
    await expect(log.admin.deleteGroups(['g'])).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
    await log.close()
  })

  it('calls the listener with what is taken and given, and commits before it is taken', async () => {
    const { clock, log, member } = await groupFixture(2)
    const producer = log.producer(text)
    for (const partition of [0, 1]) producer.write({ topic: 't', partition, value: 'v' })
    await producer.flush()
    const calls: string[] = []
    const listener = (name: string) => ({
      onPartitionsAssigned: (p: readonly TopicPartition[]) => void calls.push(`${name}+${p.map(key)}`),
      onPartitionsRevoked: async (p: readonly TopicPartition[]) => {
        const committed = (await log.admin.groupOffsets('g')).map(({ offset }) => offset)
        calls.push(`${name}-${p.map(key)} committed ${committed}`)
      },
    })
    const a = member({ clientId: 'a' })
    a.subscribe(['t'], listener('a'))
    await settle(clock, a)
    const b = member({ clientId: 'b' })
    b.subscribe(['t'], listener('b'))
    await settle(clock, a, b)
    expect(calls.slice(0, 2)).toEqual(['a+t-0,t-1', 'a-t-0,t-1 committed 1,1'])
    expect(calls.slice(2).sort()).toEqual(['a+t-0', 'b+t-1'])
    await log.close()
  })

  it('with cooperative-sticky keeps reading what it keeps', async () => {
    const { clock, log, member } = await groupFixture()
    const taken: string[] = []
    const options = { assignors: ['cooperative-sticky'] as const }
    const a = member(options)
    a.subscribe(['t'], { onPartitionsRevoked: (partitions) => void taken.push(...partitions.map(key)) })
    await settle(clock, a)
    expect(assigned(a)).toHaveLength(4)
    const b = member(options)
    b.subscribe(['t'])
    await settle(clock, a, b)
    expect(taken).toHaveLength(2)
    expect(assigned(a)).toHaveLength(2)
    expect([...assigned(a), ...assigned(b)].sort()).toEqual(['t-0', 't-1', 't-2', 't-3'])
    expect(assigned(b)).toEqual(taken.sort())
    await log.close()
  })

  it('refuses members that share no assignor with the others', async () => {
    const { clock, log, member } = await groupFixture()
    const a = member({ assignors: ['range'] })
    a.subscribe(['t'])
    await settle(clock, a)
    const b = member({ assignors: ['sticky'] })
    b.subscribe(['t'])
    await expect(b.poll(0)).rejects.toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' })
    await log.close()
  })

  it('fences the earlier holder of a group instance id, for good', async () => {
    const { clock, log, member } = await groupFixture()
    const first = member({ groupInstanceId: 'one', enableAutoCommit: false })
    first.subscribe(['t'])
    await settle(clock, first)
    const second = member({ groupInstanceId: 'one' })
    second.subscribe(['t'])
    await settle(clock, second)
    expect(assigned(second)).toHaveLength(4)
    const fenced = { code: 'FENCED_INSTANCE_ID', errorCode: 82 }
    await expect(first.commit([{ ...at('t'), offset: 1 }])).rejects.toMatchObject(fenced)
    clock.advance(3_000)
    // It does not come back to fence the second.
    await expect(first.poll(0)).rejects.toMatchObject(fenced)
    await expect(first.poll(0)).rejects.toMatchObject(fenced)
    await settle(clock, second)
    expect(assigned(second)).toHaveLength(4)
    await log.close()
  })

  it('gives a static member that is restarted its partitions again, without a rebalance', async () => {
    const { clock, log, member } = await groupFixture()
    const [a, b] = ['a', 'b'].map((id) => member({ groupInstanceId: id }))
    for (const each of [a!, b!]) each.subscribe(['t'])
    await settle(clock, a!, b!)
    const [before, generation] = [assigned(a!), b!.groupMetadata().generationId]
    await a!.close()
    const again = member({ groupInstanceId: 'a' })
    again.subscribe(['t'])
    await settle(clock, again, b!)
    expect(assigned(again)).toEqual(before)
    expect(b!.groupMetadata().generationId).toBe(generation)
    // Though it leads the group, it also learns what became of the topics while it was away.
    await again.close()
    await log.admin.createPartitions('t', 6)
    const third = member({ groupInstanceId: 'a' })
    third.subscribe(['t'])
    await settle(clock, third, b!)
    expect([...assigned(third), ...assigned(b!)].sort()).toEqual(['t-0', 't-1', 't-2', 't-3', 't-4', 't-5'])
    await log.close()
  })

  it('gives the place of a static member away when its session ends, not when it closes', async () => {
    const { clock, log, member } = await groupFixture()
    const options = { sessionTimeoutMs: 20_000 }
    const [a, b] = ['a', 'b'].map((id) => member({ ...options, groupInstanceId: id }))
    for (const each of [a!, b!]) each.subscribe(['t'])
    await settle(clock, a!, b!)
    await a!.close()
    await settle(clock, b!)
    expect(assigned(b!)).toHaveLength(2)
    for (let i = 0; i < 8; i++) {
      clock.advance(3_000)
      await settle(clock, b!)
    }
    expect(assigned(b!)).toHaveLength(4)
    await log.close()
  })

  it('refuses the commit of a member that lost its place, also when nobody is left', async () => {
    const { clock, log, member } = await groupFixture()
    const a = member({ enableAutoCommit: false, maxPollIntervalMs: 20_000 })
    a.subscribe(['t'])
    await expect(a.commit([{ ...at('t'), offset: 1 }])).rejects.toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
    await settle(clock, a)
    for (let i = 0; i < 10; i++) clock.advance(3_000)
    await expect(a.commit([{ ...at('t'), offset: 1 }])).rejects.toMatchObject({
      code: 'UNKNOWN_MEMBER_ID',
      errorCode: 25,
      message: expect.stringContaining('poll to join'),
    })
    await settle(clock, a)
    await a.commit([{ ...at('t'), offset: 1 }])
    await log.close()
  })

  it.each(storages)('continues its generations and offsets over a reopening on %s', async (storage) => {
    const fixture = dataDirectory(storage)
    const run = async () => {
      const log = await fixture.open()
      await log.admin.createTopics([{ topic: 't' }], { ifNotExists: true })
      const consumer = log.consumer({ ...text, groupId: 'g', autoOffsetReset: 'earliest' })
      consumer.subscribe(['t'])
      await consumer.poll(0)
      await consumer.poll(0)
      const generation = consumer.groupMetadata().generationId
      await log.close()
      return generation
    }
    const first = await run()
    expect(first).toBeGreaterThan(0)
    expect(await run()).toBeGreaterThan(first)
  })
})

describe('assignors', () => {
  const members = (count: number, topics: string[], owned: TopicPartition[][] = []) =>
    Array.from({ length: count }, (_, i) => ({
      memberId: `m${i}`,
      groupInstanceId: null,
      subscription: { topics, ownedPartitions: owned[i] ?? [], generationId: 1 },
    }))
  const show = (assignment: Map<string, TopicPartition[]>) =>
    [...assignment].map(([member, partitions]) => `${member}: ${partitions.map(key).join(' ')}`)

  it('range deals blocks, topic by topic', () => {
    const counts = new Map([
      ['a', 5],
      ['b', 2],
    ])
    expect(show(assignors.range.assign(members(3, ['a', 'b']), counts))).toEqual([
      'm0: a-0 a-1 b-0',
      'm1: a-2 a-3 b-1',
      'm2: a-4',
    ])
  })

  it('roundrobin deals partitions of all topics, to subscribers only', () => {
    const counts = new Map([
      ['a', 3],
      ['b', 2],
    ])
    const [m0, m1] = members(2, ['a', 'b'])
    expect(show(assignors.roundrobin.assign([m0!, m1!], counts))).toEqual(['m0: a-0 a-2 b-1', 'm1: a-1 b-0'])
    const onlyB = { ...m1!, subscription: { ...m1!.subscription, topics: ['b'] } }
    expect(show(assignors.roundrobin.assign([m0!, onlyB], counts))).toEqual([
      'm0: a-0 a-1 a-2 b-1',
      'm1: b-0',
    ])
  })

  it('sticky moves no more than evenness needs', () => {
    const all = Array.from({ length: 6 }, (_, partition) => at('a', partition))
    const three = members(3, ['a'], [all.slice(0, 3), all.slice(3), []])
    const assignment = assignors.sticky.assign(three, new Map([['a', 6]]))
    expect([...assignment.values()].map((partitions) => partitions.length)).toEqual([2, 2, 2])
    for (const [i, owned] of [all.slice(0, 3), all.slice(3)].entries()) {
      const kept = assignment.get(`m${i}`)!.filter((p) => owned.some((o) => key(o) === key(p)))
      expect(kept).toHaveLength(2)
    }
  })

  it('cooperative-sticky does not believe a member of an old generation that it still owns a partition', () => {
    const current = { memberId: 'current', generationId: 5, ownedPartitions: [at('a', 0), at('a', 1)] }
    const stale = { memberId: 'stale', generationId: 3, ownedPartitions: [at('a', 0), at('a', 1)] }
    const both = [current, stale].map(({ memberId, generationId, ownedPartitions }) => ({
      memberId,
      groupInstanceId: null,
      subscription: { topics: ['a'], generationId, ownedPartitions },
    }))
    const assignment = assignors['cooperative-sticky'].assign(both, new Map([['a', 2]]))
    expect(assignment.get('stale')).toEqual([])
    expect(assignment.get('current')).toHaveLength(1)
  })

  it('cooperative-sticky gives a moving partition to nobody at first', () => {
    const all = Array.from({ length: 4 }, (_, partition) => at('a', partition))
    const two = members(2, ['a'], [all, []])
    const assignment = assignors['cooperative-sticky'].assign(two, new Map([['a', 4]]))
    expect([...assignment.values()].map((partitions) => partitions.length)).toEqual([2, 0])
  })
})
