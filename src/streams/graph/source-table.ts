import type { BatchOperator } from '../node.js'
import { keptTableSource, looseTableSource } from '../processors/table-source.js'
import type { KeptTable } from './materialize.js'
import type { TableGetter, TableSource } from './table-source.js'

/** A table made from records: kept when it has a name for queries, or when something below needs it. */
export class SourceTable implements TableSource {
  readonly kept: KeptTable
  materialized: boolean
  sendOldValues = false
  sendEveryUpdate = false

  constructor(kept: KeptTable, materialized: boolean) {
    this.kept = kept
    this.materialized = materialized
  }

  get versioned(): boolean {
    return this.materialized && this.kept.versioned
  }

  enableSendingOldValues(force: boolean): boolean {
    if (!force && !this.materialized) return false
    this.materialized = true
    this.sendOldValues = true
    return true
  }

  enableSendingEveryUpdate(): void {
    this.sendEveryUpdate = true
  }

  getter(): TableGetter {
    this.materialized = true
    return this.kept.getter
  }

  /** To be asked when the topology is written: all that is below is known then. */
  operator(): BatchOperator {
    return this.materialized ? keptTableSource(this.kept, this) : looseTableSource
  }
}
