import type { Subscription } from './consumer-protocol.js'
import type { AssignorName, ConsumerPartitionAssignor, TopicPartition } from './log.js'

export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly subscription: Omit<Subscription, 'userData'>
}

/** Partition counts of the topics that exist. */
export type PartitionCounts = ReadonlyMap<string, number>

export type Assignment = Map<string, TopicPartition[]>

export interface Assignor {
  readonly name: AssignorName
  /** Cooperative: members keep what they own while they rejoin; a moved partition waits for a second round. */
  readonly cooperative: boolean
  assign(members: readonly AssignorMember[], partitionCounts: PartitionCounts): Assignment
}

/** Static members keep their place over restarts, so they sort by instance id (KIP-345). */
function inOrder(members: readonly AssignorMember[]): AssignorMember[] {
  const sortKey = (m: AssignorMember) => m.groupInstanceId ?? m.memberId
  return [...members].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0))
}

function emptyAssignment(members: readonly AssignorMember[]): Assignment {
  return new Map(members.map((m) => [m.memberId, []]))
}

function subscribedTopics(members: readonly AssignorMember[], counts: PartitionCounts): string[] {
  const topics = new Set(members.flatMap((m) => m.subscription.topics))
  return [...topics].filter((topic) => counts.has(topic)).sort()
}

/** Consecutive blocks per topic: topics with equal partition counts stay co-partitioned. */
const range: Assignor = {
  name: 'range',
  cooperative: false,
  assign(members, counts) {
    const assignment = emptyAssignment(members)
    for (const topic of subscribedTopics(members, counts)) {
      const takers = inOrder(members).filter((m) => m.subscription.topics.includes(topic))
      const count = counts.get(topic)!
      const share = Math.floor(count / takers.length)
      const larger = count % takers.length
      let next = 0
      takers.forEach((member, i) => {
        const end = next + share + (i < larger ? 1 : 0)
        for (; next < end; next++) assignment.get(member.memberId)!.push({ topic, partition: next })
      })
    }
    return assignment
  },
}

/** All partitions in order, dealt round to those who subscribed their topic. */
const roundRobin: Assignor = {
  name: 'roundrobin',
  cooperative: false,
  assign(members, counts) {
    const assignment = emptyAssignment(members)
    const circle = inOrder(members)
    let turn = 0
    for (const topic of subscribedTopics(members, counts)) {
      for (let partition = 0; partition < counts.get(topic)!; partition++) {
        while (!circle[turn % circle.length]!.subscription.topics.includes(topic)) turn++
        assignment.get(circle[turn++ % circle.length]!.memberId)!.push({ topic, partition })
      }
    }
    return assignment
  },
}

const partitionKey = (p: TopicPartition) => `${p.topic}-${p.partition}`

/** Who holds each partition now. Of two claims the one of the newer generation counts; equal ones cancel out. */
function currentOwners(members: readonly AssignorMember[], counts: PartitionCounts): Map<string, string> {
  const owners = new Map<string, { memberId: string | null; generation: number }>()
  for (const { memberId, subscription } of inOrder(members)) {
    for (const owned of subscription.ownedPartitions) {
      if (owned.partition >= (counts.get(owned.topic) ?? 0)) continue
      const key = partitionKey(owned)
      const rival = owners.get(key)
      const generation = subscription.generationId
      if (rival === undefined || generation > rival.generation) owners.set(key, { memberId, generation })
      else if (generation === rival.generation) owners.set(key, { memberId: null, generation })
    }
  }
  const valid = new Map<string, string>()
  for (const [key, { memberId }] of owners) if (memberId !== null) valid.set(key, memberId)
  return valid
}

/**
 * As even as subscriptions allow, moving as few partitions as that needs: everybody keeps what they own, free
 * partitions go to the least loaded, then single partitions move from the most to the least loaded.
 */
function assignSticky(members: readonly AssignorMember[], counts: PartitionCounts): Assignment {
  const assignment = emptyAssignment(members)
  const order = inOrder(members)
  const owners = currentOwners(members, counts)
  const load = (m: AssignorMember) => assignment.get(m.memberId)!.length
  const takersOf = new Map<string, AssignorMember[]>()
  const free: TopicPartition[] = []
  for (const topic of subscribedTopics(members, counts)) {
    const takers = order.filter((m) => m.subscription.topics.includes(topic))
    takersOf.set(topic, takers)
    for (let partition = 0; partition < counts.get(topic)!; partition++) {
      const owner = owners.get(partitionKey({ topic, partition }))
      if (takers.some((m) => m.memberId === owner)) assignment.get(owner!)!.push({ topic, partition })
      else free.push({ topic, partition })
    }
  }
  const leastLoaded = (topic: string) => takersOf.get(topic)!.reduce((a, b) => (load(b) < load(a) ? b : a))
  for (const partition of free) assignment.get(leastLoaded(partition.topic).memberId)!.push(partition)

  for (let moved = true; moved; ) {
    moved = false
    for (const giver of [...order].sort((a, b) => load(b) - load(a))) {
      const held = assignment.get(giver.memberId)!
      for (let i = held.length - 1; i >= 0; i--) {
        const taker = leastLoaded(held[i]!.topic)
        if (load(giver) - load(taker) < 2) continue
        assignment.get(taker.memberId)!.push(...held.splice(i, 1))
        moved = true
      }
    }
  }
  return assignment
}

const sticky: Assignor = { name: 'sticky', cooperative: false, assign: assignSticky }

/** Sticky, but a partition that changes hands is given to nobody until its owner let go of it (KIP-429). */
const cooperativeSticky: Assignor = {
  name: 'cooperative-sticky',
  cooperative: true,
  assign(members, counts) {
    const assignment = assignSticky(members, counts)
    const owners = currentOwners(members, counts)
    for (const [memberId, partitions] of assignment) {
      assignment.set(
        memberId,
        partitions.filter((p) => (owners.get(partitionKey(p)) ?? memberId) === memberId),
      )
    }
    return assignment
  },
}

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range,
  roundrobin: roundRobin,
  sticky,
  'cooperative-sticky': cooperativeSticky,
}

/** A built-in assignor with the interface of those that users bring. */
export function partitionAssignor(
  assignor: AssignorName | ConsumerPartitionAssignor,
): ConsumerPartitionAssignor {
  if (typeof assignor !== 'string') return assignor
  const { name, cooperative, assign } = assignors[assignor]
  return {
    name,
    protocol: cooperative ? 'cooperative' : 'eager',
    assign(members, counts) {
      const assignment = assign(
        members.map(({ memberId, groupInstanceId, ...subscription }) => ({
          memberId,
          groupInstanceId,
          subscription,
        })),
        counts,
      )
      return new Map([...assignment].map(([id, partitions]) => [id, { partitions, userData: null }]))
    },
  }
}
