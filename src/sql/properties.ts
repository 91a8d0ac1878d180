import type { Location } from './ast.js'
import { SqlError } from './errors.js'
import { nearest } from './nearest-name.js'

/*
 * Settings: what ksqlDB has, as far as it means something here. A session's own values lie over the engine's, which
 * lie over the defaults.
 */

export type PropertyValues = Readonly<Record<string, string>>

/** What a value must look like. */
type ValueShape = 'text' | 'boolean' | 'number' | readonly string[]

export interface PropertyDefinition {
  readonly name: string
  readonly defaultValue: string
  readonly description: string
  readonly shape: ValueShape
}

const formats = ['NONE', 'KAFKA', 'DELIMITED', 'JSON', 'JSON_SR', 'AVRO', 'PROTOBUF', 'PROTOBUF_NOSR']

export const propertyDefinitions: readonly PropertyDefinition[] = [
  define('ksql.service.id', 'default_', 'prefix of internal names'),
  define('auto.offset.reset', 'earliest', 'where new queries begin', ['earliest', 'latest', 'none']),
  define('commit.interval.ms', '100', 'how often queries commit', 'number'),
  define('processing.guarantee', 'exactly_once_v2', 'exactly_once_v2 or at_least_once', [
    'exactly_once_v2',
    'exactly_once',
    'exactly_once_beta',
    'at_least_once',
  ]),
  define('cache.max.entries', '100000', 'entries of the write-back caches of a query', 'number'),
  define('ksql.persistence.default.format.key', 'KAFKA', 'key format where a statement names none', formats),
  define('ksql.persistence.default.format.value', '', 'value format where a statement names none', formats),
  define('ksql.persistence.wrap.single.values', '', 'whether single value columns are wrapped', 'boolean'),
  define('ksql.output.topic.name.prefix', '', 'put before generated sink topic names'),
  define('ksql.create.or.replace.enabled', 'true', 'CREATE OR REPLACE', 'boolean'),
  define('ksql.new.query.planner.enabled', 'false', 'a stream may leave out its key', 'boolean'),
  define('ksql.insert.into.values.enabled', 'true', 'INSERT INTO … VALUES', 'boolean'),
  define('ksql.timestamp.throw.on.invalid', 'false', 'a bad timestamp column stops the query', 'boolean'),
  define('ksql.functions.collect_list.limit', '', 'maximal length of the list', 'number'),
  define('ksql.functions.collect_set.limit', '', 'maximal length of the list', 'number'),
  define('ksql.pull.queries.enable', 'true', 'pull queries', 'boolean'),
  define('ksql.query.pull.table.scan.enabled', 'true', 'pull queries that read a whole table', 'boolean'),
  define('ksql.query.pull.range.scan.enabled', 'true', 'pull queries over a range of keys', 'boolean'),
  define('ksql.query.pull.stream.enabled', 'true', 'pull queries on streams', 'boolean'),
  define(
    'ksql.query.pull.read.your.writes',
    'true',
    'pull queries wait for what their session inserted',
    'boolean',
  ),
  define('ksql.query.pull.limit.clause.enabled', 'true', 'LIMIT in pull queries', 'boolean'),
  define('ksql.headers.columns.enabled', 'true', 'HEADERS columns', 'boolean'),
  define('ksql.suppress.enabled', 'true', 'EMIT FINAL', 'boolean'),
  define('ksql.lambdas.enabled', 'true', 'lambda functions', 'boolean'),
  define('ksql.source.table.materialization.enabled', 'true', 'CREATE SOURCE TABLE', 'boolean'),
  define('ksql.variable.substitution.enable', 'true', 'variables in statements', 'boolean'),
  define('ksql.explain.generated.source', 'false', 'EXPLAIN shows the generated JavaScript', 'boolean'),
  define('ksql.assert.topic.default.timeout.ms', '1000', 'how long ASSERT TOPIC waits', 'number'),
  define('ksql.assert.schema.default.timeout.ms', '1000', 'how long ASSERT SCHEMA waits', 'number'),
  define(
    'ksql.logging.processing.stream.auto.create',
    'true',
    'the processing log as stream KSQL_PROCESSING_LOG',
    'boolean',
  ),
]

function define(
  name: string,
  defaultValue: string,
  description: string,
  shape: ValueShape = 'text',
): PropertyDefinition {
  return { name, defaultValue, description, shape }
}

