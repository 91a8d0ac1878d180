import type { Headers } from '../log/index.js'
import { type AnyBatch, BatchBuilder, headersOf } from './batch.js'
import type { KeyIndex } from './key-identity.js'
import type { NodeContext } from './node.js'
import type { Emit } from './rx/operate.js'

/** What is asked of a table by those below it; known once the whole topology is. */
export interface TableFlags {
  readonly sendOldValues: boolean
  /** Every update goes on at once, so that what the table shows and what it has sent never differ. */
  readonly sendEveryUpdate: boolean
}

/** What a table that is kept says about collapsing its updates. */
export interface CollapsibleTable {
  readonly caching: boolean
  newIndex<T>(): KeyIndex<T>
}

interface PendingChange {
  readonly key: unknown
  /** As of the last emission. */
  readonly oldValue: unknown
  value: unknown
  timestamp: number
  headers: Headers | null
}

const pendingChangesMax = 100_000
const none = {}

/**
 * Where the updates of a kept table go downstream.
 *
 * Either every update at once, or (Kafka Streams' record cache) only the last one of each key at the next commit: its
 * old value is then the value at the last emission, and a row that came and went leaves no trace.
 */
export class TableEmitter {
  readonly #context: NodeContext
  readonly #flags: TableFlags
  /** In the order of their first updates, and by key; null where every update is sent. */
  readonly #pending: PendingChange[] | null
  readonly #index: KeyIndex<PendingChange>
  #out: BatchBuilder<unknown, unknown> | null = null
  #outdated: boolean[] | null = null

  constructor(context: NodeContext, table: CollapsibleTable, flags: TableFlags) {
    this.#context = context
    this.#flags = flags
    this.#index = table.newIndex()
    this.#pending = table.caching && !flags.sendEveryUpdate && !context.emitEveryUpdate ? [] : null
    if (this.#pending !== null) context.onFlush(() => this.#forwardPending())
  }

  /** Whether updates of a key are collapsed until the next commit. */
  get collapses(): boolean {
    return this.#pending !== null
  }

  /**
   * `row` is the row of `batch` that caused the change, and whose headers it carries unless others are given. Null
   * values are the absence of a row.
   */
  push(
    key: unknown,
    value: unknown,
    oldValue: unknown,
    timestamp: number,
    batch: AnyBatch,
    row: number,
    options: { outdated?: boolean; headers?: Headers | null } = none,
  ): void {
    const { outdated = false, headers } = options
    if (this.#pending !== null) {
      this.#hold(
        this.#pending,
        key,
        value,
        oldValue,
        timestamp,
        headers === undefined ? headersOf(batch, row) : headers,
      )
      return
    }
    this.#out ??= new BatchBuilder({ oldValues: this.#flags.sendOldValues })
    this.#out.pushChange(key, value, oldValue, timestamp, batch, row)
    if (headers !== undefined) this.#out.setHeaders(headers)
    if (outdated || this.#outdated !== null) {
      this.#outdated ??= new Array<boolean>(this.#out.size - 1).fill(false)
      this.#outdated.push(outdated)
    }
  }

  /** Sends what was pushed, unless it is held back. To be called at the end of each batch. */
  send(batch: AnyBatch, emit: Emit): void {
    const out = this.#out
    if (out === null) return
    const outdated = this.#outdated
    this.#out = null
    this.#outdated = null
    emit(outdated === null ? out.build(batch) : { ...out.build(batch), outdated })
  }

  #hold(
    pending: PendingChange[],
    key: unknown,
    value: unknown,
    oldValue: unknown,
    timestamp: number,
    headers: Headers | null,
  ): void {
    const held = this.#index.get(key)
    if (held === undefined) {
      const change = { key, oldValue, value, timestamp, headers }
      this.#index.set(key, change)
      pending.push(change)
      if (pending.length >= pendingChangesMax) this.#forwardPending()
      return
    }
    held.value = value
    held.timestamp = timestamp
    held.headers = headers
  }

  #forwardPending(): void {
    const pending = this.#pending!
    if (pending.length === 0) return
    const changes = pending.filter((change) => change.value !== null || change.oldValue !== null)
    pending.length = 0
    this.#index.clear()
    if (changes.length === 0) return
    this.#context.forward({
      size: changes.length,
      keys: changes.map((change) => change.key),
      values: changes.map((change) => change.value),
      timestamps: changes.map((change) => change.timestamp),
      oldValues: this.#flags.sendOldValues ? changes.map((change) => change.oldValue) : null,
      headers: changes.some((change) => change.headers !== null)
        ? changes.map((change) => change.headers)
        : null,
      origin: null,
      rows: null,
    })
  }
}
