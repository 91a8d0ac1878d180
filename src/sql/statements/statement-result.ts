import type { SqlType } from '../types.js'

export interface ResultColumn {
  readonly name: string
  readonly type: SqlType | null
}

/** What came of a statement that is done at once. SELECT and PRINT give queries instead; see push-query.ts. */
export type StatementResult =
  | {
      readonly kind: 'message'
      readonly statement: string
      readonly message: string
      /** Of a persistent query that was started. */
      readonly queryId: string | null
      /** `warning` for IF NOT EXISTS on an existing name. */
      readonly status: 'success' | 'warning'
    }
  | {
      readonly kind: 'rows'
      readonly statement: string
      readonly title: string | null
      readonly columns: readonly ResultColumn[]
      readonly rows: readonly (readonly unknown[])[]
      readonly note: string | null
    }
