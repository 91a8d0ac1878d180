import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { type FileHandle, type FileSystem, readFully } from './files.js'

class NodeFileHandle implements FileHandle {
  readonly #descriptor: number
  #closed = false
  #syncing = 0

  constructor(path: string, mode: 'r' | 'r+' | 'a+') {
    // 'a+' of the port writes at any position, which O_APPEND would not: so it is O_RDWR | O_CREAT.
    const flags = mode === 'a+' ? fs.constants.O_RDWR | fs.constants.O_CREAT : mode
    this.#descriptor = fs.openSync(path, flags, 0o644)
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    const readSome = (at: number, count: number, from: number): number =>
      fs.readSync(this.#descriptor, into, at, count, from)
    return readFully(readSome, offset, length, position)
  }

  write(bytes: Uint8Array, position: number): void {
    let done = 0
    while (done < bytes.length) {
      done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done)
    }
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#descriptor, size)
  }

  sync(): void {
    fs.fdatasyncSync(this.#descriptor)
  }

  syncAsync(): Promise<void> {
    this.#syncing++
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => {
        this.#syncing--
        if (this.#closed && this.#syncing === 0) fs.closeSync(this.#descriptor)
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  /** Waits for running syncs: another file may get the number of a closed descriptor. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#syncing === 0) fs.closeSync(this.#descriptor)
  }
}

/** The file system of the machine. */
export const nodeFiles: FileSystem = {
  native: true,
  open: (path, mode) => new NodeFileHandle(path, mode),
  exists: (path) => fs.existsSync(path),
  list(path) {
    try {
      return fs.readdirSync(path).sort()
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    }
  },
  isDirectory: (path) => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  makeDirectory: (path) => void fs.mkdirSync(path, { recursive: true }),
  remove: (path) => fs.rmSync(path, { recursive: true, force: true }),
  removeAsync: (path) => fs.promises.rm(path, { recursive: true, force: true }),
  rename: (from, to) => fs.renameSync(from, to),
  readFile: (path) => fs.readFileSync(path),
  writeFileAtomic(path, bytes) {
    const temporary = `${path}.tmp`
    const descriptor = fs.openSync(temporary, 'w', 0o644)
    try {
      fs.writeFileSync(descriptor, bytes)
      fs.fdatasyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(temporary, path)
    this.syncDirectory(dirname(path))
  },
  syncDirectory(path) {
    // Windows cannot open a directory; there renames are as stable as they get.
    if (process.platform === 'win32') return
    const descriptor = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  },
  async syncDirectoryAsync(path) {
    if (process.platform === 'win32') return
    const directory = await fs.promises.open(path, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },
  modifiedMs: (path) => fs.statSync(path).mtimeMs,
  lock: (path) => lockDirectory(path),
}

// ------------------------------------------------------------------------------------------------ lock

/** What a `.lock` file says of its owner. Start time and boot tell a reused process id from the owner. */
interface LockOwner {
  readonly pid: number
  /** Ticks since the machine started, where the platform tells; '' elsewhere. */
  readonly processStart: string
  readonly boot: string
  readonly host: string
  /** Two logs in one process differ by it. */
  readonly nonce: string
}

const heldByThisProcess = new Set<string>()

function lockDirectory(path: string): { readonly release: () => void } | { readonly owner: string } {
  fs.mkdirSync(path, { recursive: true })
  const file = join(fs.realpathSync(path), '.lock')
  if (heldByThisProcess.has(file)) return { owner: 'this process' }
  const mine: LockOwner = {
    ...identify(process.pid),
    host: hostname(),
    nonce: randomBytes(8).toString('hex'),
  }
  for (let attempt = 0; ; attempt++) {
    if (createLock(file, mine)) break
    const found = readLock(file)
    if (found === 'gone') continue
    if (found !== null && isAlive(found)) return { owner: describe(found) }
    if (attempt >= 100) return { owner: `another process (see ${file})` }
    removeStale(file, found)
  }
  heldByThisProcess.add(file)
  return {
    release() {
      if (!heldByThisProcess.delete(file)) return
      const found = readLock(file)
      if (found !== null && found !== 'gone' && found.nonce === mine.nonce) fs.rmSync(file, { force: true })
    },
  }
}

/** The lock appears with its content or not at all: written aside, then linked to its name. */
function createLock(file: string, owner: LockOwner): boolean {
  const aside = `${file}.${owner.nonce}`
  fs.writeFileSync(aside, `${JSON.stringify(owner)}\n`)
  try {
    fs.linkSync(aside, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    fs.rmSync(aside, { force: true })
  }
}

/** Null: there is a file, but it names nobody (a power cut took its content). */
function readLock(file: string): LockOwner | null | 'gone' {
  try {
    const owner = JSON.parse(fs.readFileSync(file, 'utf8')) as LockOwner
    return typeof owner === 'object' && Number.isInteger(owner?.pid) ? owner : null
  } catch (error) {
    return hasCode(error, 'ENOENT') ? 'gone' : null
  }
}

/** Moves the dead lock away first: of two processes that both saw it, one finds it gone or finds another's. */
function removeStale(file: string, seen: LockOwner | null): void {
  const aside = `${file}.stale-${process.pid}`
  try {
    fs.renameSync(file, aside)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  const moved = readLock(aside)
  if (moved !== null && moved !== 'gone' && moved.nonce !== seen?.nonce) {
    try {
      fs.linkSync(aside, file)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  }
  fs.rmSync(aside, { force: true })
}

function identify(pid: number): { pid: number; processStart: string; boot: string } {
  return { pid, processStart: processStart(pid), boot: readText('/proc/sys/kernel/random/boot_id').trim() }
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold blanks and parentheses. */
function processStart(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function isAlive(owner: LockOwner): boolean {
  // Whether a process of another machine lives cannot be seen from here: believe the file.
  if (owner.host !== hostname()) return true
  const now = identify(owner.pid)
  if (now.boot !== owner.boot) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false
  }
  return now.processStart === owner.processStart
}

function describe(owner: LockOwner): string {
  return `process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}`
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
