import {
  type FileHandle,
  type FileSystem,
  nextEventLoopTurn,
  type Random,
  randomBelow,
  readFully,
  seededRandom,
} from '../common/index.js'

/*
 * Files with a page cache that can be lost. Each file and each directory keeps what a power cut leaves for certain
 * (what was synced) apart from the changes since then:
 *
 *   write, truncate ─▶ changes of the file ─────sync──────▶ stable content
 *   create, remove, rename ─▶ changes of its directory ─syncDirectory─▶ stable entries
 *
 * A power cut keeps, of a file's changes, any subset, single writes torn at a sector; of a directory's changes, the
 * first few, as a journal does. A killed process loses nothing that it wrote.
 */

const SECTOR_BYTES = 512

type FileChange =
  | { readonly kind: 'write'; readonly bytes: Buffer; readonly position: number }
  | { readonly kind: 'truncate'; readonly size: number }

class SimulatedFile {
  content: Buffer = Buffer.alloc(0)
  stable: Buffer = Buffer.alloc(0)
  /** Since `changedCount - changes.length` of all changes ever, up to which the file is stable. */
  changes: FileChange[] = []
  changedCount = 0
  modifiedMs = 0

  change(next: FileChange): void {
    this.changes.push(next)
    this.changedCount++
    this.content = applied(this.content, next)
  }

  /** Makes the first `count` of all changes ever stable. */
  sync(count: number): void {
    const pending = count - (this.changedCount - this.changes.length)
    if (pending <= 0) return
    for (const done of this.changes.splice(0, pending)) this.stable = applied(this.stable, done)
  }
}

class SimulatedDirectory {
  entries = new Map<string, SimulatedFile | SimulatedDirectory>()
  stable = new Map<string, SimulatedFile | SimulatedDirectory>()
  /** Entries after each change since the last sync. */
  changes: Map<string, SimulatedFile | SimulatedDirectory>[] = []
}

/** The process is gone: thrown by every call from the crash on. */
export class SimulatedCrash extends Error {}

export interface SimulatedFaults {
  /** How often a write fails, after a part of it, with ENOSPC; 0 to 1. */
  readonly writeError?: number
  /** How often a sync fails with EIO; 0 to 1. */
  readonly syncError?: number
  /** How often a read fails with EIO; 0 to 1. */
  readonly readError?: number
  /** How often the device returns a part of what a read asked for, so that the rest has to be asked for again; 0 to 1. */
  readonly shortRead?: number
  /** Nothing fits any more: writes, new files and new directories fail with ENOSPC. */
  readonly diskFull?: boolean
  /** After so many more writes, new files and new directories, nothing fits any more. */
  readonly roomForChanges?: number
}

export interface SimulatedFilesOptions {
  /** The same seed gives the same faults and the same losses for the same calls. */
  readonly seed: number
  /** Modification times. Default: always 0. */
  readonly now?: () => number
}

/**
 * A file system in memory for fault tests. `crashAfter` stops the process at a chosen change; `kill` and `powerCut` are
 * what happens to the files then, and let the next process begin. Handles of an earlier process throw SimulatedCrash.
 */
export class SimulatedFiles implements FileSystem {
  readonly #random: Random
  readonly #now: () => number
  #root = new SimulatedDirectory()
  readonly #pathNames = new Map<string, readonly string[]>()
  #locks = new Set<string>()
  /** Counts processes: handles of earlier ones are dead. */
  #process = 0
  #changesLeft = Number.POSITIVE_INFINITY
  /** May be set at any time. */
  faults: SimulatedFaults = {}
  /** Calls that changed something, over all processes. */
  changeCount = 0

  constructor({ seed, now = () => 0 }: SimulatedFilesOptions) {
    this.#random = seededRandom(seed)
    this.#now = now
  }

  // ----------------------------------------------------------------------------------------------- control

  /**
   * These files as the present process sees them: after a crash its calls throw SimulatedCrash, while the next process
   * goes on. So what an old process still does, in a later turn of the event loop, harms nobody.
   */
  mount(): FileSystem {
    const process = this.#process
    const mine =
      <A extends unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R => {
        this.#checkAlive(process)
        return call.apply(this, args)
      }
    return {
      open: mine(this.open),
      exists: mine(this.exists),
      list: mine(this.list),
      isDirectory: mine(this.isDirectory),
      makeDirectory: mine(this.makeDirectory),
      remove: mine(this.remove),
      removeAsync: mine(this.removeAsync),
      rename: mine(this.rename),
      readFile: mine(this.readFile),
      writeFileAtomic: mine(this.writeFileAtomic),
      syncDirectory: mine(this.syncDirectory),
      syncDirectoryAsync: mine(this.syncDirectoryAsync),
      modifiedMs: mine(this.modifiedMs),
      lock: mine(this.lock),
    }
  }

