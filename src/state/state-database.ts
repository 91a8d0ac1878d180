import { dirname } from 'node:path'
import { assertNever, type FileSystem } from '../common/index.js'
import { AlignedWindowStore } from './aligned-window-store.js'
import { BufferStore, bufferShape } from './buffer-store.js'
import { StateError } from './errors.js'
import { SqliteKeyValueStore } from './key-value-store.js'
import { SqliteSessionStore } from './session-store.js'
import { SqliteDatabase, type SqliteImage } from './sqlite-database.js'
import type { StateStore, TableColumn, TableLayout } from './store.js'
import { StoreCatalog } from './store-catalog.js'
import { StoreCodec, VersionCodec } from './store-codec.js'
import type { ChangelogRecord, OpenStoreOptions, StateDatabase, StoreSpec } from './store-spec.js'
import type { StoreTable, TableShape } from './store-table.js'
import { suppliedStore } from './supplied-stores.js'
import { SqliteVersionedStore } from './versioned-store.js'
import { SqliteWindowStore } from './window-store.js'

export interface StateDatabaseOptions {
  /** The SQLite file; created when missing. `:memory:` for a database that is gone at close. */
  path: string
  /**
   * Given: makes the directory of `path`, and is where the file lies. SQLite itself opens files of the operating system
   * alone; on others the database is held in memory, and written as a whole with every commit.
   */
  files?: FileSystem
  /** SQLite's page cache. Default 32 MiB. */
  pageCacheBytes?: number
  /** Default false. true: reads the whole file and throws StateError when it is damaged. */
  verify?: boolean
}

/** What the database asks of its stores beyond what processors see. */
export interface ManagedStore extends StateStore {
  restore(records: Iterable<ChangelogRecord>): void
  wipe(): void
}

interface OpenedStore {
  readonly store: ManagedStore
  readonly catalog: StoreCatalog
}

/** Opens, or creates, the state of one task. Throws `StateError` when the file is damaged or cannot be used. */
export function openStateDatabase(options: StateDatabaseOptions): StateDatabase {
  const { path, files } = options
  const inMemory = path === ':memory:'
  if (files !== undefined && !inMemory) files.makeDirectory(dirname(path))
  const pageCacheBytes = options.pageCacheBytes ?? 32 * 1024 * 1024
  const image =
    files === undefined || files.native === true || inMemory ? {} : { image: imageAt(files, path) }
  const connection = new SqliteDatabase(path, { pageCacheBytes, ...image })
  try {
    if (options.verify === true) {
      const damage = connection.damage()
      if (damage !== null) throw new StateError('STATE_CORRUPT', path, `the file is damaged: ${damage}`)
    }
    return new SqliteStateDatabase(connection, pageCacheBytes)
  } catch (error) {
    connection.close()
    throw error
  }
}

/** As with SQLite's own files, a power cut may take the newest commits, but leaves no half of one. */
function imageAt(files: FileSystem, path: string): SqliteImage {
  return {
    read: () => (files.exists(path) ? files.readFile(path) : null),
    write(bytes) {
      const next = `${path}.next`
      const handle = files.open(next, 'a+')
      try {
        handle.truncate(0)
        handle.write(bytes, 0)
        handle.sync()
      } finally {
        handle.close()
      }
      files.rename(next, path)
    },
  }
}

/**
 * Persistent stores lie in the file, the others in a second, anonymous database, opened when first needed.
 *
 * One table lists the stores, the schema of each, and the changelog offset its committed rows contain.
 */
class SqliteStateDatabase implements StateDatabase {
  readonly #file: StoreCatalog
  #memory: StoreCatalog | null = null
  readonly #pageCacheBytes: number
  readonly #opened = new Map<string, OpenedStore>()

  constructor(connection: SqliteDatabase, pageCacheBytes: number) {
    this.#file = new StoreCatalog(connection)
    this.#pageCacheBytes = pageCacheBytes
  }

