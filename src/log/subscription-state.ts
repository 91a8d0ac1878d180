import type { FetchBuffer } from './fetcher.js'
import type { OffsetReset, RebalanceListener, TopicPartition } from './log.js'
import type { Partition } from './partition.js'

/** What a consumer reads: chosen by hand (`assign`) or by its group (`subscribe`), never both. */
export type SubscriptionKind =
  | { readonly kind: 'none' }
  | { readonly kind: 'assigned' }
  | { readonly kind: 'topics'; readonly topics: readonly string[]; readonly listener: RebalanceListener }
  | { readonly kind: 'pattern'; readonly pattern: RegExp; readonly listener: RebalanceListener }

export interface PartitionState extends TopicPartition {
  /** The offset of the next record to hand out; -1 until it is known: then it is committed, or chosen by `reset`. */
  position: number
  reset: OffsetReset | null
  /** What was last committed from here; -1: nothing. */
  committed: number
  paused: boolean
  /** Where the partition is read, looked up at the first read. */
  source: Partition | null
  /** Read, but not handed out yet. */
  buffer: FetchBuffer | null
}

function newPartitionState({ topic, partition }: TopicPartition): PartitionState {
  return {
    topic,
    partition,
    position: -1,
    reset: null,
    committed: -1,
    paused: false,
    source: null,
    buffer: null,
  }
}

/** The partitions of a consumer with their positions. Order is the order of assignment. */
export class SubscriptionState {
  kind: SubscriptionKind = { kind: 'none' }
  readonly #partitions = new Map<string, Map<number, PartitionState>>()
  /** The same as a list: what every poll walks. */
  list: readonly PartitionState[] = []

  get({ topic, partition }: TopicPartition): PartitionState | undefined {
    return this.#partitions.get(topic)?.get(partition)
  }

  /** Replaces the assignment; partitions that stay keep position and pause. */
  replace(partitions: readonly TopicPartition[]): void {
    const next: PartitionState[] = []
    for (const { topic, partition } of partitions) {
      const state = this.get({ topic, partition })
      next.push(state ?? newPartitionState({ topic, partition }))
    }
    this.#partitions.clear()
    for (const state of next) {
      let ofTopic = this.#partitions.get(state.topic)
      if (ofTopic === undefined) this.#partitions.set(state.topic, (ofTopic = new Map()))
      ofTopic.set(state.partition, state)
    }
    this.list = [...this.#partitions.values()].flatMap((ofTopic) => [...ofTopic.values()])
  }

  assignment(): TopicPartition[] {
    return this.list.map(({ topic, partition }) => ({ topic, partition }))
  }
}

export function samePartition(a: TopicPartition, b: TopicPartition): boolean {
  return a.partition === b.partition && a.topic === b.topic
}

/** The partitions of `a` that are not in `b`. */
export function without(a: readonly TopicPartition[], b: readonly TopicPartition[]): TopicPartition[] {
  return a.filter((p) => !b.some((q) => samePartition(p, q)))
}
