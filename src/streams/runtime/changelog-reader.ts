import type { DecodedBatch, Log, TopicPartition } from '../../log/index.js'
import type { ChangelogRecord } from '../../state/index.js'
import { fingerprintOf } from './last-change.js'
import { rawKey, rawValue } from './run.js'
import type { StateManager, TaskStore } from './state-manager.js'

/** Between two commits of a long restore: a crash then goes on from there. */
const restoreCommitRecords = 100_000

/** What restoring a store did; `restored` counts records. */
export interface StoreRestored {
  readonly taskId: string
  readonly store: string
  readonly changelog: TopicPartition
  readonly startOffset: number
  readonly endOffset: number
  readonly restored: number
  /** The recorded offset was outside the log (lost data, or a log that begins later): rebuilt from nothing. */
  readonly wiped: boolean
}

/**
 * Brings the stores of a task up to date with their changelogs. `sourceEnd` gives, for a store whose changelog is a
 * source topic, the offset up to which it has been processed; the rest is input.
 */
export async function restoreStores(
  log: Log,
  taskId: string,
  state: StateManager,
  sourceEnd: (topic: string) => number,
): Promise<StoreRestored[]> {
  const done: StoreRestored[] = []
  if (state.stores.every((store) => store.changelogTopic === null)) return done
  const consumer = log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
  try {
    for (const store of state.stores) {
      if (store.changelogTopic === null) continue
      const changelog = { topic: store.changelogTopic, partition: state.partition }
      const [start] = await consumer.beginningOffsets([changelog])
      const [logEnd] = await consumer.endOffsets([changelog])
      const end = store.fromSource ? Math.min(logEnd!, sourceEnd(changelog.topic)) : logEnd!
      const recorded = store.spec.persistent ? state.database.changelogOffset(store.spec.name) : null
      // Ahead of the log, or behind its beginning: the changelog no longer tells how to get from there to its end.
      const wiped =
        recorded !== null &&
        (recorded > end ||
          recorded < start! ||
          !(await agrees(consumer, state, store, changelog, recorded, start!)))
      if (wiped || (recorded === null && store.spec.persistent)) state.database.wipe(store.spec.name)
      const from = wiped || recorded === null ? start! : recorded
      const known = from === end ? state.database.lastChange(store.spec.name) : null
      const { restored, lastChange } = await restoreStore(consumer, state, store, changelog, from, end)
      state.database.setChangelogOffset(store.spec.name, end, lastChange ?? known)
      done.push({
        taskId,
        store: store.spec.name,
        changelog,
        startOffset: from,
        endOffset: end,
        restored,
        wiped,
      })
    }
  } finally {
    await consumer.close()
  }
  state.database.commit()
  return done
}

async function restoreStore(
  consumer: ReturnType<Log['consumer']>,
  state: StateManager,
  store: TaskStore,
  changelog: TopicPartition,
  from: number,
  end: number,
): Promise<{ restored: number; lastChange: number | null }> {
  let restored = 0
  let lastChange: number | null = null
  let uncommitted = 0
  consumer.assign([changelog])
  consumer.seek(changelog, from)
  while ((await consumer.position(changelog)) < end) {
    for (const fetched of await consumer.pollBatches(100)) {
      const raw = fetched.decode()
      const records: ChangelogRecord[] = []
      for (let row = 0; row < raw.count && raw.offsets[row]! < end; row++) {
        const key = rawKey(raw, row)
        lastChange = fingerprintAt(raw, row, end)
        // A source topic may hold records without a key; they never reached the table.
        if (key !== null) records.push({ key, value: rawValue(raw, row), timestamp: raw.timestamps[row]! })
      }
      state.database.restore(store.spec.name, records)
      restored += records.length
      uncommitted += records.length
    }
    if (uncommitted < restoreCommitRecords) continue
    uncommitted = 0
    state.database.setChangelogOffset(store.spec.name, Math.min(end, await consumer.position(changelog)))
    state.database.commit()
  }
  return { restored, lastChange }
}

/** Offsets that the last change before the end of a commit is from it, at most: behind it stands the marker. */
const markerOffsets = 2

function fingerprintAt(raw: DecodedBatch, row: number, end: number): number | null {
  const key = rawKey(raw, row)
  if (key === null || raw.offsets[row]! < end - markerOffsets) return null
  return fingerprintOf(key, rawValue(raw, row), raw.timestamps[row]!)
}

/** Whether the changelog still holds, before the recorded offset, what it held when that was recorded. */
async function agrees(
  consumer: ReturnType<Log['consumer']>,
  state: StateManager,
  store: TaskStore,
  changelog: TopicPartition,
  recorded: number,
  start: number,
): Promise<boolean> {
  const known = state.database.lastChange(store.spec.name)
  if (known === null || recorded === start) return true
  let found: number | null = null
  consumer.assign([changelog])
  consumer.seek(changelog, Math.max(start, recorded - markerOffsets))
  while ((await consumer.position(changelog)) < recorded) {
    for (const fetched of await consumer.pollBatches(100)) {
      const raw = fetched.decode()
      for (let row = 0; row < raw.count && raw.offsets[row]! < recorded; row++) {
        found = fingerprintAt(raw, row, recorded)
      }
    }
  }
  return found === known
}
