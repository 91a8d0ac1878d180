import { type Admin, isKafkaError } from '../../log/index.js'

/** Sizes of a topic. `records` is the distance between its first and last offsets. */
export interface TopicFigures {
  readonly partitions: number
  readonly records: number
  readonly bytes: number
}

/** What `records` leaves open, for those who read it. */
export const recordsNote =
  'Records are counted by their offsets: markers of transactions and what compaction removed count too.'

/** Null for a topic that is not there: a stream may have been declared over one that was deleted since. */
export async function topicFigures(admin: Admin, topic: string): Promise<TopicFigures | null> {
  try {
    const [description] = await admin.describeTopics([topic])
    const { partitions } = description!
    return {
      partitions: partitions.length,
      records: partitions.reduce((sum, p) => sum + p.endOffset - p.startOffset, 0),
      bytes: partitions.reduce((sum, p) => sum + p.sizeBytes, 0),
    }
  } catch (error) {
    if (isKafkaError(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null
    throw error
  }
}

/** Consumer groups by the topics they read: those with committed offsets or members on them. */
export async function topicReaders(
  admin: Admin,
): Promise<ReadonlyMap<string, { readonly groups: number; readonly members: number }>> {
  const readers = new Map<string, { groups: number; members: number }>()
  for (const description of await admin.describeGroups(await admin.listGroups())) {
    const assigned = description.members.map((m) => new Set(m.assignment.map((p) => p.topic)))
    const committed = (await admin.groupOffsets(description.groupId)).map((o) => o.topic)
    for (const topic of new Set([...assigned.flatMap((topics) => [...topics]), ...committed])) {
      const entry = readers.get(topic) ?? { groups: 0, members: 0 }
      entry.groups++
      entry.members += assigned.filter((topics) => topics.has(topic)).length
      readers.set(topic, entry)
    }
  }
  return readers
}