  /** The process stops before its change number `changes` + 1 from now on; a write may be torn by it. */
  crashAfter(changes: number): void {
    this.#changesLeft = changes
  }

  get crashed(): boolean {
    return this.#changesLeft < 0
  }

  /** The process is gone, the machine goes on: all that was written is there. */
  kill(): void {
    this.#process++
    this.#changesLeft = Number.POSITIVE_INFINITY
    this.#locks = new Set()
  }

  /** The machine is off: what was not synced is there, is torn, or is not there. */
  powerCut(): void {
    this.kill()
    this.#root = this.#survivor(this.#root, new Map()) as SimulatedDirectory
  }

  #survivor(
    node: SimulatedFile | SimulatedDirectory,
    done: Map<SimulatedFile | SimulatedDirectory, SimulatedFile | SimulatedDirectory>,
  ): SimulatedFile | SimulatedDirectory {
    const earlier = done.get(node)
    if (earlier !== undefined) return earlier
    if (node instanceof SimulatedFile) {
      const file = this.#survivingFile(node)
      done.set(node, file)
      return file
    }
    const directory = new SimulatedDirectory()
    done.set(node, directory)
    const kept = randomBelow(this.#random, node.changes.length + 1)
    const entries = kept === 0 ? node.stable : node.changes[kept - 1]!
    for (const [name, entry] of entries) directory.entries.set(name, this.#survivor(entry, done))
    directory.stable = new Map(directory.entries)
    return directory
  }

  #survivingFile(file: SimulatedFile): SimulatedFile {
    const survivor = new SimulatedFile()
    survivor.modifiedMs = file.modifiedMs
    let content = file.stable
    // Mostly the disk was lucky, or unlucky, with all of them; the mixtures lie between.
    const luck = randomBelow(this.#random, 5)
    for (const change of file.changes) {
      const chance = randomBelow(this.#random, 4)
      if (luck === 0 || (luck > 1 && chance < luck - 1)) content = applied(content, change)
      else if (luck > 1 && chance === 3 && change.kind === 'write') {
        const sectors = randomBelow(this.#random, Math.ceil(change.bytes.length / SECTOR_BYTES) + 1)
        content = applied(content, { ...change, bytes: change.bytes.subarray(0, sectors * SECTOR_BYTES) })
      }
    }
    survivor.content = content
    survivor.stable = content
    return survivor
  }

  /** To be called before every change. Throws where the process is to stop. */
  #change(process = this.#process): void {
    this.#checkAlive(process)
    this.changeCount++
    if (--this.#changesLeft < 0) throw new SimulatedCrash('the simulated process stops here')
  }

  #checkAlive(process = this.#process): void {
    if (process !== this.#process || this.crashed) throw new SimulatedCrash('the simulated process is gone')
  }

  #checkRoom(path: string): void {
    if (!this.#takeRoom()) throw fileError('ENOSPC', path)
  }

  /** False: it does not fit. */
  #takeRoom(): boolean {
    const { diskFull = false, roomForChanges } = this.faults
    if (roomForChanges === undefined) return !diskFull
    this.faults = { ...this.faults, roomForChanges: Math.max(0, roomForChanges - 1) }
    return roomForChanges > 0
  }

  #strikes(probability: number | undefined): boolean {
    return (
      probability !== undefined &&
      probability > 0 &&
      randomBelow(this.#random, 1_000_000) < probability * 1_000_000
    )
  }

  // ------------------------------------------------------------------------------------------------ files

  open(path: string, mode: 'r' | 'r+' | 'a+'): FileHandle {
    this.#checkAlive()
    let file = this.#find(path)
    if (file instanceof SimulatedDirectory) throw fileError('EISDIR', path)
    if (file === undefined) {
      if (mode !== 'a+') throw fileError('ENOENT', path)
      this.#change()
      this.#checkRoom(path)
      file = new SimulatedFile()
      file.modifiedMs = this.#now()
      const created = file
      const { directory, name } = this.#parent(path)
      changeEntries(directory, (entries) => entries.set(name, created))
    }
    return this.#handle(file, path, mode !== 'r')
  }

  #handle(file: SimulatedFile, path: string, writable: boolean): FileHandle {
    const process = this.#process
    let open = true
    const check = () => {
      this.#checkAlive(process)
      if (!open) throw fileError('EBADF', path)
    }
    const change = (next: FileChange) => {
      file.change(next)
      file.modifiedMs = this.#now()
    }
    const beforeChange = () => {
      check()
      if (!writable) throw fileError('EBADF', path)
    }
    const sync = (count: number) => {
      if (this.#strikes(this.faults.syncError)) throw fileError('EIO', path)
      file.sync(count)
    }
    return {
      size: () => {
        check()
        return file.content.length
      },
      read: (into, offset, length, position) => {
        check()
        if (this.#strikes(this.faults.readError)) throw fileError('EIO', path)
        const { content } = file
        const readSome = (at: number, wanted: number, from: number): number => {
          if (from >= content.length) return 0
          const count = this.#strikes(this.faults.shortRead) ? 1 + randomBelow(this.#random, wanted) : wanted
          return content.copy(into, at, from, from + count)
        }
        return readFully(readSome, offset, length, position)
      },
      write: (bytes, position) => {
        beforeChange()
        const copy = Buffer.from(bytes)
        const part = (limit: number) => copy.subarray(0, randomBelow(this.#random, limit))
        if (this.#changesLeft === 0) change({ kind: 'write', bytes: part(copy.length + 1), position })
        this.#change(process)
        if (!this.#takeRoom() || this.#strikes(this.faults.writeError)) {
          change({ kind: 'write', bytes: part(copy.length), position })
          throw fileError('ENOSPC', path)
        }
        change({ kind: 'write', bytes: copy, position })
      },
      truncate: (size) => {
        beforeChange()
        this.#change(process)
        change({ kind: 'truncate', size })
      },
      sync: () => {
        beforeChange()
        this.#change(process)
        sync(file.changedCount)
      },
      syncAsync: async () => {
        beforeChange()
        const covered = file.changedCount
        await this.#someTurns()
        this.#change(process)
        sync(covered)
      },
      close: () => {
        open = false
      },
    }
  }

  exists(path: string): boolean {
    this.#checkAlive()
    return this.#find(path) !== undefined
  }

  list(path: string): string[] {
    this.#checkAlive()
    const found = this.#find(path)
    return found instanceof SimulatedDirectory ? [...found.entries.keys()].sort() : []
  }

  isDirectory(path: string): boolean {
    this.#checkAlive()
    return this.#find(path) instanceof SimulatedDirectory
  }

  makeDirectory(path: string): void {
    this.#checkAlive()
    let at = this.#root
    for (const name of namesOf(path)) {
      let next = at.entries.get(name)
      if (next === undefined) {
        this.#change()
        this.#checkRoom(path)
        const made = new SimulatedDirectory()
        changeEntries(at, (entries) => entries.set(name, made))
        next = made
      }
      if (!(next instanceof SimulatedDirectory)) throw fileError('EEXIST', path)
      at = next
    }
  }

  remove(path: string): void {
    this.#checkAlive()
    const found = this.#find(path)
    if (found === undefined) return
    // As rm -r does it: one by one, so that a crash may leave some.
    if (found instanceof SimulatedDirectory)
      for (const name of this.list(path)) this.remove(`${path}/${name}`)
    this.#change()
    const { directory, name } = this.#parent(path)
    changeEntries(directory, (entries) => entries.delete(name))
  }

  async removeAsync(path: string): Promise<void> {
    const process = this.#process
    this.#checkAlive(process)
    await this.#someTurns()
    this.#checkAlive(process)
    this.remove(path)
  }

  rename(from: string, to: string): void {
    this.#checkAlive()
    const moved = this.#find(from)
    if (moved === undefined) throw fileError('ENOENT', from)
    const target = this.#parent(to)
    const source = this.#parent(from)
    const replaced = target.directory.entries.get(target.name)
    if (replaced instanceof SimulatedDirectory && replaced.entries.size > 0) throw fileError('ENOTEMPTY', to)
    this.#change()
    if (source.directory === target.directory) {
      changeEntries(target.directory, (entries) => {
        entries.delete(source.name)
        entries.set(target.name, moved)
      })
      return
    }
    changeEntries(target.directory, (entries) => entries.set(target.name, moved))
    changeEntries(source.directory, (entries) => entries.delete(source.name))
  }

  readFile(path: string): Buffer {
    this.#checkAlive()
    if (this.#strikes(this.faults.readError)) throw fileError('EIO', path)
    const file = this.#find(path)
    if (!(file instanceof SimulatedFile)) throw fileError(file === undefined ? 'ENOENT' : 'EISDIR', path)
    return Buffer.from(file.content)
  }

  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`
    const handle = this.open(temporary, 'a+')
    handle.truncate(0)
    handle.write(bytes, 0)
    handle.sync()
    handle.close()
    this.rename(temporary, path)
    this.syncDirectory(path.slice(0, path.lastIndexOf('/')))
  }

  syncDirectory(path: string): void {
    this.#change()
    const directory = this.#directory(path)
    if (this.#strikes(this.faults.syncError)) throw fileError('EIO', path)
    directory.stable = new Map(directory.entries)
    directory.changes = []
  }

  /** Covers the changes made before the call. */
  async syncDirectoryAsync(path: string): Promise<void> {
    const process = this.#process
    this.#checkAlive(process)
    const covered = this.#directory(path).changes.at(-1)
    await this.#someTurns()
    this.#change(process)
    if (this.#strikes(this.faults.syncError)) throw fileError('EIO', path)
    if (covered === undefined) return
    const directory = this.#directory(path)
    const index = directory.changes.indexOf(covered)
    if (index < 0) return
    directory.stable = new Map(covered)
    directory.changes.splice(0, index + 1)
  }

  /** What runs off the event loop comes before or after other calls, as chance will have it. */
  async #someTurns(): Promise<void> {
    for (let turns = randomBelow(this.#random, 3); turns > 0; turns--) await nextEventLoopTurn()
  }

  modifiedMs(path: string): number {
    this.#checkAlive()
    const found = this.#find(path)
    if (found === undefined) throw fileError('ENOENT', path)
    return found instanceof SimulatedFile ? found.modifiedMs : 0
  }

  lock(path: string): { readonly release: () => void } | { readonly owner: string } {
    this.#checkAlive()
    const key = namesOf(path).join('/')
    if (this.#locks.has(key)) return { owner: 'this process' }
    const locks = this.#locks
    locks.add(key)
    return { release: () => void locks.delete(key) }
  }

  #find(path: string): SimulatedFile | SimulatedDirectory | undefined {
    let at: SimulatedFile | SimulatedDirectory | undefined = this.#root
    for (const name of this.#names(path)) {
      if (!(at instanceof SimulatedDirectory)) return undefined
      at = at.entries.get(name)
    }
    return at
  }

  #directory(path: string): SimulatedDirectory {
    const found = this.#find(path)
    if (!(found instanceof SimulatedDirectory)) throw fileError('ENOENT', path)
    return found
  }

  #names(path: string): readonly string[] {
    let names = this.#pathNames.get(path)
    if (names === undefined) {
      names = namesOf(path)
      this.#pathNames.set(path, names)
    }
    return names
  }

  #parent(path: string): { directory: SimulatedDirectory; name: string } {
    const name = this.#names(path).at(-1)
    const directory = this.#find(path.slice(0, path.lastIndexOf('/')))
    if (name === undefined || !(directory instanceof SimulatedDirectory)) throw fileError('ENOENT', path)
    return { directory, name }
  }
}

/** The content after a change; holes are zeros. The given content is not touched. */
function applied(content: Buffer, change: FileChange): Buffer {
  if (change.kind === 'truncate') {
    if (change.size <= content.length) return content.subarray(0, change.size)
    return Buffer.concat([content, Buffer.alloc(change.size - content.length)])
  }
  const { bytes, position } = change
  if (bytes.length === 0) return content
  const next = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(next)
  bytes.copy(next, position)
  return next
}

type Entries = Map<string, SimulatedFile | SimulatedDirectory>

function changeEntries(directory: SimulatedDirectory, change: (entries: Entries) => unknown): void {
  change(directory.entries)
  directory.changes.push(new Map(directory.entries))
}

function fileError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code, path })
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
