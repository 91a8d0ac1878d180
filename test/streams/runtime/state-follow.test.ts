import { expect, it } from 'vitest'
import type { Clock } from '../../../src/common/index.js'
import { Serdes } from '../../../src/serde/index.js'
import { type KeyValueStore, openStateDatabase, Stores } from '../../../src/state/index.js'
import { runtime } from '../../../src/streams/index.js'
import { CapturingCollector } from '../../../src/testing/capturing-collector.js'
import { temporaryDirectory } from '../../state/fixtures.js'

/* The database of a task may follow its changelogs at an interval; a commit in between goes to the changelogs alone. */

const spec = Stores.keyValue({ name: 'counts', keySerde: Serdes.string(), valueSerde: Serdes.long() })

function openTask(path: string, clock: { now: number }, changelogTopic: string | null = 'changelog') {
  const collector = new CapturingCollector({
    defaultKeySerde: undefined,
    defaultValueSerde: undefined,
    resolveTopic: (name) => name,
  })
  const state = new runtime.StateManager({
    stores: [{ spec, changelogTopic, fromSource: false }],
    database: openStateDatabase({ path }),
    collector,
    partition: 0,
    cacheEntriesMax: 100,
    metrics: new runtime.TaskMetrics(),
    timestampMs: () => 0,
    follow: { clock: { now: () => clock.now } as Clock, intervalMs: 1000 },
  })
  const store = state.store('counts') as KeyValueStore<string, number>
  let end = 0
  const commit = (force = false) => {
    state.flush(force)
    const logged = collector.take().length
    end += logged
    state.commit(new Map(state.changedTopics.size > 0 ? [['changelog', end]] : []))
    return logged
  }
  return { state, store, commit }
}

function withFile(body: (path: string) => void): void {
  const directory = temporaryDirectory()
  try {
    body(`${directory.path}/state.db`)
  } finally {
    directory.remove()
  }
}

it('logs every commit, and lets the database follow with the offsets it then contains', () => {
  withFile((path) => {
    const clock = { now: 5000 }
    let task = openTask(path, clock)
    task.store.put('a', 1)
    expect(task.commit()).toBe(1)
    expect(task.state.lagging).toBe(false)
    task.store.put('a', 2)
    expect(task.commit()).toBe(1)
    expect(task.state.lagging).toBe(true)
    expect(task.state.followAt).toBe(6000)
    expect(task.store.get('a')).toBe(2)
    task.state.close()

    task = openTask(path, clock)
    expect(task.store.get('a')).toBe(1)
    expect(task.state.database.changelogOffset('counts')).toBe(1)
    task.state.close()
  })
})

it('contains changes of earlier commits once it follows, also where the last one had none', () => {
  withFile((path) => {
    const clock = { now: 5000 }
    let task = openTask(path, clock)
    task.commit()
    task.store.put('a', 1)
    task.store.put('b', 1)
    task.commit()
    clock.now = 6000
    expect(task.commit()).toBe(0)
    expect(task.state.lagging).toBe(false)
    expect(task.state.followAt).toBe(Number.POSITIVE_INFINITY)
    task.store.put('b', 2)
    expect(task.commit(true)).toBe(1)
    task.state.close()

    task = openTask(path, clock)
    expect([...task.store.all()]).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
    expect(task.state.database.changelogOffset('counts')).toBe(3)
    task.state.close()
  })
})

it('follows every commit where a store has no changelog', () => {
  withFile((path) => {
    const clock = { now: 5000 }
    let task = openTask(path, clock, null)
    for (const value of [1, 2, 3]) {
      task.store.put('a', value)
      task.commit()
      expect(task.state.lagging).toBe(false)
    }
    task.state.close()
    task = openTask(path, clock, null)
    expect(task.store.get('a')).toBe(3)
    task.state.close()
  })
})
