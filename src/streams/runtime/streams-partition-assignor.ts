import type {
  ConsumerPartitionAssignor,
  MemberAssignment,
  MemberSubscription,
  TopicPartition,
} from '../../log/index.js'
import {
  type AssignmentInfo,
  type ClientInfo,
  decodeAssignmentInfo,
  decodeSubscriptionInfo,
  encodeInfo,
  type SubscriptionInfo,
} from './assignment-info.js'
import { assignTasks, type PlannedTask } from './task-assignment.js'

export interface StreamsAssignorOptions {
  readonly tasks: readonly PlannedTask[]
  readonly numStandbyReplicas: number
  /** What this instance tells the leader. */
  readonly subscription: () => SubscriptionInfo
  readonly onAssignment: (info: AssignmentInfo) => void
  /** Only on the leader: the slots of instances that were there at the last rebalance and are gone. */
  readonly onDeparted: (slots: readonly number[]) => Promise<void>
}

interface Member {
  readonly subscription: MemberSubscription
  readonly info: SubscriptionInfo
}

/**
 * Gives each instance whole tasks, in the cooperative protocol: a task that moves is first taken from its owner, who
 * joins again, and then given to the new one. Meanwhile all others are processed.
 *
 *     round 1   A runs 0_0 0_1, B joins    A: 0_0     B: – (0_1 as standby: it may begin to restore)
 *     A lets go of 0_1, and joins again
 *     round 2                              A: 0_0     B: 0_1
 */
export class StreamsPartitionAssignor implements ConsumerPartitionAssignor {
  readonly name = 'stream'
  readonly protocol = 'cooperative'
  readonly #options: StreamsAssignorOptions
  readonly #tasks: ReadonlyMap<string, PlannedTask>
  readonly #taskOf = new Map<string, string>()
  /** Slots, as of the last assignment. */
  #known: readonly number[] = []

  constructor(options: StreamsAssignorOptions) {
    this.#options = options
    this.#tasks = new Map(options.tasks.map((task) => [task.taskId, task]))
    for (const { taskId, inputs } of options.tasks) {
      for (const input of inputs) this.#taskOf.set(nameOf(input), taskId)
    }
  }

  subscriptionUserData(): Uint8Array {
    return encodeInfo(this.#options.subscription())
  }

  onAssignment({ userData }: MemberAssignment): void {
    const info = decodeAssignmentInfo(userData)
    this.#known = info.clients.map(({ slot }) => slot)
    this.#options.onAssignment(info)
  }

  async assign(subscriptions: readonly MemberSubscription[]): Promise<ReadonlyMap<string, MemberAssignment>> {
    const all = subscriptions.flatMap((subscription): Member[] => {
      const info = decodeSubscriptionInfo(subscription.userData)
      return info === null ? [] : [{ subscription, info }]
    })
    const shutdown = all.some(({ info }) => info.shutdown)
    const members = shutdown ? [] : all
    const slots = slotsOf(members)
    const departed = this.#known.filter((slot) => ![...slots.values()].includes(slot))
    if (departed.length > 0 && !shutdown) await this.#options.onDeparted(departed)

    const owners = this.#owners(members)
    const target = assignTasks(
      this.#options.tasks.map(({ taskId, planned }) => ({
        taskId,
        stateful: planned.subtopology.stores.length > 0,
      })),
      members.map((member) => this.#client(member, owners)),
      this.#options.numStandbyReplicas,
    )
    const clients = members.map(({ subscription: { memberId }, info }): ClientInfo & { memberId: string } => {
      const { active, standby } = target.get(memberId)!
      const later = active.filter((taskId) => (owners.get(taskId) ?? memberId) !== memberId)
      return {
        memberId,
        processId: info.processId,
        slot: slots.get(memberId)!,
        applicationServer: info.applicationServer,
        active: active.filter((taskId) => !later.includes(taskId)),
        standby: [...standby, ...later.filter((taskId) => this.#isStateful(taskId))],
      }
    })
    return this.#assignments(all, clients, shutdown)
  }

  #assignments(
    members: readonly Member[],
    clients: readonly (ClientInfo & { memberId: string })[],
    shutdown: boolean,
  ): ReadonlyMap<string, MemberAssignment> {
    const infos = clients.map(({ memberId: _, ...info }) => info)
    return new Map(
      members.map(({ subscription: { memberId } }) => {
        const own = clients.find((client) => client.memberId === memberId)
        const userData = encodeInfo({
          slot: own?.slot ?? 0,
          standby: own?.standby ?? [],
          clients: infos,
          shutdown,
        })
        return [memberId, { partitions: this.#partitionsOf(own?.active ?? []), userData }]
      }),
    )
  }

  #partitionsOf(taskIds: readonly string[]): TopicPartition[] {
    return taskIds.flatMap((taskId) =>
      this.#tasks.get(taskId)!.inputs.map(({ topic, partition }) => ({ topic, partition })),
    )
  }

  #isStateful(taskId: string): boolean {
    return this.#tasks.get(taskId)!.planned.subtopology.stores.length > 0
  }

  #client({ subscription, info }: Member, owners: ReadonlyMap<string, string>) {
    const { memberId } = subscription
    const lags = new Map<string, number>()
    for (const [taskId, lag] of Object.entries(info.tasks)) {
      // Who says that it runs a task, but does not own its partitions any more, has state of it and nothing else.
      lags.set(taskId, lag === null ? Number.MAX_SAFE_INTEGER : Math.max(1, lag))
    }
    for (const [taskId, owner] of owners) if (owner === memberId) lags.set(taskId, 0)
    const topics = new Set(subscription.topics)
    return {
      memberId,
      lags,
      canRun: (taskId: string) => this.#tasks.get(taskId)!.inputs.every(({ topic }) => topics.has(topic)),
    }
  }

  /** Who runs which task. Of two claims that of the newer generation counts; equal ones cancel out. */
  #owners(members: readonly Member[]): Map<string, string> {
    const claims = new Map<string, { memberId: string | null; generation: number }>()
    for (const { subscription } of members) {
      const { memberId, generationId: generation } = subscription
      for (const owned of subscription.ownedPartitions) {
        const taskId = this.#taskOf.get(nameOf(owned))
        if (taskId === undefined) continue
        const rival = claims.get(taskId)
        if (rival === undefined || generation > rival.generation) claims.set(taskId, { memberId, generation })
        else if (generation === rival.generation && rival.memberId !== memberId) {
          claims.set(taskId, { memberId: null, generation })
        }
      }
    }
    const owners = new Map<string, string>()
    for (const [taskId, { memberId }] of claims) if (memberId !== null) owners.set(taskId, memberId)
    return owners
  }
}

/** Everybody keeps the slot that it had; of two with the same one that of the newer generation. The others get free ones. */
function slotsOf(members: readonly Member[]): Map<string, number> {
  const owners = new Map<number, MemberSubscription>()
  for (const { subscription, info } of members) {
    const rival = info.slot === null ? undefined : owners.get(info.slot)
    if (info.slot === null || (rival !== undefined && rival.generationId >= subscription.generationId))
      continue
    owners.set(info.slot, subscription)
  }
  const slots = new Map([...owners].map(([slot, { memberId }]) => [memberId, slot]))
  let next = 0
  for (const { subscription } of members) {
    if (slots.has(subscription.memberId)) continue
    while (owners.has(next)) next++
    owners.set(next, subscription)
    slots.set(subscription.memberId, next)
  }
  return slots
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
