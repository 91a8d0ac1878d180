import type { FileSystem } from '../common/index.js'

/**
 * The bytes of an index in memory, and their file. Entries are of one size and only ever added.
 *
 * The file trails the memory: `persist` writes what is new. An index is always rebuilt from the log after an
 * unclean stop, so until its segment is complete nothing depends on the file.
 */
export class IndexFile {
  readonly path: string
  readonly #files: FileSystem
  readonly #entryBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0
  /** Bytes that the file holds already; -1: the file may hold anything. */
  #persisted: number

  /** `content`: what the file holds, whole entries; null: to be written anew, whatever is there. */
  constructor(files: FileSystem, path: string, entryBytes: number, content: Buffer | null) {
    this.#files = files
    this.path = path
    this.#entryBytes = entryBytes
    this.#persisted = content === null ? -1 : content.length
    if (content !== null) {
      this.#buffer = content
      this.#length = content.length
    }
  }

  get count(): number {
    return this.#length / this.#entryBytes
  }

  /** Of memory. */
  get sizeBytes(): number {
    return this.#buffer.length
  }

  /** The file holds every entry. */
  get isPersisted(): boolean {
    return this.#persisted === this.#length
  }

  /** Holds the entries; read only, and not beyond `count`. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** Makes room for one more entry and returns where in `buffer` to write it. */
  add(): number {
    const at = this.#length
    this.#length += this.#entryBytes
    if (this.#length > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(this.#length, this.#buffer.length * 2, this.#entryBytes * 16))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    return at
  }

  /** Writes what the file does not hold yet. Returns whether there was anything. */
  persist(): boolean {
    if (this.isPersisted) return false
    const from = Math.max(0, this.#persisted)
    const file = this.#files.open(this.path, 'a+')
    try {
      if (this.#persisted < 0) file.truncate(0)
      file.write(this.#buffer.subarray(from, this.#length), from)
    } finally {
      file.close()
    }
    this.#persisted = this.#length
    return true
  }

  /** Writes all of it in the place of what is there, stable on return: a power cut leaves the one or the other. */
  replace(): void {
    this.#files.writeFileAtomic(this.path, this.#buffer.subarray(0, this.#length))
    this.#persisted = this.#length
  }
}
