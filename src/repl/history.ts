import type { FileSystem } from '../common/index.js'

const ENTRIES_MAX = 1000

/**
 * What was typed, newest last, kept in a file with one JSON string a line, so that an entry of several lines stays
 * whole. An entry equal to the newest one is not repeated.
 */
export class History {
  readonly #fileSystem: FileSystem | null
  readonly #path: string
  #entries: string[]

  constructor(fileSystem: FileSystem | null, path: string) {
    this.#fileSystem = fileSystem
    this.#path = path
    this.#entries = fileSystem?.exists(path) === true ? read(fileSystem, path) : []
  }

  get entries(): readonly string[] {
    return this.#entries
  }

  add(entry: string): void {
    const text = entry.trim()
    if (text === '' || this.#entries.at(-1) === text) return
    this.#entries = [...this.#entries, text].slice(-ENTRIES_MAX)
    const lines = this.#entries.map((e) => `${JSON.stringify(e)}\n`).join('')
    this.#fileSystem?.writeFileAtomic(this.#path, Buffer.from(lines))
  }

  /** The newest entry that contains `needle` and is older than index `before`. */
  search(needle: string, before: number = this.#entries.length): number | null {
    for (let i = before - 1; i >= 0; i--) if (this.#entries[i]!.includes(needle)) return i
    return null
  }
}

/** A line that cannot be read is left out: a damaged history must not keep anybody from working. */
function read(fileSystem: FileSystem, path: string): string[] {
  return fileSystem
    .readFile(path)
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const entry: unknown = JSON.parse(line)
        return typeof entry === 'string' ? [entry] : []
      } catch {
        return []
      }
    })
}
