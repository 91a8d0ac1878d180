import { KafkaError } from '../errors.js'
import type { ProducerTarget, ProducerTopics } from '../record-accumulator.js'

interface MirroredPartition extends ProducerTarget {
  deleted: boolean
}

/** What producers on this side of a port know of the topics on the other: what they last heard. */
export class MirroredTopics implements ProducerTopics<ProducerTarget> {
  metadataVersion = 0
  readonly #topics = new Map<string, MirroredPartition[]>()

  /** Whether a record for this partition, or for any, can be placed without asking. */
  knows(topic: string, partition = 0): boolean {
    return partition < (this.#topics.get(topic)?.length ?? 0)
  }

  learn(topic: string, partitionCount: number): void {
    const known = this.#topics.get(topic)
    if (known?.length === partitionCount) return
    if (known !== undefined && known.length > partitionCount) this.forget(topic)
    const partitions = this.#topics.get(topic) ?? []
    while (partitions.length < partitionCount) {
      partitions.push({ topic, partition: partitions.length, deleted: false })
    }
    this.#topics.set(topic, partitions)
    this.metadataVersion++
  }

  /** The topic is gone; one of the same name is another. */
  forget(topic: string): void {
    for (const partition of this.#topics.get(topic) ?? []) partition.deleted = true
    if (this.#topics.delete(topic)) this.metadataVersion++
  }

  topic(name: string): { readonly partitions: { readonly length: number } } {
    return { partitions: this.#partitions(name) }
  }

  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.length
  }

  partition(topic: string, partition: number): ProducerTarget {
    return this.#partitions(topic)[partition]!
  }

  #partitions(topic: string): readonly MirroredPartition[] {
    const found = this.#topics.get(topic)
    if (found === undefined)
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${topic}'`)
    return found
  }
}
