/*
 * Settings: what ksqlDB has, as far as it means something here. A session's own values lie over the engine's, which
 * lie over the defaults.
 */

export type PropertyValues = Readonly<Record<string, string>>

export interface PropertyDefinition {
  readonly name: string
  readonly defaultValue: string
  readonly description: string
}

export const propertyDefinitions: readonly PropertyDefinition[] = [
  define('ksql.service.id', 'default_', 'prefix of internal names'),
  define('auto.offset.reset', 'earliest', 'where new queries begin: earliest or latest'),
  define('commit.interval.ms', '100', 'how often queries commit'),
  define('processing.guarantee', 'exactly_once_v2', 'exactly_once_v2 or at_least_once'),
  define('cache.max.entries', '100000', 'entries of the write-back caches of a query'),
  define('ksql.persistence.default.format.key', 'KAFKA', 'key format where a statement names none'),
  define('ksql.persistence.default.format.value', '', 'value format where a statement names none'),
  define('ksql.persistence.wrap.single.values', '', 'whether single value columns are wrapped'),
  define('ksql.output.topic.name.prefix', '', 'put before generated sink topic names'),
  define('ksql.create.or.replace.enabled', 'true', 'CREATE OR REPLACE'),
  define('ksql.new.query.planner.enabled', 'false', 'a stream may leave out its key'),
  define('ksql.insert.into.values.enabled', 'true', 'INSERT INTO … VALUES'),
  define('ksql.timestamp.throw.on.invalid', 'false', 'a bad timestamp column stops the query'),
  define('ksql.functions.collect_list.limit', '', 'maximal length of the list'),
  define('ksql.functions.collect_set.limit', '', 'maximal length of the list'),
  define('ksql.pull.queries.enable', 'true', 'pull queries'),
  define('ksql.query.pull.table.scan.enabled', 'true', 'pull queries that read a whole table'),
  define('ksql.query.pull.range.scan.enabled', 'true', 'pull queries over a range of keys'),
  define('ksql.query.pull.stream.enabled', 'true', 'pull queries on streams'),
  define('ksql.query.pull.read.your.writes', 'true', 'pull queries wait for what their session inserted'),
  define('ksql.query.pull.limit.clause.enabled', 'true', 'LIMIT in pull queries'),
  define('ksql.headers.columns.enabled', 'true', 'HEADERS columns'),
  define('ksql.suppress.enabled', 'true', 'EMIT FINAL'),
  define('ksql.lambdas.enabled', 'true', 'lambda functions'),
  define('ksql.source.table.materialization.enabled', 'true', 'CREATE SOURCE TABLE'),
  define('ksql.variable.substitution.enable', 'true', 'variables in statements'),
]

function define(name: string, defaultValue: string, description: string): PropertyDefinition {
  return { name, defaultValue, description }
}

const defaults = new Map(propertyDefinitions.map((p) => [p.name, p.defaultValue]))

/** Settings in layers; names may carry `ksql.streams.` before those of Streams. */
export class Settings {
  readonly #layers: readonly PropertyValues[]

  /** @param layers the innermost first */
  constructor(...layers: readonly PropertyValues[]) {
    this.#layers = layers
  }

  get(name: string): string | undefined {
    for (const layer of this.#layers) {
      const value = layer[name] ?? layer[`ksql.streams.${name}`]
      if (value !== undefined) return value
    }
    const value = defaults.get(name)
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
