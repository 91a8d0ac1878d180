import type { FileSystem } from '../common/index.js'
import { asStorageError, type KafkaError, storageError } from './errors.js'
import type { ProducerSnapshots } from './producer-snapshots.js'
import type { Segment } from './segment.js'
import type { SegmentList } from './segment-list.js'

export interface LogFlusherOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly segments: SegmentList
  readonly snapshots: ProducerSnapshots
  /** Records below it are stable. */
  readonly stableBelow: number
  /** The segments before this base offset are stable, with their indexes. */
  readonly completeBelow: number
  /** The directory may hold files whose names are not stable. */
  readonly newFiles: boolean
}

/**
 * Makes a log stable, from its oldest unstable segment on.
 *
 *   complete ────▶│ stable ────────────▶│ page cache ──▶│
 *   segments, indexes, snapshots        │ records       │ log end
 *                 completeBelow         stableBelow
 *
 * After a failed sync nobody knows what is stable: `failure` is set, for good.
 */
export class LogFlusher {
  readonly #options: LogFlusherOptions
  #stableBelow: number
  #completeBelow: number
  #newFiles: boolean
  #running: Promise<void> | null = null
  #waiting: { end: number; promise: Promise<void> } | null = null
  #failure: unknown = null
  #stopped = false

  constructor(options: LogFlusherOptions) {
    this.#options = options
    this.#stableBelow = options.stableBelow
    this.#completeBelow = options.completeBelow
    this.#newFiles = options.newFiles
  }

  /** Why nothing can be made stable any more; null: all is well. */
  get failure(): unknown {
    return this.#failure
  }

  /** Records below it survive a power cut. */
  get stableBelow(): number {
    return this.#stableBelow
  }

  /**
   * What may be written down for a restart: all below it is stable, and it checks from the segment on that holds this
   * offset. The indexes of the first segment that is not complete may be lost, so it holds it, also once it is closed.
   */
  get checkpoint(): number {
    const { segments } = this.#options
    if (this.#stableBelow <= this.#completeBelow) return this.#completeBelow
    const next = segments.all[segments.indexOf(this.#completeBelow) + 1]
    return Math.min(this.#stableBelow, next?.baseOffset ?? Number.POSITIVE_INFINITY) - 1
  }

  /** A segment was begun: its name is not stable, and the one before has indexes and a snapshot to be made so. */
  segmentBegun(): void {
    this.#newFiles = true
  }

  /** What lay below was deleted. */
  forgetBelow(offset: number): void {
    this.#stableBelow = Math.max(this.#stableBelow, offset)
    this.#completeBelow = Math.max(this.#completeBelow, offset)
  }

  /** Nothing is opened or synced any more: the log is closed or deleted. */
  stop(): void {
    this.#stopped = true
  }

  /** Makes names in the directory stable, at once. */
  syncDirectory(): void {
    if (!this.#newFiles) return
    this.#options.files.syncDirectory(this.#options.directory)
    this.#newFiles = false
  }

  /**
   * Makes what lies below `end` stable, off the event loop. Calls while a flush runs share the next one. Throws
   * KafkaError KAFKA_STORAGE_ERROR.
   */
  flush(end: number): Promise<void> {
    if (this.#isStable(end)) return Promise.resolve()
    if (this.#running === null) {
      this.#running = this.#flushNow(end).finally(() => {
        this.#running = null
      })
      return this.#running
    }
    if (this.#waiting !== null) {
      this.#waiting.end = Math.max(this.#waiting.end, end)
      return this.#waiting.promise
    }
    const again = (): Promise<void> => {
      const { end } = this.#waiting!
      this.#waiting = null
      return this.flush(end)
    }
    this.#waiting = { end, promise: this.#running.then(again, again) }
    return this.#waiting.promise
  }

  async #flushNow(end: number): Promise<void> {
    const { segments } = this.#options
    this.#checkUsable()
    const { closed, last } = this.#unstable(end)
    this.#writeIndexes(closed)
    try {
      for (const segment of closed) await this.#completeAsync(segment)
      const complete = last.baseOffset
      if (closed.length > 0) await this.#step(() => this.#options.snapshots.syncAsync(complete))
      await this.#step(() => last.syncLogAsync())
      if (last !== segments.active) last.closeFile()
      if (this.#newFiles || this.#stableBelow === 0) await this.#step(() => this.#syncDirectoryAsync())
      this.#advance(end, complete)
    } catch (error) {
      throw this.#stopped ? error : this.#fail(error)
    }
  }

  /** What does not fit on a full disk can be written later: unlike a failed sync, this is no end. */
  #writeIndexes(closed: readonly Segment[]): void {
    try {
      for (const segment of closed) segment.complete()
    } catch (error) {
      throw asStorageError(`cannot write the indexes of ${this.#options.directory}`, error)
    }
  }

  async #completeAsync(segment: Segment): Promise<void> {
    await this.#step(() => segment.syncLogAsync())
    await this.#step(() => segment.syncIndexesAsync())
    // Until somebody reads it.
    segment.closeFile()
  }

  #syncDirectoryAsync(): Promise<void> {
    this.#newFiles = false
    return this.#options.files.syncDirectoryAsync(this.#options.directory)
  }

  /** Between two steps the log may be closed. */
  async #step(work: () => Promise<void>): Promise<void> {
    await work()
    if (this.#stopped) this.#checkUsable()
  }

  /** As `flush`, at once. */
  flushSync(end: number): void {
    if (this.#isStable(end)) return
    this.#checkUsable()
    const { closed, last } = this.#unstable(end)
    this.#writeIndexes(closed)
    try {
      for (const segment of closed) {
        segment.syncLog()
        segment.syncIndexes()
        segment.closeFile()
      }
      if (closed.length > 0) this.#options.snapshots.sync(last.baseOffset)
      last.syncLog()
      if (this.#stableBelow === 0) this.#newFiles = true
      this.syncDirectory()
      this.#advance(end, last.baseOffset)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #advance(stableBelow: number, completeBelow: number): void {
    this.#stableBelow = Math.max(this.#stableBelow, stableBelow)
    this.#completeBelow = Math.max(this.#completeBelow, completeBelow)
  }

  #isStable(end: number): boolean {
    const { segments } = this.#options
    return this.#stableBelow >= end && this.#completeBelow >= segments.all[segments.indexOf(end)]!.baseOffset
  }

  /** `last`: the segment that holds `end`, or will; `closed`: those before it that are not complete. */
  #unstable(end: number): { closed: readonly Segment[]; last: Segment } {
    const { segments } = this.#options
    const index = segments.indexOf(end)
    return {
      closed: segments.all.slice(segments.indexOf(this.#completeBelow), index),
      last: segments.all[index]!,
    }
  }

  /** Throws KafkaError KAFKA_STORAGE_ERROR after a failure, and once stopped. */
  #checkUsable(): void {
    const { directory } = this.#options
    if (this.#failure !== null)
      throw storageError(`${directory} failed earlier and must be opened again`, this.#failure)
    if (this.#stopped) throw storageError(directory, 'closed before it was stable')
  }

  /** Only a restart can tell what is there: nothing more is made stable. */
  fail(error: unknown): void {
    this.#failure ??= error
  }

  /** The page cache may have dropped what it could not write. */
  #fail(error: unknown): KafkaError {
    this.fail(error)
    return storageError(`cannot make ${this.#options.directory} stable`, error)
  }
}
