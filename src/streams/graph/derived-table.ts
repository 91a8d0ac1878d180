import type { KeptTable } from './materialize.js'
import type { TableGetter, TableSource } from './table-source.js'

/** A table computed from another one, kept or not. */
export class DerivedTable implements TableSource {
  sendOldValues = false
  sendEveryUpdate = false
  readonly #parent: TableSource
  readonly #kept: KeptTable | null
  readonly #view: (parent: TableGetter) => TableGetter

  /** `view` computes rows from rows of the parent, where the table itself is not kept. */
  constructor(parent: TableSource, kept: KeptTable | null, view: (parent: TableGetter) => TableGetter) {
    this.#parent = parent
    this.#kept = kept
    this.#view = view
  }

  get versioned(): boolean {
    return this.#kept === null ? this.#parent.versioned : this.#kept.versioned
  }

  enableSendingOldValues(force: boolean): boolean {
    if (this.#kept !== null || this.#parent.enableSendingOldValues(force)) this.sendOldValues = true
    return this.sendOldValues
  }

  enableSendingEveryUpdate(): void {
    this.sendEveryUpdate = true
    if (this.#kept === null) this.#parent.enableSendingEveryUpdate()
  }

  getter(): TableGetter {
    return this.#kept === null ? this.#view(this.#parent.getter()) : this.#kept.getter
  }
}

/** Rows computed one by one from those of the parent. */
export function computedGetter(
  parent: TableGetter,
  compute: (key: unknown, value: unknown) => unknown,
): TableGetter {
  return {
    storeNames: parent.storeNames,
    open(context) {
      const lookup = parent.open(context)
      return (key, asOf) => {
        const row = lookup(key, asOf)
        if (row === null) return null
        const value = compute(key, row.value) ?? null
        return value === null ? null : { value, timestamp: row.timestamp }
      }
    },
  }
}
