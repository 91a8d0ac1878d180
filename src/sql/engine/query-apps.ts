import type { FileSystem } from '../../common/index.js'
import type { Log } from '../../log/index.js'
import { KafkaStreams, type KafkaStreamsOptions } from '../../streams/index.js'
import type { CompilerOptions } from '../compile/compiler-context.js'
import { type CompiledQuery, compileQuery, compileSourceTable } from '../compile/topology-compiler.js'
import { SqlError } from '../errors.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { Metastore } from '../metastore.js'
import type { SourceNode } from '../plan/plan-node.js'
import type { Settings } from '../properties.js'
import type { SchemaRegistry } from '../schema-registry/index.js'
import type { PersistentQuery, QueryHost } from '../statements/persistent-query.js'
import { serdesOf } from '../statements/serdes.js'
import { tablesOf } from './materialized-tables.js'
import type { ProcessingLog } from './processing-log.js'
import type { RateMeter } from './query-rates.js'

export interface RunningQuery {
  readonly query: PersistentQuery
  readonly compiled: CompiledQuery
  readonly streams: KafkaStreams
}

export interface QueryAppsOptions {
  readonly log: Log
  /** Without one, state lives in memory and is rebuilt at every start. */
  readonly stateDirectory: string | null
  readonly files: FileSystem
  readonly functions: FunctionRegistry
  readonly metastore: () => Metastore
  readonly processingLog: ProcessingLog
  readonly serviceId: string
  readonly schemaRegistry: SchemaRegistry
  readonly rates: RateMeter
}

/**
 * Persistent queries as Streams applications: one each, with the query's id in the application's, so that a restarted
 * query finds its offsets, topics and state.
 */
export class QueryApps implements QueryHost {
  readonly #options: QueryAppsOptions
  readonly #running = new Map<string, RunningQuery>()
  readonly #paused = new Set<string>()
  /** While commands are replayed: queries to start once it is known which of them are still wanted. */
  #deferred: Map<string, PersistentQuery> | null = null

  constructor(options: QueryAppsOptions) {
    this.#options = options
  }

  get running(): ReadonlyMap<string, RunningQuery> {
    return this.#running
  }

  deferStarts(): void {
    this.#deferred = new Map()
  }

  /** Returns the queries that could not be started, and why. */
  async startDeferred(): Promise<{ id: string; error: unknown }[]> {
    const deferred = this.#deferred
    this.#deferred = null
    const failed: { id: string; error: unknown }[] = []
    for (const query of deferred?.values() ?? []) {
      try {
        await this.start(query)
        if (this.#paused.has(query.id)) await this.pause(query.id)
      } catch (error) {
        failed.push({ id: query.id, error })
      }
    }
    return failed
  }

  async start(query: PersistentQuery): Promise<void> {
    if (this.#deferred !== null) {
      this.#deferred.set(query.id, query)
      return
    }
    const before = this.#running.get(query.id)
    try {
      await this.#run(query)
    } catch (error) {
      // An upgrade that does not start leaves the query as it was.
      if (before !== undefined) await this.#run(before.query)
      throw error
    }
  }

  async #run(query: PersistentQuery): Promise<void> {
    const compiled = this.compile(query)
    await this.#running.get(query.id)?.streams.close()
    const streams = new KafkaStreams(compiled.topology, this.appOptions(query.id, query.settings))
    this.#running.set(query.id, { query, compiled, streams })
    this.#options.rates.started(query.id)
    try {
      await streams.start()
    } catch (cause) {
      this.#running.delete(query.id)
      throw new SqlError(`Query ${query.id} could not be started: ${(cause as Error).message}`, { cause })
    }
  }

  storedColumns(id: string): ReadonlySet<string> | null {
    const running = this.#running.get(id)
    return running === undefined ? null : new Set(running.compiled.materialization?.stored?.columns.keys())
  }

  /** Tasks that open their stores later find the indexes in the catalogue. */
  indexesChanged(id: string): void {
    const running = this.#running.get(id)
    const stored = running?.compiled.materialization?.stored
    if (running === undefined || stored == null || running.streams.state !== 'RUNNING') return
    for (const table of tablesOf(running)) table.setIndexes(stored.indexes())
  }

