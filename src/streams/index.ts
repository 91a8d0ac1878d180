/** Streams: the DSL, its topology, and the tasks that run it. */
export {
  deserialize,
  type Serde,
  Serdes,
  type StandardSchema,
  serdeOf,
  serialize,
  type Windowed,
  windowed,
} from '../serde/index.js'
export {
  type CustomKeyValueStore,
  type CustomSessionStore,
  type CustomWindowStore,
  type KeyValueStore,
  type ReadOnlyKeyValueStore,
  type ReadOnlySessionStore,
  type ReadOnlyVersionedKeyValueStore,
  type ReadOnlyWindowStore,
  type SessionStore,
  type StateStore,
  type StoreSpec,
  Stores,
  type TimestampedKeyValueStore,
  type ValueAndTimestamp,
  type VersionedKeyValueStore,
  type WindowStore,
} from '../state/index.js'
export type * from './async-options.js'
export type { AnyBatch, Batch, Origin } from './batch.js'
export { BatchBuilder, headersOf, originRow } from './batch.js'
export { type Branched, BranchedKStream } from './branched.js'
export {
  CogroupedKStream,
  SessionWindowedCogroupedKStream,
  TimeWindowedCogroupedKStream,
} from './cogrouped-kstream.js'
export {
  type ProcessingGuarantee,
  type ResolvedConfig,
  resolveConfig,
  type StreamsConfig,
  type UncaughtExceptionResponse,
} from './config.js'
export type { DroppedRecord } from './dropped-records.js'
export * from './errors.js'
export {
  type DeadLetterRecord,
  deadLetterRecord,
  type ErrorHandlerContext,
  type ExceptionHandler,
  type FailedRecord,
  type FailedResult,
  type HandlerResponse,
  type HandlerResult,
  type ProductionExceptionHandler,
} from './exception-handlers.js'
export * from './functions.js'
export { GlobalKTable } from './global-ktable.js'
export { KGroupedStream } from './kgrouped-stream.js'
export { KGroupedTable } from './kgrouped-table.js'
export { KStream } from './kstream.js'
export { type ForeignKeyExtractor, KTable } from './ktable.js'
export type * from './node.js'

export {
  type Consumed,
  EmitStrategy,
  type Grouped,
  type Joined,
  type Materialized,
  type Named,
  type Produced,
  type Repartitioned,
  type StoreType,
  type StreamJoined,
  type TableJoined,
} from './options.js'
export type {
  ConnectedSupplier,
  FixedKeyProcessor,
  FixedKeyProcessorContext,
  FixedKeyProcessorSupplier,
  ForwardedRecord,
  ProcessOptions,
  Processor,
  ProcessorContext,
  ProcessorSupplier,
  RecordPosition,
  StreamRecord,
  Supplier,
  ValueTransformer,
  ValueTransformerSupplier,
} from './processor-api.js'
export { type PrometheusOptions, prometheusText } from './prometheus.js'
export type { ClientInfo } from './runtime/assignment-info.js'
export type { StateRestoreListener, StoreRestore, StoreRestoreProgress } from './runtime/changelog-reader.js'

/** The running side, for `forebay/testing`; not part of the public interface. */
export * as runtime from './runtime/index.js'
export {
  KafkaStreams,
  type KafkaStreamsOptions,
  type StreamsMetrics,
  type StreamsState,
} from './runtime/kafka-streams.js'
export type { DurationFigures } from './runtime/metrics.js'
export type { QueryableStore } from './runtime/queryable-store.js'
export type { QueryOptions } from './runtime/store-query.js'
export type { StreamsTaskMetrics } from './runtime/task-figures.js'
export {
  type FromObservableOptions,
  fromObservable,
  type Overflow,
  type TopicRecord,
  type WrittenToTopic,
} from './rx/from-observable.js'
export { type ObserveOptions, type ToObservableOptions, toObservable } from './rx/observe-topic.js'
export type { TableChange, TableView } from './rx/table-view.js'
export {
  type BuildOptions,
  type Optimization,
  StreamsBuilder,
  type StreamsBuilderOptions,
} from './streams-builder.js'
export { BufferConfig, type IdleOptions, Suppressed, type SuppressedOptions } from './suppressed.js'
export {
  failOnInvalidTimestamp,
  logAndSkipOnInvalidTimestamp,
  usePartitionTimeOnInvalidTimestamp,
} from './timestamp-extractors.js'
export { type AddedOperator, type AddedProcessor, type StoreInput, Topology } from './topology.js'
export type { RepartitionTopic, Subtopology, TopologyModel, TopologyStore } from './topology-model.js'
export { SessionWindowedKStream, TimeWindowedKStream } from './windowed-kstream.js'
export { JoinWindows, SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from './windows.js'
export type { StreamsWorker } from './workers/streams-worker.js'
export {
  StreamsWorkers,
  type StreamsWorkersMetrics,
  type StreamsWorkersOptions,
} from './workers/streams-workers.js'
export type { StreamsWorkerModule, WorkerStreamsConfig } from './workers/worker-messages.js'
