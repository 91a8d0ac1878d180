import type { Clock } from '../common/index.js'
import type { Log } from '../log/index.js'
import { KafkaStreams, type KafkaStreamsOptions } from '../streams/index.js'
import type { CompilerOptions } from './compile/compiler-context.js'
import { type CompiledQuery, compileQuery, compileSourceTable } from './compile/topology-compiler.js'
import type { ProcessingLog } from './processing-log.js'
import type { SourceNode } from './plan/plan-node.js'
import type { Settings } from './properties.js'
import type { PersistentQuery, QueryHost } from './statements/persistent-query.js'

export interface QueryRunnerOptions {
  readonly log: Log
  readonly stateDirectory: string | null
  readonly clock: Clock
  readonly serviceId: string
  readonly processingLog: ProcessingLog
  readonly compilerOptions: (queryId: string, settings: Settings) => CompilerOptions
}

export interface RunningQuery {
  readonly query: PersistentQuery
  readonly compiled: CompiledQuery
  readonly streams: KafkaStreams
  readonly applicationId: string
}

/**
 * Runs each persistent query as a Streams application of its own, named by the query's id: consumer group, internal
 * topics and state follow from that, and so a query goes on where it was.
 */
export class QueryRunner implements QueryHost {
  readonly #options: QueryRunnerOptions
  readonly #running = new Map<string, RunningQuery>()
  /** Set while the command log is replayed: what would have to run at its end. */
  #held: Map<string, PersistentQuery> | null = null
  readonly #paused = new Set<string>()

  constructor(options: QueryRunnerOptions) {
    this.#options = options
  }

  get running(): ReadonlyMap<string, RunningQuery> {
    return this.#running
  }

  isPaused(id: string): boolean {
    return this.#paused.has(id)
  }

  /** Until `release`, queries are only noted. */
  hold(): void {
    this.#held = new Map()
  }

  async release(): Promise<void> {
    const held = [...(this.#held?.values() ?? [])]
    this.#held = null
    for (const query of held) await this.start(query)
  }

  check(query: PersistentQuery): void {
    if (this.#held === null) this.#compile(query)
  }

  async start(query: PersistentQuery): Promise<void> {
    if (this.#held !== null) {
      this.#held.set(query.id, query)
      return
    }
    const compiled = this.#compile(query)
    const before = this.#running.get(query.id)
    if (before !== undefined) await before.streams.close()
    const applicationId = this.applicationId(query.id)
    const streams = new KafkaStreams(compiled.topology, this.streamsOptions(applicationId, query.id, query.settings))
    this.#running.set(query.id, { query, compiled, streams, applicationId })
    if (this.#paused.has(query.id)) streams.pause()
    await streams.start()
  }

  async stop(id: string): Promise<void> {
    this.#held?.delete(id)
    this.#paused.delete(id)
    const running = this.#running.get(id)
    if (running === undefined) return
    this.#running.delete(id)
    await running.streams.close().catch(() => {})
    running.streams.cleanUp()
    await removeApplication(this.#options.log, running.applicationId)
  }

  async pause(id: string): Promise<void> {
    this.#paused.add(id)
    this.#running.get(id)?.streams.pause()
  }

  async resume(id: string): Promise<void> {
    this.#paused.delete(id)
    this.#running.get(id)?.streams.resume()
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ streams }) => streams.close()))
    this.#running.clear()
  }

  applicationId(queryId: string): string {
    return `_confluent-ksql-${this.#options.serviceId}query_${queryId}`
  }

  streamsOptions(applicationId: string, queryId: string, settings: Settings): KafkaStreamsOptions {
    const { log, stateDirectory, clock, processingLog } = this.#options
    const guarantee = settings.get('processing.guarantee')
    return {
      log,
      applicationId,
      clock,
      commitIntervalMs: Number(settings.get('commit.interval.ms')),
      cacheMaxEntries: Number(settings.get('cache.max.entries')),
      processingGuarantee: guarantee === 'at_least_once' ? 'at_least_once' : 'exactly_once_v2',
      autoOffsetReset: settings.get('auto.offset.reset') === 'latest' ? 'latest' : 'earliest',
      deserializationExceptionHandler: ({ topic, partition, offset, error }) => {
        processingLog.write({ queryId, step: 'Source', topic, partition, offset, error })
        return 'continue'
      },
      ...(stateDirectory === null ? {} : { stateDir: stateDirectory }),
    }
  }

  #compile(query: PersistentQuery): CompiledQuery {
    const options = this.#options.compilerOptions(query.id, query.settings)
    return query.kind === 'CREATE_SOURCE'
      ? compileSourceTable(query.plan.root as SourceNode, options)
      : compileQuery(query.plan, options)
  }
}

/** Deletes what an application leaves in the log: its internal topics and its group. */
export async function removeApplication(log: Log, applicationId: string): Promise<void> {
  const topics = (await log.admin.listTopics()).filter((t) => t.startsWith(`${applicationId}-`))
  if (topics.length > 0) await log.admin.deleteTopics(topics).catch(() => {})
  await log.admin.deleteGroups([applicationId]).catch(() => {})
}

/** Resolves once the application has nothing left to read. */
export async function caughtUp(streams: KafkaStreams, clock: Clock): Promise<void> {
  for (;;) {
    if (streams.state === 'ERROR' || streams.state === 'NOT_RUNNING') return
    if (streams.state === 'RUNNING' && !streams.isPaused) {
      const lag = await streams.lag().catch(() => null)
      if (lag !== null && [...lag.values()].every((n) => n === 0)) return
    }
    await new Promise<void>((resolve) => clock.setTimer(5, resolve, true))
  }
}
