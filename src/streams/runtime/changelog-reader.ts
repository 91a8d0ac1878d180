import type { Consumer, DecodedBatch, TopicPartition } from '../../log/index.js'
import type { ChangelogRecord } from '../../state/index.js'
import { fingerprintOf } from './last-change.js'
import { rawKey, rawValue } from './run.js'
import type { TaskStore } from './state-manager.js'
import type { TaskState } from './task-state.js'

/** A store that is brought up to date with its changelog. */
export interface StoreRestore {
  readonly taskId: string
  readonly store: string
  readonly changelog: TopicPartition
  readonly startOffset: number
  readonly endOffset: number
  /** The recorded offset was outside the log (lost data, or a log that begins later): rebuilt from nothing. */
  readonly wiped: boolean
}

/** How far a restore is; `restored` counts records since its start. */
export interface StoreRestoreProgress extends StoreRestore {
  readonly restored: number
}

/**
 * Told how restoring goes: Kafka Streams' StateRestoreListener. Called for active tasks only, also where there is
 * nothing to restore; not for standbys and global stores.
 */
export interface StateRestoreListener {
  onRestoreStart?(restore: StoreRestore): void
  /** After each batch of records. */
  onBatchRestored?(restore: StoreRestoreProgress & { readonly batchEndOffset: number }): void
  onRestoreEnd?(restore: StoreRestoreProgress): void
  /** The task went to another instance, or the instance ends, before all was restored. */
  onRestoreSuspended?(restore: StoreRestoreProgress): void
}

/** Between two commits of a long restore: a crash then goes on from there. */
const restoreCommitRecords = 100_000
/** Offsets that the last change before the end of a commit is from it, at most: behind it stands the marker. */
const markerOffsets = 2

/**
 * One store that follows its changelog.
 *
 * Invariant: the store contains the changelog up to `position`; records from `limit` on are left alone.
 */
export class ChangelogFollower {
  readonly state: TaskState
  readonly store: TaskStore
  readonly changelog: TopicPartition
  position = 0
  limit = 0
  /** The end of the changelog when it was last seen. */
  #knownEnd = 0
  #restored = 0
  #uncommitted = 0
  #start = 0
  #wiped = false
  /** What was applied last, and the fingerprint that was written down last. */
  #last: { readonly offset: number; readonly record: ChangelogRecord } | null = null
  #lastChange: number | null = null
  #written = -1

  private constructor(state: TaskState, store: TaskStore, topic: string) {
    this.state = state
    this.store = store
    this.changelog = { topic, partition: state.partition }
  }

  /**
   * Stands a store where its database is. `begin` and `end` are the ends of the changelog now: recorded offsets outside
   * of them, or in a changelog that does not agree with them, no longer tell how to get from there to its end, and the
   * store is built anew.
   */
  static at(
    state: TaskState,
    store: TaskStore,
    { topic, begin, end, agrees }: { topic: string; begin: number; end: number; agrees: boolean },
  ): ChangelogFollower {
    const follower = new ChangelogFollower(state, store, topic)
    const { spec } = store
    const { database } = state.manager
    const recorded = spec.persistent ? database.changelogOffset(spec.name) : null
    follower.#wiped = recorded !== null && (recorded > end || recorded < begin || !agrees)
    if (follower.#wiped || (recorded === null && spec.persistent)) database.wipe(spec.name)
    follower.position = follower.#wiped || recorded === null ? begin : recorded
    follower.#start = follower.position
    follower.#written = follower.position
    follower.#lastChange = database.lastChange(spec.name)
    follower.limit = end
    follower.#knownEnd = end
    return follower
  }

  /** Begins to count anew: for a standby that becomes active. */
  restartAt(end: number): void {
    this.limit = end
    this.#start = this.position
    this.#restored = 0
  }

  get done(): boolean {
    return this.position >= this.limit
  }

  /** Records between here and the end of the changelog, as it was last seen. */
  get behind(): number {
    return Math.max(0, Math.min(this.limit, this.#knownEnd) - this.position)
  }

  /** There is no more to read now. */
  reachedEnd(): void {
    this.#knownEnd = this.position
    if (this.#uncommitted > 0) this.commit()
  }

  get restore(): StoreRestoreProgress {
    return {
      taskId: this.state.taskId,
      store: this.store.spec.name,
      changelog: this.changelog,
      startOffset: this.#start,
      endOffset: this.limit,
      restored: this.#restored,
      wiped: this.#wiped,
    }
  }

  /** Applies the records of a batch that are new and below the limit. Returns how many. */
  apply(raw: DecodedBatch): number {
    const records: ChangelogRecord[] = []
    let next = this.position
    for (let row = 0; row < raw.count; row++) {
      const offset = raw.offsets[row]!
      if (offset < this.position) continue
      if (offset >= this.limit) break
      next = offset + 1
      const key = rawKey(raw, row)
      // A source topic may hold records without a key; they never reached the table.
      if (key === null) continue
      const record = { key, value: rawValue(raw, row), timestamp: raw.timestamps[row]! }
      records.push(record)
      this.#last = { offset, record }
    }
    if (records.length > 0) this.state.manager.database.restore(this.store.spec.name, records)
    this.position = next
    this.#restored += records.length
    this.#uncommitted += records.length
    if (this.#uncommitted >= restoreCommitRecords) this.commit()
    return records.length
  }

  /** Over what is in the log but is no record of it: markers, and records of aborted transactions. */
  skipTo(position: number): void {
    this.position = Math.max(this.position, Math.min(position, this.limit))
  }

  /** Of the last change before `position`; null where it is not known. */
  #fingerprint(): number | null {
    const last = this.#last
    if (last === null || last.offset < this.position - markerOffsets) return null
    return fingerprintOf(last.record.key, last.record.value, last.record.timestamp)
  }

  /** Writes down how far the store is. */
  commit(): void {
    const { database } = this.state.manager
    if (this.position !== this.#written) this.#lastChange = this.#fingerprint()
    this.#written = this.position
    database.setChangelogOffset(this.store.spec.name, this.position, this.#lastChange)
    database.commit()
    this.#uncommitted = 0
  }
}

/** Whether a changelog still holds, before the recorded offset of a store, what it held when that was recorded. */
export async function agreesWithState(
  reader: () => Consumer,
  { manager: { database } }: TaskState,
  { spec }: TaskStore,
  changelog: TopicPartition,
  begin: number,
): Promise<boolean> {
  const recorded = spec.persistent ? database.changelogOffset(spec.name) : null
  const known = recorded === null ? null : database.lastChange(spec.name)
  if (recorded === null || known === null || recorded <= begin) return true
  const consumer = reader()
  let found: number | null = null
  try {
    consumer.assign([changelog])
    consumer.seek(changelog, Math.max(begin, recorded - markerOffsets))
    while ((await consumer.position(changelog)) < recorded) {
      for (const fetched of await consumer.pollBatches(100)) {
        const raw = fetched.decode()
        for (let row = 0; row < raw.count && raw.offsets[row]! < recorded; row++) {
          const key = rawKey(raw, row)
          found = key === null ? null : fingerprintOf(key, rawValue(raw, row), raw.timestamps[row]!)
        }
      }
    }
  } finally {
    await consumer.close()
  }
  return found === known
}
