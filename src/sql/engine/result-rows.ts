import type { Row } from '../formats/index.js'
import type { PlannedQuery } from '../plan/logical-planner.js'
import type { ResultColumn } from '../statements/statement-result.js'
import { type RowObject, rowObjects } from './typed-rows.js'

/** One row of a push or pull query. */
export interface QueryRow {
  readonly columns: readonly unknown[]
  /** The row is gone: only the columns of its key have values. */
  readonly tombstone: boolean
  /** Equal for changes of the same row of a table, window included; null on streams. */
  readonly identity: string | null
}

/** The same row also by column names; `R` is what the caller says it looks like. */
export interface TypedRow<R = RowObject> extends QueryRow {
  readonly row: R
}

export class ReadRow implements TypedRow {
  readonly columns: readonly unknown[]
  readonly tombstone: boolean
  readonly identity: string | null
  readonly #object: (values: readonly unknown[]) => RowObject

  constructor(
    columns: readonly unknown[],
    tombstone: boolean,
    identity: string | null,
    object: (values: readonly unknown[]) => RowObject,
  ) {
    this.columns = columns
    this.tombstone = tombstone
    this.identity = identity
    this.#object = object
  }

  /** Made when it is asked for: not everybody does. */
  get row(): RowObject {
    return this.#object(this.columns)
  }
}

/** Turns what comes out of a plan without a sink into rows of the select list. */
export class RowReader {
  readonly columns: readonly ResultColumn[]
  readonly isTable: boolean
  readonly #planned: PlannedQuery
  readonly #object: (values: readonly unknown[]) => RowObject

  constructor(planned: PlannedQuery) {
    this.#planned = planned
    this.isTable = planned.root.output === 'TABLE'
    this.columns = planned.root.columns.map(({ name, type }) => ({ name, type }))
    this.#object = rowObjects(this.columns)
  }

  /** Null for a record without a value on a stream: there is nothing to show. */
  read(key: unknown, value: unknown): TypedRow | null {
    const identity = this.isTable ? identityOf(key) : null
    if (value !== null) return new ReadRow((value as Row).toArray(), false, identity, this.#object)
    if (!this.isTable) return null
    const plain = this.#planned.root.window === null || key === null ? key : (key as { key: unknown }).key
    const columns = this.#planned.keyPositions.map((position) => {
      if (position < 0) return null
      return this.#planned.root.key.length === 1
        ? plain
        : ((plain as readonly unknown[] | null)?.[position] ?? null)
    })
    return new ReadRow(columns, true, identity, this.#object)
  }
}

function identityOf(key: unknown): string {
  return JSON.stringify(key, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}
