import { SqlError } from '../errors.js'
import type { SqlType } from '../types.js'
import type { FormatColumn, InferOptions } from './format-contract.js'

/** The columns of a schema's type: its fields, or the one column ROWKEY or ROWVAL of a bare value. @throws SqlError */
export function columnsOfType(
  type: SqlType | null,
  { role, unwrapped }: InferOptions,
): readonly FormatColumn[] {
  if (type !== null && unwrapped) return [{ name: role === 'key' ? 'ROWKEY' : 'ROWVAL', type }]
  if (type?.kind === 'STRUCT') return type.fields
  throw new SqlError(
    type === null
      ? 'Schema does not include any columns with types that ksqlDB supports.'
      : 'Schema returned from schema registry is anonymous type. To use this schema with ksqlDB, ' +
          "set 'WRAP_SINGLE_VALUE=false' in the WITH clause properties.",
  )
}
