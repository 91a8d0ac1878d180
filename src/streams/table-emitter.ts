import type { Headers } from '../log/index.js'
import type { EntryStore, StoreEntry } from '../state/index.js'
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

/** What is held of an entry: the state of things at the last emission, and the headers of the last update. */
interface HeldEntry {
  readonly oldValue: unknown
  readonly headers: Headers | null
}

/** Most entries had no value, or one that nobody asks for, and have no headers: they share these. */
const newEntry: HeldEntry = { oldValue: null, headers: null }
const knownEntry: HeldEntry = { oldValue: true, headers: null }

type AnyEntry = StoreEntry<unknown, unknown>

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
  /** Entries that are held, in the order of their first updates. */
  #entries: AnyEntry[] = []
  #keyOf: ((entry: AnyEntry) => unknown) | null = null
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

  /**
   * For a table that collapses and whose store hands out entries: prepares `hold`. `keyOf` gives the row's key, where
   * that is not the entry's.
   */
  holdEntriesOf<E extends AnyEntry>(
    store: Pick<EntryStore<unknown>, 'onRelease'>,
    keyOf?: (entry: E) => unknown,
  ): void {
    this.#keyOf = (keyOf as ((entry: AnyEntry) => unknown) | undefined) ?? null
    store.onRelease(() => this.#forwardPending())
  }

  /** What `push` is for others: to be called before an entry is changed that is not held yet. */
  hold(entry: AnyEntry, headers: Headers | null): void {
    if (this.#entries.length >= pendingChangesMax) this.#forwardPending()
    const oldValue = entry.value ?? null
    if (headers === null && (oldValue === null || !this.#flags.sendOldValues)) {
      entry.held = oldValue === null ? newEntry : knownEntry
    } else {
      entry.held = { oldValue, headers } satisfies HeldEntry
    }
    this.#entries.push(entry)
  }

  /** A row has the headers of its last update. */
  replaceHeaders(entry: AnyEntry, headers: Headers | null): void {
    const { oldValue } = entry.held as HeldEntry
    entry.held = { oldValue, headers } satisfies HeldEntry
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
    const entries = this.#entries
    const size = entries.length + pending.length
    if (size === 0) return
    const out = new PendingBatch(size, this.#flags.sendOldValues)
    this.#entries = []
    const keyOf = this.#keyOf
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      const { oldValue, headers } = entry.held as HeldEntry
      entry.held = null
      const value = entry.value ?? null
      if (value === null && oldValue === null) continue
      out.push(keyOf === null ? entry.key : keyOf(entry), value, oldValue, entry.timestamp, headers)
    }
    for (const { key, value, oldValue, timestamp, headers } of pending) {
      if (value !== null || oldValue !== null) out.push(key, value, oldValue, timestamp, headers)
    }
    pending.length = 0
    this.#index.clear()
    if (out.size > 0) this.#context.forward(out.build())
  }
}

/** Changes without an origin. */
class PendingBatch {
  size = 0
  readonly #keys: unknown[]
  readonly #values: unknown[]
  readonly #timestamps: Float64Array
  readonly #oldValues: unknown[] | null
  #headers: (Headers | null)[] | null = null

  constructor(sizeMax: number, sendOldValues: boolean) {
    this.#keys = new Array<unknown>(sizeMax)
    this.#values = new Array<unknown>(sizeMax)
    this.#timestamps = new Float64Array(sizeMax)
    this.#oldValues = sendOldValues ? new Array<unknown>(sizeMax) : null
  }

  push(key: unknown, value: unknown, oldValue: unknown, timestamp: number, headers: Headers | null): void {
    const at = this.size++
    if (headers !== null) this.#headers ??= new Array<Headers | null>(at).fill(null)
    this.#headers?.push(headers)
    this.#keys[at] = key
    this.#values[at] = value
    this.#timestamps[at] = timestamp
    if (this.#oldValues !== null) this.#oldValues[at] = oldValue
  }

  build(): AnyBatch {
    const { size } = this
    for (const list of [this.#keys, this.#values, this.#oldValues]) if (list !== null) list.length = size
    return {
      size,
      keys: this.#keys,
      values: this.#values,
      timestamps: this.#timestamps,
      oldValues: this.#oldValues,
      headers: this.#headers,
      origin: null,
      rows: null,
    }
  }
}