  openStore<S extends StateStore>(spec: StoreSpec, options: OpenStoreOptions = {}): S {
    if (this.#opened.has(spec.name)) {
      throw new StateError('STATE_USAGE', this.#file.path, `store ${spec.name} is open already`)
    }
    const catalog = spec.persistent ? this.#file : this.#memoryCatalog()
    const store = openStore(spec, options, catalog)
    this.#opened.set(spec.name, { store, catalog })
    return store as unknown as S
  }

  restore(storeName: string, records: Iterable<ChangelogRecord>): void {
    this.#store(storeName).store.restore(records)
  }

  changelogOffset(storeName: string): number | null {
    const catalog = this.#opened.get(storeName)?.catalog ?? this.#file
    return catalog.record(storeName)?.changelogOffset ?? null
  }

  lastChange(storeName: string): number | null {
    return this.#store(storeName).catalog.record(storeName)?.lastChange ?? null
  }

  setChangelogOffset(storeName: string, offset: number, lastChange: number | null = null): void {
    setOffset(this.#store(storeName).catalog, storeName, offset, lastChange)
  }

  wipe(storeName: string): void {
    const { store, catalog } = this.#store(storeName)
    store.wipe()
    setOffset(catalog, storeName, null, null)
  }

  commit(): void {
    this.#memory?.commit()
    this.#file.commit()
  }

  close(): void {
    for (const { store } of this.#opened.values()) store.close()
    this.#opened.clear()
    this.#memory?.close()
    this.#file.close()
  }

  #store(name: string): OpenedStore {
    const opened = this.#opened.get(name)
    if (opened === undefined) {
      throw new StateError('STATE_USAGE', this.#file.path, `store ${name} is not open`)
    }
    return opened
  }

  #memoryCatalog(): StoreCatalog {
    this.#memory ??= new StoreCatalog(
      new SqliteDatabase(':memory:', { pageCacheBytes: this.#pageCacheBytes }),
    )
    return this.#memory
  }
}

function setOffset(
  catalog: StoreCatalog,
  storeName: string,
  offset: number | null,
  lastChange: number | null,
): void {
  const record = catalog.record(storeName)
  // Stores of the user's lie elsewhere, and are restored from the beginning.
  if (record === undefined) return
  record.changelogOffset = offset
  record.lastChange = lastChange
  catalog.touch(storeName)
}

const CACHE_ENTRIES_DEFAULT = 100_000

const ROWTIME: TableColumn = { name: 'rowtime', type: 'INTEGER' }
const WINDOW_START: TableColumn = { name: 'windowstart', type: 'INTEGER' }
const WINDOW_END: TableColumn = { name: 'windowend', type: 'INTEGER' }
const VALID_FROM: TableColumn = { name: 'validfrom', type: 'INTEGER' }
const SEQUENCE: TableColumn = { name: 'sequence', type: 'INTEGER' }
const DELETED: TableColumn = { name: 'deleted', type: 'INTEGER' }

function openStore(spec: StoreSpec, options: OpenStoreOptions, catalog: StoreCatalog): ManagedStore {
  const { name, persistent } = spec
  const changelog = spec.logging ? options.changelog : undefined
  const cacheEntriesMax = options.cacheEntriesMax ?? CACHE_ENTRIES_DEFAULT
  const supplied = suppliedStore(spec, { changelog, cacheEntriesMax })
  if (supplied !== null) return supplied
  if (spec.kind === 'versioned') {
    const codec = new VersionCodec<unknown, unknown>(spec)
    const table = openTable(catalog, spec, codec.layout, [VALID_FROM, SEQUENCE], [DELETED])
    return new SqliteVersionedStore(spec, { name, codec, table, catalog, changelog, cacheEntriesMax })
  }
  const codec = new StoreCodec<unknown, unknown>(spec)
  const valueColumns = codec.timestamped ? [ROWTIME] : []
  switch (spec.kind) {
    case 'key-value': {
      const table = openTable(catalog, spec, codec.layout, [], valueColumns)
      return new SqliteKeyValueStore({ name, persistent, codec, table, changelog, cacheEntriesMax })
    }
    case 'window': {
      const { layout } = codec
      const columns = { valueColumns: [...layout.valueColumns, ...valueColumns] }
      if (spec.aligned) {
        const keyColumns = [WINDOW_START, ...layout.keyColumns]
        const table = openShape(catalog, spec, layout, { keyColumns, ...columns })
        return new AlignedWindowStore(spec, { codec, table, catalog, changelog, cacheEntriesMax })
      }
      if (spec.retainDuplicates) {
        const table = catalog.openTable(name, 'window', bufferShape, { rebuild: spec.logging })
        return new BufferStore(spec, { codec, table, catalog, changelog, cacheEntriesMax })
      }
      const table = openTable(catalog, spec, codec.layout, [WINDOW_START, SEQUENCE], valueColumns)
      return new SqliteWindowStore(spec, { name, codec, table, catalog, changelog, cacheEntriesMax })
    }
    case 'session': {
      const table = openTable(catalog, spec, codec.layout, [WINDOW_END, WINDOW_START], valueColumns)
      return new SqliteSessionStore(spec, { name, codec, table, catalog, changelog, cacheEntriesMax })
    }
    default:
      return assertNever(spec)
  }
}

/** The layout's columns and, after each part, the store's own. */
function openTable(
  catalog: StoreCatalog,
  spec: StoreSpec,
  layout: TableLayout<unknown, unknown>,
  keyColumns: readonly TableColumn[],
  valueColumns: readonly TableColumn[],
): StoreTable {
  return openShape(catalog, spec, layout, {
    keyColumns: [...layout.keyColumns, ...keyColumns],
    valueColumns: [...layout.valueColumns, ...valueColumns],
  })
}

function openShape(
  catalog: StoreCatalog,
  spec: StoreSpec,
  layout: TableLayout<unknown, unknown>,
  shape: TableShape,
): StoreTable {
  const { tableName, generatedColumns, indexes, rebuildsOnChange = false } = layout
  const table = catalog.openTable(
    spec.name,
    spec.kind,
    { ...shape, ...(generatedColumns === undefined ? {} : { generatedColumns }) },
    {
      ...(tableName === undefined ? {} : { tableName }),
      rebuild: rebuildsOnChange && spec.logging,
      ...(spec.kind === 'window' ? { windowSizeMs: spec.windowSizeMs } : {}),
    },
  )
  if (indexes !== undefined) table.reader.setIndexes(indexes())
  return table
}
