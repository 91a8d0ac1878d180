import { formatType, quoteIdentifier, type SqlType } from './types.js'

export interface Column {
  readonly name: string
  readonly type: SqlType
  readonly role: ColumnRole
  /** For role 'header': the header's key, or null for the whole list. */
  readonly headerKey?: string | null
}

export type ColumnRole = 'key' | 'value' | 'header'

/** The columns of a stream or table, in the order declared: key columns may stand anywhere in a declaration. */
export class LogicalSchema {
  readonly columns: readonly Column[]
  readonly key: readonly Column[]
  readonly value: readonly Column[]
  readonly headers: readonly Column[]

  constructor(columns: readonly Column[]) {
    this.columns = columns
    this.key = columns.filter((c) => c.role === 'key')
    this.value = columns.filter((c) => c.role === 'value')
    this.headers = columns.filter((c) => c.role === 'header')
  }

  find(name: string): Column | undefined {
    return this.columns.find((c) => c.name === name)
  }

  /** ``` `ID` BIGINT KEY, `NAME` STRING ``` */
  toString(): string {
    const mark = (c: Column): string =>
      c.role === 'key'
        ? ' KEY'
        : c.role === 'header'
          ? c.headerKey == null
            ? ' HEADERS'
            : ` HEADER('${c.headerKey}')`
          : ''
    return [...this.key, ...this.value, ...this.headers]
      .map((c) => `${quoteIdentifier(c.name)} ${formatType(c.type)}${mark(c)}`)
      .join(', ')
  }
}

/** Columns every row has without declaring them. */
export const pseudoColumnNames: ReadonlySet<string> = new Set(['ROWTIME', 'ROWPARTITION', 'ROWOFFSET'])
export const windowColumnNames: ReadonlySet<string> = new Set(['WINDOWSTART', 'WINDOWEND'])
