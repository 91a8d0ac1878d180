import type { TopicPartition } from '../../log/index.js'
import type { PlannedSubtopology, TopicPlan } from './topic-plan.js'

/** A task of the application: one sub-topology for one partition. */
export interface PlannedTask {
  /** `<sub-topology>_<partition>`, as in Kafka Streams. */
  readonly taskId: string
  readonly partition: number
  readonly planned: PlannedSubtopology
  /** Source partitions, which stay together. */
  readonly inputs: readonly (TopicPartition & { readonly source: string })[]
}

export function tasksOf(plan: TopicPlan): PlannedTask[] {
  return plan.subtopologies.flatMap((planned) =>
    Array.from({ length: planned.tasks }, (_, partition) => ({
      taskId: `${planned.subtopology.id}_${partition}`,
      partition,
      planned,
      inputs: planned.sources
        .filter((source) => partition < source.partitions)
        .map(({ topic, source }) => ({ topic, partition, source })),
    })),
  )
}

/** What is assigned: a task, and whether there is state that would have to move with it. */
export interface AssignableTask {
  readonly taskId: string
  readonly stateful: boolean
}

/** A member of the group as the assignment sees it. */
export interface AssignmentClient {
  readonly memberId: string
  /** How many records the state of a task that it has is behind; 0: it runs the task. */
  readonly lags: ReadonlyMap<string, number>
  /** Whether it reads all topics of the task; instances of an older topology may not. */
  canRun(taskId: string): boolean
}

export interface ClientTasks {
  readonly active: string[]
  readonly standby: string[]
}

/**
 * Spreads tasks over clients: as even as can be, and where that leaves a choice, with those who have the state.
 *
 * 1. Who runs a task keeps it.
 * 2. Free tasks go to who has the least stale state, as long as that is below its even share; the rest to the least
 *    loaded.
 * 3. Single tasks move from the most to the least loaded while that makes it more even.
 * 4. Standby replicas of tasks with state go to others: first to those who have some of it, then to the least loaded.
 *
 * A result fed back as what clients run gives the same result: rebalances come to an end.
 */
export function assignTasks(
  tasks: readonly AssignableTask[],
  clients: readonly AssignmentClient[],
  numStandbyReplicas: number,
): ReadonlyMap<string, ClientTasks> {
  const shares = [...clients]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map((client): Share => ({ client, active: [], standby: [] }))
  if (shares.length > 0) {
    assignActive(tasks, shares)
    balance(shares)
    assignStandby(tasks, shares, numStandbyReplicas)
  }
  return new Map(shares.map(({ client, active, standby }) => [client.memberId, { active, standby }]))
}

interface Share {
  readonly client: AssignmentClient
  readonly active: string[]
  readonly standby: string[]
}

function lagOf({ client }: Share, taskId: string): number {
  return client.lags.get(taskId) ?? Number.POSITIVE_INFINITY
}

/** The one with the least of `cost`; the first one of equals. */
function cheapest(shares: readonly Share[], cost: (share: Share) => readonly number[]): Share | undefined {
  let best: Share | undefined
  for (const share of shares) if (best === undefined || less(cost(share), cost(best))) best = share
  return best
}

function less(a: readonly number[], b: readonly number[]): boolean {
  const i = a.findIndex((value, at) => value !== b[at])
  return i >= 0 && a[i]! < b[i]!
}

function assignActive(tasks: readonly AssignableTask[], shares: readonly Share[]): void {
  const even = Math.floor(tasks.length / shares.length)
  const free: AssignableTask[] = []
  for (const task of tasks) {
    const owner = shares.find((share) => lagOf(share, task.taskId) === 0 && share.client.canRun(task.taskId))
    if (owner === undefined) free.push(task)
    else owner.active.push(task.taskId)
  }
  const rest: AssignableTask[] = []
  for (const task of free) {
    const { taskId } = task
    const holders = shares.filter(
      (share) =>
        share.active.length < even && Number.isFinite(lagOf(share, taskId)) && share.client.canRun(taskId),
    )
    const holder = cheapest(holders, (share) => [lagOf(share, taskId)])
    if (holder === undefined) rest.push(task)
    else holder.active.push(taskId)
  }
  for (const { taskId } of rest) {
    const able = shares.filter((share) => share.client.canRun(taskId))
    cheapest(able, (share) => [share.active.length, lagOf(share, taskId)])?.active.push(taskId)
  }
}

function balance(shares: readonly Share[]): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const giver of [...shares].sort((a, b) => b.active.length - a.active.length)) {
      const taker = cheapest(shares, (share) => [share.active.length])!
      if (giver.active.length - taker.active.length < 2) continue
      const movable = giver.active.filter((taskId) => taker.client.canRun(taskId))
      if (movable.length === 0) continue
      // What the taker knows best; of equals the last, so that the giver keeps what it has had longest.
      const best = movable.reduce((a, b) => (lagOf(taker, b) <= lagOf(taker, a) ? b : a))
      giver.active.splice(giver.active.indexOf(best), 1)
      taker.active.push(best)
      moved = true
    }
  }
}

function assignStandby(tasks: readonly AssignableTask[], shares: readonly Share[], replicas: number): void {
  for (let replica = 0; replica < replicas; replica++) {
    for (const { taskId } of tasks.filter(({ stateful }) => stateful)) {
      const able = shares.filter(
        ({ client, active, standby }) =>
          client.canRun(taskId) && !active.includes(taskId) && !standby.includes(taskId),
      )
      const load = ({ active, standby }: Share) => active.length + standby.length
      const chosen = cheapest(able, (share) => [
        Number.isFinite(lagOf(share, taskId)) ? 0 : 1,
        share.standby.length,
        load(share),
      ])
      chosen?.standby.push(taskId)
    }
  }
}
