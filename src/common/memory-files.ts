import { systemClock } from './clock.js'
import type { FileHandle, FileSystem } from './files.js'

const CHUNK_BYTES = 64 * 1024
const FIRST_CHUNK_BYTES = 512

/** A file-system error with Node's `code`. */
function fileError(code: string, path: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}, '${path}'`), { code, path })
}

/**
 * Bytes in chunks of 64 KiB, so that an append never copies what is there. Only the first chunk grows, from
 * 512 bytes by doubling: most files of idle partitions stay small.
 *
 * Invariant: `chunks[i]` covers positions [i * 64 KiB, (i + 1) * 64 KiB); all but the first and the last are full size.
 */
class MemoryFile {
  size = 0
  modifiedMs: number
  readonly #chunks: Buffer[] = []

  constructor(modifiedMs: number) {
    this.modifiedMs = modifiedMs
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    const end = Math.min(position + length, this.size)
    let at = position
    let target = offset
    while (at < end) {
      const inChunk = at % CHUNK_BYTES
      const count = Math.min(end - at, CHUNK_BYTES - inChunk)
      this.#chunks[Math.floor(at / CHUNK_BYTES)]!.copy(into, target, inChunk, inChunk + count)
      at += count
      target += count
    }
    return Math.max(0, at - position)
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    if (position > this.size) this.#zero(this.size, position)
    let at = position
    while (at < end) {
      const inChunk = at % CHUNK_BYTES
      const count = Math.min(end - at, CHUNK_BYTES - inChunk)
      const from = at - position
      const part = count === bytes.length ? bytes : bytes.subarray(from, from + count)
      this.#chunk(Math.floor(at / CHUNK_BYTES), inChunk + count).set(part, inChunk)
      at += count
    }
    if (end > this.size) this.size = end
  }

  truncate(size: number): void {
    if (size > this.size) this.#zero(this.size, size)
    this.size = size
    this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(size / CHUNK_BYTES))
  }

  #zero(from: number, to: number): void {
    for (let at = from; at < to; ) {
      const inChunk = at % CHUNK_BYTES
      const count = Math.min(to - at, CHUNK_BYTES - inChunk)
      this.#chunk(Math.floor(at / CHUNK_BYTES), inChunk + count).fill(0, inChunk, inChunk + count)
      at += count
    }
  }

  #chunk(index: number, neededBytes: number): Buffer {
    const chunk = this.#chunks[index]
    if (chunk !== undefined && chunk.length >= neededBytes) return chunk
    let bytes = CHUNK_BYTES
    if (index === 0) {
      bytes = chunk?.length ?? FIRST_CHUNK_BYTES
      while (bytes < neededBytes) bytes *= 2
    }
    const grown = Buffer.allocUnsafe(bytes)
    chunk?.copy(grown)
    this.#chunks[index] = grown
    return grown
  }
}

class Directory {
  readonly entries = new Map<string, MemoryFile | Directory>()
}

/** Files that live as long as this object. Paths are absolute or relative, it makes no difference. */
export class MemoryFiles implements FileSystem {
  readonly #root = new Directory()
  readonly #locks = new Set<string>()
  readonly #now: () => number

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? systemClock.now
  }

  open(path: string, mode: 'r' | 'r+' | 'a+'): FileHandle {
    let file = this.#find(path)
    if (file instanceof Directory) throw fileError('EISDIR', path, 'illegal operation on a directory')
    if (file === undefined) {
      if (mode !== 'a+') throw fileError('ENOENT', path, 'no such file')
      file = new MemoryFile(this.#now())
      const { directory, name } = this.#parent(path)
      directory.entries.set(name, file)
    }
    return new MemoryHandle(file, path, mode !== 'r', this.#now)
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  list(path: string): string[] {
    const found = this.#find(path)
    return found instanceof Directory ? [...found.entries.keys()].sort() : []
  }

  isDirectory(path: string): boolean {
    return this.#find(path) instanceof Directory
  }

  makeDirectory(path: string): void {
    let at = this.#root
    for (const name of names(path)) {
      let next = at.entries.get(name)
      if (next === undefined) {
        next = new Directory()
        at.entries.set(name, next)
      }
      if (!(next instanceof Directory)) throw fileError('EEXIST', path, 'a file is in the way')
      at = next
    }
  }

  remove(path: string): void {
    if (this.#find(path) === undefined) return
    const { directory, name } = this.#parent(path)
    directory.entries.delete(name)
  }

  async removeAsync(path: string): Promise<void> {
    this.remove(path)
  }

  rename(from: string, to: string): void {
    const moved = this.#find(from)
    if (moved === undefined) throw fileError('ENOENT', from, 'no such file or directory')
    const target = this.#parent(to)
    const replaced = target.directory.entries.get(target.name)
    if (replaced instanceof Directory && replaced.entries.size > 0) {
      throw fileError('ENOTEMPTY', to, 'directory not empty')
    }
    const source = this.#parent(from)
    source.directory.entries.delete(source.name)
    target.directory.entries.set(target.name, moved)
  }

  readFile(path: string): Buffer {
    const file = this.#file(path)
    const bytes = Buffer.allocUnsafe(file.size)
    file.read(bytes, 0, file.size, 0)
    return bytes
  }

  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const file = new MemoryFile(this.#now())
    file.write(bytes, 0)
    const { directory, name } = this.#parent(path)
    directory.entries.set(name, file)
  }

  syncDirectory(path: string): void {
    if (!this.isDirectory(path)) throw fileError('ENOENT', path, 'no such directory')
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    this.syncDirectory(path)
  }

  modifiedMs(path: string): number {
    const found = this.#find(path)
    return found instanceof Directory ? this.#now() : this.#file(path).modifiedMs
  }

  lock(path: string): { readonly release: () => void } | { readonly owner: string } {
    const key = names(path).join('/')
    if (this.#locks.has(key)) return { owner: 'this process' }
    this.#locks.add(key)
    return { release: () => void this.#locks.delete(key) }
  }

  #find(path: string): MemoryFile | Directory | undefined {
    let at: MemoryFile | Directory | undefined = this.#root
    for (const name of names(path)) {
      if (!(at instanceof Directory)) return undefined
      at = at.entries.get(name)
    }
    return at
  }

  #file(path: string): MemoryFile {
    const found = this.#find(path)
    if (found === undefined) throw fileError('ENOENT', path, 'no such file')
    if (found instanceof Directory) throw fileError('EISDIR', path, 'illegal operation on a directory')
    return found
  }

  #parent(path: string): { directory: Directory; name: string } {
    const parts = names(path)
    const name = parts.pop()
    const directory = this.#find(parts.join('/'))
    if (name === undefined || !(directory instanceof Directory)) {
      throw fileError('ENOENT', path, 'no such directory')
    }
    return { directory, name }
  }
}

class MemoryHandle implements FileHandle {
  readonly #path: string
  readonly #writable: boolean
  readonly #now: () => number
  #file: MemoryFile | null

  constructor(file: MemoryFile, path: string, writable: boolean, now: () => number) {
    this.#file = file
    this.#path = path
    this.#writable = writable
    this.#now = now
  }

  size(): number {
    return this.#open().size
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    return this.#open().read(into, offset, length, position)
  }

  write(bytes: Uint8Array, position: number): void {
    const file = this.#openForWriting()
    file.write(bytes, position)
    file.modifiedMs = this.#now()
  }

  truncate(size: number): void {
    const file = this.#openForWriting()
    file.truncate(size)
    file.modifiedMs = this.#now()
  }

  sync(): void {
    this.#open()
  }

  async syncAsync(): Promise<void> {
    this.#open()
  }

  close(): void {
    this.#file = null
  }

  #open(): MemoryFile {
    if (this.#file === null) throw fileError('EBADF', this.#path, 'the file is closed')
    return this.#file
  }

  #openForWriting(): MemoryFile {
    if (!this.#writable) throw fileError('EBADF', this.#path, 'the file is open for reading only')
    return this.#open()
  }
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
