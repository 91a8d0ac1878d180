import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  openStateDatabase,
  type SqliteValue,
  type StateDatabase,
  type TableLayout,
} from '../../src/state/index.js'

/** A directory for one test; `remove` it at the end. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'forebay-state-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Calls `body` with a function that opens the same database file again and again. */
export function withDatabaseFile<T>(body: (open: () => StateDatabase, path: string) => T): T {
  const directory = temporaryDirectory()
  const opened: StateDatabase[] = []
  try {
    const path = join(directory.path, 'state.db')
    return body(() => {
      const database = openStateDatabase({ path })
      opened.push(database)
      return database
    }, path)
  } finally {
    for (const database of opened) database.close()
    directory.remove()
  }
}

/** A changelog kept in memory. */
export class CapturedChangelog implements ChangelogWriter {
  records: ChangelogRecord[] = []

  logChange(_store: string, key: Uint8Array, value: Uint8Array | null, timestamp: number): void {
    this.records.push({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp })
  }
}

/** Strings and whole numbers in typed columns. SQLite compares TEXT as UTF-8 bytes, as the string serde does. */
export const typedLayout: TableLayout<string, number> = {
  keyColumns: [{ name: 'ID', type: 'TEXT' }],
  valueColumns: [{ name: 'a "value"', type: 'INTEGER' }],
  encodeKey: (key) => [key],
  encodeValue: (value) => [value],
  decodeKey: (row) => row[0] as string,
  decodeValue: (row) => row[0] as number,
  identity: (key) => key,
  compareKeys: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
}

/** Strings of the form `name/number` in two key columns, ordered by name, then number. */
export const twoColumnLayout: TableLayout<string, number> = {
  ...typedLayout,
  keyColumns: [
    { name: 'name', type: 'TEXT' },
    { name: 'number', type: 'INTEGER' },
  ],
  encodeKey: partsOf,
  decodeKey: (row) => `${row[0]}/${row[1]}`,
  compareKeys(a, b) {
    const [aName, aNumber] = partsOf(a)
    const [bName, bNumber] = partsOf(b)
    return typedLayout.compareKeys(aName, bName) || aNumber - bNumber
  },
}

function partsOf(key: string): [string, number] {
  const at = key.lastIndexOf('/')
  return [key.slice(0, at), Number(key.slice(at + 1))]
}

export const layouts: readonly { name: string; layout: TableLayout<string, number> | undefined }[] = [
  { name: 'blob', layout: undefined },
  { name: 'typed', layout: typedLayout },
  { name: 'two-column', layout: twoColumnLayout },
]

export function orderOf(layout: TableLayout<string, number> | undefined): (a: string, b: string) => number {
  return (layout ?? typedLayout).compareKeys
}

export type { SqliteValue }
