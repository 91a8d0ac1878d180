/** The running side of Streams: what `KafkaStreams` and the test driver are made of. */
export { deadLettersOf } from './dead-letters.js'
export { GlobalTask } from './global-task.js'
export { InputPartition } from './input-partition.js'
export { droppedTotal, TaskMetrics } from './metrics.js'
export { PartitionGroup } from './partition-group.js'
export {
  failureOrigin,
  type OnWriteFailure,
  type RecordCollector,
  type SinkOptions,
  sinkSerdes,
  topicOf,
} from './record-collector.js'
export { rawRecord } from './run.js'
export { StateManager } from './state-manager.js'
export { StreamTask } from './stream-task.js'
export { inputOptions, matches, sourcesOf, TopicNames, taskStore } from './topics.js'
