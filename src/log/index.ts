/** The embedded log: Kafka's semantics and record batches on local files. */
export { LogClosedError, NoOffsetForPartitionError, RecordDeserializationError } from './client-errors.js'
export { DamagedDirectoryError, DirectoryLockedError } from './data-directory.js'
export { type EmbeddedLogOptions, Log, type OpenLogOptions } from './embedded-log.js'
export { CorruptRecordError, isKafkaError, KafkaError, type KafkaErrorName, kafkaErrors } from './errors.js'
export * from './log.js'
export {
  type CheckedPartition,
  type LogCheckOptions,
  type LogCheckReport,
  type LogProblem,
  verifyDataDirectory,
} from './log-check.js'
export { type DumpEntry, type DumpOptions, dumpLogFile, formatDumpEntry } from './log-dump.js'
export { partitionOfKey } from './partitioner.js'
export { type ConnectLogOptions, connectLog } from './port/connect-log.js'
export { type LogServer, serveLog } from './port/serve-log.js'
export { batchesIn, RecordBatchView } from './record-batch.js'
export {
  type BatchBuilderOptions,
  type BatchHeader,
  createBatchBuilder,
  type WireBatchBuilder,
} from './record-batch-builder.js'
