import type { ValueAndTimestamp } from '../../state/index.js'
import type { NodeContext } from '../node.js'

/** What operators below a table may ask of it while the topology is being built, and while it runs. */
export interface TableSource {
  /**
   * Asks for old values on the edges below. False where they are not known and `force` does not allow to keep a store
   * for them.
   */
  enableSendingOldValues(force: boolean): boolean
  /** Asks for every update at once: changes must not be collapsed until the next commit. */
  enableSendingEveryUpdate(): void
  /** How to look a row up. Makes a source table keep a store. */
  getter(): TableGetter
  /** Whether rows that come late are marked as outdated (the table's store is versioned). */
  readonly versioned: boolean
}

export interface TableGetter {
  /** The stores a node must be connected to, to use `open`. */
  readonly storeNames: readonly string[]
  open(context: NodeContext): RowLookup
}

/**
 * Reads the present row of a key; with a time, the row that was valid then (versioned tables only). The answer is good
 * until the next look.
 */
export type RowLookup = (key: unknown, asOf?: number) => ValueAndTimestamp<unknown> | null
