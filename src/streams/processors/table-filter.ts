import type { Predicate } from '../functions.js'
import type { KeptTable } from '../graph/materialize.js'
import type { BatchOperator } from '../node.js'
import type { TableFlags } from '../table-emitter.js'
import { deriveTable } from './derive-table.js'

/** Rows for which `predicate` holds. A row that stops to match becomes a tombstone. */
export function filterTable(
  predicate: Predicate<unknown, unknown>,
  not: boolean,
  table: KeptTable | null,
  flags: TableFlags,
  versioned: () => boolean,
): BatchOperator {
  const compute = (key: unknown, value: unknown) =>
    value !== null && (predicate(key, value) ? !not : not) ? value : null
  // With old values at hand, what was and is absent need not be told. Of a versioned table every time counts.
  return deriveTable({ compute, table, flags, skipAbsent: () => !versioned() })
}
