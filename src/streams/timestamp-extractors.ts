import { ProcessingError } from './errors.js'
import type { TimestampExtractor } from './node.js'

/** Kafka's FailOnInvalidTimestamp: the record's own time; a negative one stops the application. */
export const failOnInvalidTimestamp: TimestampExtractor = (record) => {
  if (record.timestamp < 0) {
    throw new ProcessingError(
      `the record has no valid timestamp (${record.timestamp}); use another timestamp extractor to skip or replace it`,
      { place: { topic: record.topic, partition: record.partition, offset: record.offset } },
    )
  }
  return record.timestamp
}

/** Kafka's LogAndSkipOnInvalidTimestamp: records without a valid time are dropped, and counted. */
export const logAndSkipOnInvalidTimestamp: TimestampExtractor = (record) => record.timestamp

/** Kafka's UsePartitionTimeOnInvalidTimestamp: falls back on the highest timestamp of the partition so far. */
export const usePartitionTimeOnInvalidTimestamp: TimestampExtractor = (record, partitionTime) => {
  if (record.timestamp >= 0) return record.timestamp
  if (partitionTime >= 0) return partitionTime
  throw new ProcessingError('the first record of a partition has no valid timestamp to fall back on', {
    place: { topic: record.topic, partition: record.partition, offset: record.offset },
  })
}
