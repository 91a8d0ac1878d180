import type { SourceKind } from './ast.js'
import { SqlError } from './errors.js'
import type { LogicalSchema } from './schema.js'
import type { SqlType } from './types.js'

/*
 * The catalogue: what streams, tables and types there are, and which query writes or reads which. Pure data in memory;
 * it comes back from the command topic at start.
 */

export const formatNames = [
  'NONE',
  'KAFKA',
  'DELIMITED',
  'JSON',
  'JSON_SR',
  'AVRO',
  'PROTOBUF',
  'PROTOBUF_NOSR',
] as const
export type FormatName = (typeof formatNames)[number]

export type SerdeFeature = 'WRAP_SINGLES' | 'UNWRAP_SINGLES'

/** A format with its settings (such as `delimiter`, `fullSchemaName`), by the names ksqlDB uses. */
export interface FormatInfo {
  readonly name: FormatName
  readonly properties: Readonly<Record<string, string>>
  /** Empty where the format itself says how single columns are written. */
  readonly features: readonly SerdeFeature[]
}

export interface WindowInfo {
  readonly type: 'TUMBLING' | 'HOPPING' | 'SESSION'
  /** Null for sessions, ms. */
  readonly sizeMs: number | null
}

export interface TimestampColumn {
  readonly column: string
  /** A pattern for text columns. */
  readonly format: string | null
}

/** A stream or a table over a topic. Frozen; a change puts another one under the same name. */
export interface DataSource {
  readonly kind: SourceKind
  readonly name: string
  readonly schema: LogicalSchema
  readonly topic: string
  readonly keyFormat: FormatInfo
  readonly valueFormat: FormatInfo
  /** Set when the key is windowed. */
  readonly window: WindowInfo | null
  readonly timestamp: TimestampColumn | null
  /** CREATE SOURCE …: nobody but its topic's own writers may write it. */
  readonly isSource: boolean
  /** The query that creates it, for CREATE … AS. */
  readonly createdBy: string | null
  /** The statement that made it. */
  readonly text: string
}

/** An index of a materialised table. */
export interface IndexDefinition {
  readonly name: string
  readonly table: string
  readonly columns: readonly string[]
}

/** What a persistent query reads and writes, by source names. */
export interface QueryLinks {
  readonly id: string
  readonly sources: readonly string[]
  readonly sink: string | null
}

export class Metastore {
  readonly #sources = new Map<string, DataSource>()
  readonly #types = new Map<string, SqlType>()
  readonly #queries = new Map<string, QueryLinks>()
  readonly #indexes = new Map<string, IndexDefinition>()

  get sources(): readonly DataSource[] {
    return [...this.#sources.values()]
  }

  get types(): ReadonlyMap<string, SqlType> {
    return this.#types
  }

  get queries(): readonly QueryLinks[] {
    return [...this.#queries.values()]
  }

  get indexes(): ReadonlyMap<string, IndexDefinition> {
    return this.#indexes
  }

  indexesOf(table: string): readonly IndexDefinition[] {
    return [...this.#indexes.values()].filter((index) => index.table === table)
  }

  putIndex(index: IndexDefinition): void {
    this.#indexes.set(index.name, index)
  }

  removeIndex(name: string): void {
    this.#indexes.delete(name)
  }

  find(name: string): DataSource | undefined {
    return this.#sources.get(name)
  }

  put(source: DataSource): void {
    this.#sources.set(source.name, source)
  }

  /** Throws where queries still use it. The query that creates it does not count: it goes with its source. */
  checkRemovable(name: string): void {
    const creator = this.#sources.get(name)?.createdBy ?? null
    const readers = [...this.#queries.values()].filter((q) => q.sources.includes(name) && q.id !== creator)
    const writers = [...this.#queries.values()].filter((q) => q.sink === name && q.id !== creator)
    const list = (queries: QueryLinks[]): string => queries.map((q) => q.id).join(', ')
    if (writers.length > 0 || readers.some((q) => q.sink === null || q.sink === name)) {
      throw new SqlError(
        `Cannot drop ${name}.\n` +
          `The following queries read from this source: [${list(readers)}].\n` +
          `The following queries write into this source: [${list(writers)}].\n` +
          `You need to terminate them before dropping ${name}.`,
      )
    }
    const derived = readers.map((q) => q.sink).join(', ')
    if (derived !== '') {
      throw new SqlError(
        `Cannot drop ${name}.\n` +
          `The following streams and/or tables read from this source: [${derived}].\n` +
          `You need to drop them before dropping ${name}.`,
      )
    }
  }

  /** Its indexes go with it. */
  remove(name: string): void {
    this.#sources.delete(name)
    for (const index of this.indexesOf(name)) this.#indexes.delete(index.name)
  }

  putType(name: string, type: SqlType): void {
    this.#types.set(name, type)
  }

  removeType(name: string): boolean {
    return this.#types.delete(name)
  }

  linkQuery(links: QueryLinks): void {
    this.#queries.set(links.id, links)
  }

  unlinkQuery(id: string): void {
    this.#queries.delete(id)
  }

  readersOf(name: string): readonly string[] {
    return [...this.#queries.values()].filter((q) => q.sources.includes(name)).map((q) => q.id)
  }

  writersOf(name: string): readonly string[] {
    return [...this.#queries.values()].filter((q) => q.sink === name).map((q) => q.id)
  }

  /** Everything a script would change, to be tried on before it is done for real. */
  copy(): Metastore {
    const copy = new Metastore()
    for (const source of this.#sources.values()) copy.put(source)
    for (const [name, type] of this.#types) copy.putType(name, type)
    for (const index of this.#indexes.values()) copy.putIndex(index)
    for (const links of this.#queries.values()) copy.linkQuery(links)
    return copy
  }
}