/** Of a server and of Kafka's clients: scripts may set them; nothing here follows them. */
const withoutEffect: ReadonlySet<string> = new Set(
  `ksql.streams.num.stream.threads ksql.windowed.session.key.legacy ksql.functions.substring.legacy.args
  ksql.query.pull.interpreter.enabled ksql.query.pull.max.allowed.offset.lag ksql.query.pull.enable.standby.reads
  ksql.query.pull.max.qps ksql.query.pull.max.concurrent.requests ksql.query.push.v2.enabled
  ksql.query.push.v2.registry.installed ksql.query.push.v2.new.latest.delay.ms
  ksql.query.persistent.active.limit ksql.query.retry.backoff.initial.ms ksql.query.retry.backoff.max.ms
  ksql.query.error.max.queue.size ksql.error.classifier.regex ksql.internal.topic.replicas
  ksql.create.topic.inherit.source.replicas.enabled ksql.properties.overrides.denylist ksql.schema.registry.url
  ksql.connect.url ksql.hidden.topics ksql.readonly.topics ksql.endpoint.migrate.query ksql.heartbeat.enable
  ksql.lag.reporting.enable ksql.logging.processing.topic.auto.create ksql.logging.processing.topic.name
  ksql.logging.processing.stream.name ksql.logging.processing.rows.include ksql.security.extension.class
  ksql.query.cleanup.shutdown.timeout.ms ksql.query.status.running.threshold.seconds ksql.sink.partitions
  ksql.sink.replicas ksql.queryanonymizer.logs_enabled ksql.metrics.extension ksql.client.ip_port.configuration.enabled
  num.stream.threads num.standby.replicas cache.max.bytes.buffering statestore.cache.max.bytes
  topology.optimization default.timestamp.extractor default.deserialization.exception.handler
  default.production.exception.handler max.task.idle.ms replication.factor state.dir state.cleanup.delay.ms
  buffered.records.per.partition poll.ms bootstrap.servers application.id client.id
  fetch.min.bytes fetch.max.bytes fetch.max.wait.ms max.partition.fetch.bytes max.poll.records
  max.poll.interval.ms session.timeout.ms heartbeat.interval.ms isolation.level enable.auto.commit
  acks batch.size buffer.memory compression.type linger.ms max.block.ms max.request.size
  delivery.timeout.ms request.timeout.ms retries retry.backoff.ms enable.idempotence transaction.timeout.ms
  metadata.max.age.ms`.split(/\s+/),
)

const definitions = new Map(propertyDefinitions.map((p) => [p.name, p]))

const streamsPrefix = 'ksql.streams.'
/** Prefixes that send a setting to one of a query's clients. */
const clientPrefix = /^(consumer|producer|main\.consumer|restore\.consumer|admin|topic)\./

/** The name without the prefix that settings of Streams may carry. */
export function bareName(name: string): string {
  return name.startsWith(streamsPrefix) ? name.slice(streamsPrefix.length) : name
}

/**
 * Whether SET and ALTER SYSTEM may give a property this value.
 *
 * @throws SqlError naming the closest property, or what the value may be
 */
export function checkProperty(property: string, value: string, location: Location | null): void {
  const name = bareName(property)
  const definition = definitions.get(name)
  if (definition !== undefined) return checkValue(definition, value, location)
  if (withoutEffect.has(property) || withoutEffect.has(name.replace(clientPrefix, ''))) return
  const near = nearest(name, [...definitions.keys(), ...withoutEffect])
  throw new SqlError(`Not recognizable as ksql, streams, consumer, or producer property: '${property}'`, {
    location,
    suggestion: near === undefined ? 'SHOW PROPERTIES lists what can be set.' : `Did you mean '${near}'?`,
  })
}

function checkValue({ name, shape }: PropertyDefinition, value: string, location: Location | null): void {
  const wanted = (what: string, suggestion: string | null = null): SqlError =>
    new SqlError(`Invalid value ${value} for configuration ${name}: ${what}`, { location, suggestion })
  if (shape === 'boolean' && !/^(true|false)$/i.test(value)) throw wanted('it is true or false')
  if (shape === 'number' && !/^-?\d+$/.test(value)) throw wanted('it is a whole number')
  if (typeof shape === 'string' || shape.some((one) => one.toLowerCase() === value.toLowerCase())) return
  const near = nearest(
    value.toLowerCase(),
    shape.map((one) => one.toLowerCase()),
  )
  throw wanted(
    `String must be one of: ${shape.join(', ')}`,
    near === undefined ? null : `Did you mean '${near}'?`,
  )
}

/** Settings in layers; names may carry `ksql.streams.` before those of Streams. */
export class Settings {
  readonly #layers: readonly PropertyValues[]

  /** @param layers the innermost first */
  constructor(...layers: readonly PropertyValues[]) {
    this.#layers = layers
  }

  get(name: string): string | undefined {
    for (const layer of this.#layers) {
      const value = layer[name] ?? layer[streamsPrefix + name]
      if (value !== undefined) return value
    }
    const value = definitions.get(name)?.defaultValue
    return value === '' ? undefined : value
  }

  enabled(name: string): boolean {
    return this.get(name)?.toLowerCase() === 'true'
  }

  /** Null where unset. */
  boolean(name: string): boolean | null {
    const value = this.get(name)
    return value === undefined ? null : value.toLowerCase() === 'true'
  }

  with(layer: PropertyValues): Settings {
    return new Settings(layer, ...this.#layers)
  }
}