  check(query: PersistentQuery): void {
    if (this.#deferred === null) this.compile(query)
  }

  compile(query: PersistentQuery): CompiledQuery {
    const options = this.compilerOptions(query.id, query.settings)
    if (query.kind === 'CREATE_SOURCE') return compileSourceTable(query.plan.root as SourceNode, options)
    return compileQuery(query.plan, options)
  }

  async stop(id: string): Promise<void> {
    if (this.#deferred?.delete(id) === true) return
    const running = this.#running.get(id)
    if (running === undefined) return
    this.#running.delete(id)
    await running.streams.close()
    running.streams.cleanUp()
    await this.forget(this.applicationId(id))
  }

  async pause(id: string): Promise<void> {
    this.#paused.add(id)
    this.#running.get(id)?.streams.pause()
  }

  async resume(id: string): Promise<void> {
    this.#paused.delete(id)
    this.#running.get(id)?.streams.resume()
  }

  /** Stops all queries; their state and offsets stay for the next start. */
  async close(): Promise<void> {
    const closing = [...this.#running.values()].map(({ streams }) => streams.close())
    this.#running.clear()
    await Promise.allSettled(closing)
  }

  /** Deletes internal topics and the offsets of an application that will not come back. */
  async forget(applicationId: string): Promise<void> {
    const { admin } = this.#options.log
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${applicationId}-`))
    if (topics.length > 0) await admin.deleteTopics(topics)
    if ((await admin.listGroups()).includes(applicationId)) await admin.deleteGroups([applicationId])
  }

  applicationId(queryId: string): string {
    const legal = queryId.replaceAll(/[^a-zA-Z0-9._-]/g, (c) => `_${c.codePointAt(0)!.toString(16)}`)
    return `_confluent-ksql-${this.#options.serviceId}query_${legal}`
  }

  compilerOptions(queryId: string, settings: Settings): CompilerOptions {
    const { functions, metastore, processingLog, schemaRegistry } = this.#options
    return {
      queryId,
      functions,
      customType: (name) => metastore().types.get(name),
      indexesOf: (table) => metastore().indexesOf(table),
      ...serdesOf(schemaRegistry),
      log: (error) => processingLog.write(error),
      throwOnInvalidTimestamp: settings.enabled('ksql.timestamp.throw.on.invalid'),
    }
  }

  /** How a query's application is run: bad input goes to the processing log, and the query goes on. */
  appOptions(queryId: string, settings: Settings): KafkaStreamsOptions {
    const { log, stateDirectory, files, processingLog } = this.#options
    const cacheMaxEntries = Number(settings.get('cache.max.entries') ?? 100_000)
    return {
      log,
      files,
      applicationId: this.applicationId(queryId),
      ...(stateDirectory === null ? {} : { stateDir: stateDirectory }),
      processingGuarantee:
        settings.get('processing.guarantee') === 'at_least_once' ? 'at_least_once' : 'exactly_once_v2',
      commitIntervalMs: Number(settings.get('commit.interval.ms') ?? 100),
      cacheMaxEntries,
      emitEveryUpdate: cacheMaxEntries === 0,
      autoOffsetReset: settings.get('auto.offset.reset') === 'latest' ? 'latest' : 'earliest',
      deserializationExceptionHandler: (failed) => {
        processingLog.write({ queryId, step: 'Deserialize', kind: 'deserialization', ...failed })
        return 'continue'
      },
      productionExceptionHandler: ({ topic, error }) => {
        const place = { topic, partition: -1, offset: -1 }
        processingLog.write({ queryId, step: 'Serialize', kind: 'serialization', ...place, error })
        return 'continue'
      },
      // What the exception handlers were asked about is logged by them.
      onDropped: ({ reason, node, topic, partition, offset, key, value }) => {
        if (reason === 'deserialization' || reason === 'processing' || reason === 'production') return
        const record = { topic, partition, offset, key, value }
        processingLog.write({ queryId, step: node, kind: reason, ...record, error: null })
      },
      uncaughtExceptionHandler: (error) => {
        const place = { topic: null, partition: -1, offset: -1 }
        processingLog.write({ queryId, step: 'Query', kind: 'failure', ...place, error })
        return 'SHUTDOWN_CLIENT'
      },
    }
  }
}
