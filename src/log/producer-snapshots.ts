import type { FileSystem } from '../common/index.js'
import { ProducerState } from './producer-state.js'
import { offsetName } from './segment.js'

export const SNAPSHOT_SUFFIX = '.snapshot'

/** The snapshot files of a log: the producer state before the offset in the name, so that a start need not read the log. */
export class ProducerSnapshots {
  readonly #files: FileSystem
  readonly #directory: string
  /** Ascending. */
  readonly #offsets: number[]

  constructor(files: FileSystem, directory: string, offsets: readonly number[]) {
    this.#files = files
    this.#directory = directory
    this.#offsets = [...offsets]
  }

  /** Not synced: a snapshot that a power cut tore fails its checksum, and an older one serves. */
  write(offset: number, producers: ProducerState, segmentBases: ReadonlySet<number>): void {
    if (this.#offsets.at(-1) === offset || offset === 0) return
    const file = this.#files.open(snapshotPath(this.#directory, offset), 'a+')
    try {
      file.truncate(0)
      file.write(producers.encodeSnapshot(), 0)
    } finally {
      file.close()
    }
    this.#offsets.push(offset)
    this.prune(segmentBases)
  }

  /** Makes the snapshot at `offset` stable, where there is one. */
  sync(offset: number): void {
    if (!this.#offsets.includes(offset)) return
    const file = this.#files.open(snapshotPath(this.#directory, offset), 'r+')
    try {
      file.sync()
    } finally {
      file.close()
    }
  }

  /** As `sync`, off the event loop. */
  async syncAsync(offset: number): Promise<void> {
    if (!this.#offsets.includes(offset)) return
    const file = this.#files.open(snapshotPath(this.#directory, offset), 'r+')
    try {
      await file.syncAsync()
    } finally {
      file.close()
    }
  }

  /** Keeps those at segment starts, where a recovery begins, and the two newest. */
  prune(segmentBases: ReadonlySet<number>): void {
    for (const offset of this.#offsets.slice(0, -2)) {
      if (segmentBases.has(offset)) continue
      removeSnapshot(this.#files, this.#directory, offset)
      this.#offsets.splice(this.#offsets.indexOf(offset), 1)
    }
  }
}

/** The newest valid snapshot at or below `limit`; invalid ones are removed, also from `offsets`. */
export function loadSnapshot(
  { files, directory }: { files: FileSystem; directory: string },
  offsets: number[],
  limit: number,
): { producers: ProducerState; snapshotOffset: number } {
  for (const offset of offsets.filter((o) => o <= limit).reverse()) {
    const producers = ProducerState.decodeSnapshot(files.readFile(snapshotPath(directory, offset)))
    if (producers !== null) return { producers, snapshotOffset: offset }
    removeSnapshot(files, directory, offset)
    offsets.splice(offsets.indexOf(offset), 1)
  }
  return { producers: new ProducerState(), snapshotOffset: -1 }
}

export function removeSnapshot(files: FileSystem, directory: string, offset: number): void {
  files.remove(snapshotPath(directory, offset))
}

function snapshotPath(directory: string, offset: number): string {
  return `${directory}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`
}
