import { type Clock, ManualClock, MemoryFiles, seededRandom, type Timer } from '../../src/common/index.js'

import { Broker } from '../../src/log/broker.js'
import { EmbeddedConsumer } from '../../src/log/consumer.js'
import { decodeAssignment } from '../../src/log/consumer-protocol.js'
import { CoordinatorLog } from '../../src/log/coordinator-log.js'
import { DataDirectory } from '../../src/log/data-directory.js'
import { GroupCoordinator } from '../../src/log/group-coordinator.js'
import { GroupStore } from '../../src/log/group-store.js'
import {
  type AssignorName,
  type ConsumerGroupMetadata,
  createBatchBuilder,
  isKafkaError,
  type TopicPartition,
} from '../../src/log/index.js'
import { OFFSETS_TOPIC } from '../../src/log/topic-names.js'
import { at, text } from './reading.js'
import { Dice } from './simulation/workload.js'

/*
 * One schedule of a consumer group, by a clock that is told when to move: members join, leave, stall, crash and come
 * back, topics grow, and after each step it is checked who owns what. All choices come from the seed.
 */

const GROUP = 'g'
const SESSION_MS = 10_000
const MAX_POLL_MS = 30_000
const MOST_MEMBERS = 9
const REFUSALS = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
] as const

const key = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** The clock of one process: while it stalls, its timers wait; when it is dead, they never fire. */
class ProcessClock implements Clock {
  state: 'running' | 'stalled' | 'dead' = 'running'
  readonly #clock: Clock
  readonly #due = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const fire = () => {
      if (this.state === 'running') callback()
      else this.#due.add(fire)
    }
    const timer = this.#clock.setTimer(delayMs, fire)
    return {
      cancel: () => {
        timer.cancel()
        this.#due.delete(fire)
      },
    }
  }

  resume(): void {
    this.state = 'running'
    for (const fire of [...this.#due]) {
      if (this.#due.delete(fire)) fire()
    }
  }
}

interface Member {
  readonly name: string
  readonly instanceId: string | null
  readonly clock: ProcessClock
  readonly consumer: EmbeddedConsumer<string, string>
  /** By what its listener was told. */
  readonly owned: Set<string>
  /** The generation whose assignment it took over last. */
  generation: number
}

export class GroupSchedule {
  readonly story: string[] = []
  readonly #dice: Dice
  readonly #clock = new ManualClock(1_000_000)
  readonly #broker: Broker
  readonly #groups: GroupCoordinator
  readonly #assignors: readonly AssignorName[]
  /** All subscribe the same, or each what it likes. */
  readonly #alike: boolean
  readonly #members: Member[] = []
  /** Instance ids of members that crashed or closed, and may come back. */
  readonly #absent: string[] = []
  readonly #remembered: ConsumerGroupMetadata[] = []
  readonly #written = new Map<string, number>()
  readonly #processed = new Map<string, Set<number>>()
  #names = 0

  constructor(seed: number) {
    this.#dice = new Dice(seededRandom(seed))
    const random = seededRandom(seed + 1)
    const clock = this.#clock
    this.#broker = new Broker({
      directory: new DataDirectory('/data', new MemoryFiles()),
      clock,
      random,
      topicDefaults: {},
      internalTopicDefaults: {},
      autoCreateTopics: false,
      defaultPartitions: 1,
      recentBatchesBytes: 1_000_000,
      maxOpenFiles: 100,
      onSegmentStable: () => {},
    })
    this.#groups = new GroupCoordinator({
      clock,
      random,
      store: new GroupStore(new CoordinatorLog(this.#broker, OFFSETS_TOPIC, clock), clock),
      initialRebalanceDelayMs: this.#dice.oneIn(3) ? 3_000 : 0,
    })
    const names: AssignorName[] = ['range', 'roundrobin', 'sticky', 'cooperative-sticky']
    const chosen = this.#dice.below(names.length + 1)
    this.#assignors = chosen === names.length ? ['range', 'cooperative-sticky'] : [names[chosen]!]
    this.#alike = this.#dice.oneIn(2)
    this.#tell(`${this.#assignors}${this.#alike ? '' : ', different subscriptions'}`)
    this.#broker.createTopics(
      [
        { topic: 't', partitions: 5 },
        { topic: 'u', partitions: 2 },
      ],
      false,
    )
  }

  #tell(event: string): void {
    this.story.push(event)
  }

  async run(): Promise<void> {
    for (let step = 0; step < 60; step++) {
      await this.#step()
      this.#checkOwners()
    }
    await this.#settle()
  }

  // ------------------------------------------------------------------------------------------------- steps

  async #step(): Promise<void> {
    const kind = this.#dice.below(20)
    const member = this.#members[this.#dice.below(this.#members.length + 1)]
    if (kind < 3) this.#join()
    else if (kind === 3) await this.#leave(member)
    else if (kind === 4) this.#crash(member)
    else if (kind === 5) this.#stall(member)
    else if (kind === 6) this.#resume(member)
    else if (kind < 9) this.#produce()
    else if (kind === 9) this.#grow()
    else if (kind === 10) this.#commitAsBefore()
    else if (kind < 13) this.#passTime([500, 3_000, SESSION_MS + 1, MAX_POLL_MS + 1][this.#dice.below(4)]!)
    else if (kind < 15 && member !== undefined) await this.#poll(member)
    else for (const each of this.#members) await this.#poll(each)
  }

  #join(): void {
    if (this.#members.length >= MOST_MEMBERS) return
    const back = this.#dice.oneIn(2) ? this.#absent.shift() : undefined
    const instanceId = back ?? (this.#dice.oneIn(3) ? `static-${this.#names}` : null)
    const name = `m${this.#names++}`
    const clock = new ProcessClock(this.#clock)
    const autoCommit = this.#dice.oneIn(2)
    const consumer = new EmbeddedConsumer<string, string>(
      { clock, broker: this.#broker, groups: this.#groups, onClose: () => {} },
      {
        ...text,
        clientId: name,
        groupId: GROUP,
        autoOffsetReset: 'earliest',
        assignors: this.#assignors,
        sessionTimeoutMs: SESSION_MS,
        maxPollIntervalMs: MAX_POLL_MS,
        enableAutoCommit: autoCommit,
        autoCommitIntervalMs: 1_000,
        maxPollRecords: 1 + this.#dice.below(20),
        ...(instanceId === null ? {} : { groupInstanceId: instanceId }),
      },
    )
    const owned = new Set<string>()
    const member: Member = { name, instanceId, clock, consumer, owned, generation: -1 }
    const taken = (partitions: readonly TopicPartition[]) => {
      for (const partition of partitions) {
        if (!owned.delete(key(partition)))
          throw new Error(`${name} lost ${key(partition)}, which it did not own`)
      }
    }
    const subscription = this.#alike ? ['t'] : [['t'], ['t', 'u'], /^[tu]$/][this.#dice.below(3)]!
    consumer.subscribe(subscription, {
      onPartitionsAssigned: (partitions) => {
        member.generation = consumer.groupMetadata().generationId
        for (const partition of partitions) {
          if (owned.has(key(partition))) throw new Error(`${name} was given ${key(partition)} twice`)
          owned.add(key(partition))
        }
      },
      onPartitionsRevoked: taken,
      onPartitionsLost: taken,
    })
    this.#members.push(member)
    this.#tell(
      `${name} joins${instanceId === null ? '' : ` as ${instanceId}`} and subscribes ${subscription}`,
    )
  }

  #remove(member: Member): void {
    this.#members.splice(this.#members.indexOf(member), 1)
    if (member.instanceId !== null) this.#absent.push(member.instanceId)
  }

  async #leave(member: Member | undefined): Promise<void> {
    if (member === undefined || member.clock.state !== 'running') return
    this.#tell(`${member.name} leaves`)
    this.#remove(member)
    await member.consumer.close()
    if (member.owned.size > 0)
      throw new Error(`${member.name} was not told that ${[...member.owned]} are gone`)
  }

  /** Its session ends some time; nobody hears from it again. */
  #crash(member: Member | undefined): void {
    if (member === undefined) return
    this.#tell(`${member.name} crashes`)
    member.clock.state = 'dead'
    this.#remove(member)
  }

  #stall(member: Member | undefined): void {
    if (member === undefined) return
    this.#tell(`${member.name} stalls`)
    member.clock.state = 'stalled'
  }

  #resume(member: Member | undefined): void {
    if (member?.clock.state !== 'stalled') return
    this.#tell(`${member.name} goes on`)
    member.clock.resume()
  }

  #passTime(ms: number): void {
    this.#tell(`${ms} ms pass`)
    this.#clock.advance(ms)
  }

  #produce(): void {
    const topic = this.#dice.oneIn(3) ? 'u' : 't'
    const partition = this.#dice.below(this.#broker.partitionCount(topic)!)
    const builder = createBatchBuilder()
    const count = 1 + this.#dice.below(8)
    for (let i = 0; i < count; i++) builder.append(this.#clock.now(), null, Buffer.from('v'))
    this.#broker.partition(topic, partition).append(builder.finish())
    const place = key(at(topic, partition))
    this.#written.set(place, (this.#written.get(place) ?? 0) + count)
    this.#tell(`${count} records to ${place}`)
  }

  #grow(): void {
    const count = this.#broker.partitionCount('t')!
    if (count >= 7) return
    this.#tell(`t grows to ${count + 1} partitions`)
    this.#broker.createPartitions('t', count + 1)
  }

  async #poll(member: Member): Promise<void> {
    if (member.clock.state !== 'running') return
    const before = this.#committedOffsets()
    for (const { topic, partition, offset } of await member.consumer.poll(0)) {
      const place = key({ topic, partition })
      this.#checkHandedOut(member, place)
      const offsets = this.#processed.get(place) ?? new Set()
      this.#processed.set(place, offsets.add(offset))
    }
    if (this.#dice.oneIn(2)) await this.#commit(member)
    this.#checkCommits(before)
    if (this.#dice.oneIn(6)) this.#remembered.push(member.consumer.groupMetadata())
  }

  async #commit({ consumer }: Member): Promise<void> {
    await consumer.commit().catch((error: unknown) => {
      if (!REFUSALS.some((code) => isKafkaError(error, code))) throw error
    })
  }

  /** With what a member was told some time ago. */
  #commitAsBefore(): void {
    const metadata = this.#remembered[this.#dice.below(this.#remembered.length + 1)]
    const group = this.#groups.group(GROUP)
    if (metadata === undefined || group === undefined) return
    const current = group.members.has(metadata.memberId) && metadata.generationId === group.generation
    if (current) return
    this.#tell(`a commit of generation ${metadata.generationId}`)
    const before = this.#committedOffsets()
    let refused = false
    try {
      this.#groups.commitOffsets(GROUP, [{ ...at('t'), offset: 0 }], metadata)
    } catch (error) {
      refused = REFUSALS.some((code) => isKafkaError(error, code))
    }
    if (!refused) throw new Error(`a commit of the old generation ${metadata.generationId} was accepted`)
    this.#checkCommits(before)
  }

  // --------------------------------------------------------------------------------------------------- checks

  #committedOffsets(): Map<string, number> {
    const entries = this.#groups.group(GROUP)?.offsets.entries() ?? []
    return new Map(entries.map((entry) => [key(entry), entry.offset]))
  }

  #checkCommits(before: ReadonlyMap<string, number>): void {
    const after = this.#committedOffsets()
    for (const [place, offset] of before) {
      if ((after.get(place) ?? -1) < offset)
        throw new Error(`the offset of ${place} went back to ${after.get(place)}`)
    }
    for (const [place, offset] of after) {
      const processed = this.#processed.get(place)
      for (let i = before.get(place) ?? 0; i < offset; i++) {
        if (!processed?.has(i))
          throw new Error(`${place} is committed up to ${offset}, but ${i} was never processed`)
      }
    }
  }

  /** By its listener, and, as long as it is up to date, by the coordinator, the partition is the member's. */
  #checkHandedOut({ name, consumer, owned }: Member, place: string): void {
    const { memberId, generationId } = consumer.groupMetadata()
    const group = this.#groups.group(GROUP)!
    const stored = group.members.get(memberId)
    const current = stored !== undefined && generationId === group.generation && group.state === 'Stable'
    const assigned = current ? decodeAssignment(stored.assignment).partitions.map(key) : [place]
    if (!owned.has(place) || !assigned.includes(place)) {
      throw new Error(`${name} was handed a record of ${place}, which it does not own`)
    }
  }

  /** By the coordinator, each partition has one owner at most; members know what their listeners were told. */
  #checkOwners(): void {
    const group = this.#groups.group(GROUP)
    if (group === undefined) return
    if (group.state === 'Stable') {
      const members = [...group.members.values()]
      assertDisjoint(members.map((m) => [m.clientId, decodeAssignment(m.assignment).partitions.map(key)]))
    }
    // What moves has been given up before it is taken. Who missed a rebalance does not know of it yet.
    const upToDate = this.#members.filter(({ consumer, clock, generation }) => {
      const { memberId, generationId } = consumer.groupMetadata()
      const current = generationId === group.generation && group.members.has(memberId)
      return clock.state === 'running' && current && generation >= generationId - 1
    })
    assertDisjoint(upToDate.map(({ name, owned }) => [name, [...owned]]))
    for (const { name, consumer, owned } of this.#members) {
      const assigned = consumer.assignment().map(key)
      if (assigned.length !== owned.size || assigned.some((place) => !owned.has(place))) {
        throw new Error(`${name} has ${assigned}, but was told ${[...owned]}`)
      }
    }
  }

  /** Everybody runs: the group finds its balance, and what is left is processed. */
  async #settle(): Promise<void> {
    this.#tell('all go on')
    for (const member of this.#members) member.clock.resume()
    if (this.#members.length === 0) this.#join()
    // A member that died while it waited for the others is only missed when the rebalance has timed out.
    for (let round = 0; round < 60; round++) {
      this.#clock.advance(3_000)
      for (const member of this.#members) await this.#poll(member)
      this.#checkOwners()
    }
    for (const member of this.#members) await member.consumer.commit()
    this.#checkBalance()
    this.#checkProcessed()
    for (const member of [...this.#members]) await this.#leave(member)
  }

  #checkBalance(): void {
    const group = this.#groups.group(GROUP)!
    if (group.state !== 'Stable' || group.members.size !== this.#members.length) {
      throw new Error(
        `the group is ${group.state} with ${group.members.size} members, not ${this.#members.length}`,
      )
    }
    const owned = this.#members.map(({ consumer }) => consumer.assignment().map(key))
    const topics = new Set([...group.members.values()].length === 0 ? [] : this.#subscribedTopics(owned))
    const all = [...topics].flatMap((topic) =>
      Array.from({ length: this.#broker.partitionCount(topic)! }, (_, partition) =>
        key(at(topic, partition)),
      ),
    )
    if (owned.flat().sort().join() !== all.sort().join()) throw new Error(`owned are ${owned.flat().sort()}`)
    const sizes = owned.map((partitions) => partitions.length)
    if (this.#alike && Math.max(...sizes) - Math.min(...sizes) > 1) throw new Error(`uneven: ${sizes}`)
  }

  #subscribedTopics(owned: readonly (readonly string[])[]): string[] {
    return owned.flat().some((place) => place.startsWith('u-')) ? ['t', 'u'] : ['t']
  }

  #checkProcessed(): void {
    const owned = new Set(this.#members.flatMap(({ consumer }) => consumer.assignment().map(key)))
    const committed = this.#committedOffsets()
    for (const [place, count] of this.#written) {
      if (!owned.has(place)) continue
      const processed = this.#processed.get(place)?.size ?? 0
      if (processed !== count || committed.get(place) !== count) {
        throw new Error(
          `of ${count} records in ${place}, ${processed} were processed, ${committed.get(place)} committed`,
        )
      }
    }
  }
}

function assertDisjoint(owners: readonly (readonly [string, readonly string[]])[]): void {
  const seen = new Map<string, string>()
  for (const [name, places] of owners) {
    for (const place of places) {
      const other = seen.get(place)
      if (other !== undefined) throw new Error(`${place} belongs to ${other} and to ${name}`)
      seen.set(place, name)
    }
  }
}
