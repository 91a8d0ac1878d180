/** The embedded log: Kafka's semantics and record batches on local files. */
export * from './log.js'
