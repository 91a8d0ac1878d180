import { KafkaError } from './errors.js'

export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTIONS_TOPIC = '__transaction_state'

export function isInternalTopic(topic: string): boolean {
  return topic === OFFSETS_TOPIC || topic === TRANSACTIONS_TOPIC
}

/** Kafka's rule for names, which become directory names. Throws INVALID_TOPIC_EXCEPTION. */
export function checkTopicName(topic: string): void {
  if (topic === '.' || topic === '..' || !/^[a-zA-Z0-9._-]{1,249}$/.test(topic)) {
    throw new KafkaError(
      'INVALID_TOPIC_EXCEPTION',
      `'${topic}' is no topic name: 1 to 249 of the characters a-z A-Z 0-9 . _ -, and neither '.' nor '..'`,
    )
  }
}

/** Kafka refuses two names that differ only by `.` and `_`: they would share a metric. */
export function collidesWith(topic: string, existing: Iterable<string>): string | null {
  const folded = topic.replaceAll('.', '_')
  for (const other of existing) if (other !== topic && other.replaceAll('.', '_') === folded) return other
  return null
}
