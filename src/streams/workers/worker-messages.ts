import type { MessagePort } from 'node:worker_threads'
import type { CarriedError } from '../../common/index.js'
import type { StreamsConfig } from '../config.js'
import type { KafkaStreamsOptions, StreamsState } from '../runtime/kafka-streams.js'
import type { StreamsBuilder } from '../streams-builder.js'

/** The settings that can cross to another thread; what holds functions is exported by the module as `options`. */
export type WorkerStreamsConfig = Omit<
  StreamsConfig,
  | 'defaultKeySerde'
  | 'defaultValueSerde'
  | 'defaultTimestampExtractor'
  | 'deserializationExceptionHandler'
  | 'processingExceptionHandler'
  | 'productionExceptionHandler'
  | 'onDropped'
  | 'clock'
  | 'random'
>

/** What the module of an application exports; each worker loads it. */
export interface StreamsWorkerModule {
  /** Fills the builder, or returns a TopologyModel, or a promise of one; whatever else it returns is left alone. */
  readonly default: (builder: StreamsBuilder) => unknown
  /** Serdes, handlers and whatever else cannot cross. Wins over the settings given to `StreamsWorkers`. */
  readonly options?: Partial<Omit<KafkaStreamsOptions, 'log' | 'applicationId' | 'stateDir' | 'files'>>
}

/*
 *   host ── start, caughtUp, metrics, close ──▶ worker     (calls)
 *        ── pause, resume ─────────────────────▶           (tells)
 *        ◀─ state {state} ──────────────────────           (tells)
 *        ◀─ failed {error} ─────────────────────
 */
export const CONTROL_TARGET = 0

export interface WorkerSettings {
  /** URL of the application's module. */
  readonly module: string
  readonly config: WorkerStreamsConfig
  readonly paused: boolean
  readonly logPort: MessagePort
  readonly controlPort: MessagePort
}

export interface WorkerStarted {
  /** So many times at most does a record go on through a repartition topic. */
  readonly subtopologies: number
}

export type ToldState = readonly [state: StreamsState]
export type ToldFailure = readonly [error: CarriedError]
