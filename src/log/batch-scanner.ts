import { BATCH_HEADER_BYTES } from './batch-format.js'
import { CorruptRecordError } from './errors.js'
import { RecordBatchView } from './record-batch.js'

const CHUNK_BYTES = 1024 * 1024

/** Reads up to the size of `into` at a position; returns how many bytes. */
export type ReadAt = (into: Buffer, position: number) => number

export interface ScanOptions {
  /** How much is read at once, but for larger batches. Default 1 MiB. */
  readonly chunkBytes?: number
  /** Reads every chunk into the same memory: a batch is valid until the next one is asked for. */
  readonly reuseMemory?: boolean
}

/** Walks the batches of a file from one position to another, a chunk in memory at a time. */
export class BatchScanner {
  /** Where the next batch begins. */
  position: number
  readonly #read: ReadAt
  readonly #path: string
  readonly #end: number
  #chunk: Buffer = Buffer.alloc(0)
  #chunkAt = 0
  readonly #chunkBytes: number
  readonly #memory: Buffer | null

  constructor(
    read: ReadAt,
    path: string,
    position: number,
    end: number,
    { chunkBytes = CHUNK_BYTES, reuseMemory = false }: ScanOptions = {},
  ) {
    this.#read = read
    this.#path = path
    this.position = position
    this.#end = end
    this.#chunkBytes = chunkBytes
    this.#memory = reuseMemory ? Buffer.allocUnsafe(Math.min(end - position, chunkBytes)) : null
  }

  /**
   * The next batch, whole but not verified; null at the end. Throws CorruptRecordError where the bytes left cannot
   * be one. The batch stays valid, unless memory is reused.
   */
  next(): RecordBatchView | null {
    const left = this.#end - this.position
    if (left === 0) return null
    if (left < BATCH_HEADER_BYTES) throw this.#corrupt(`incomplete: ${left} bytes are no batch header`)
    this.#load(BATCH_HEADER_BYTES)
    let batch = new RecordBatchView(this.#chunk, this.position - this.#chunkAt)
    const size = batch.sizeBytes
    if (size < BATCH_HEADER_BYTES) throw this.#corrupt(`a size of ${size} bytes is less than a batch header`)
    if (size > left) throw this.#corrupt(`incomplete: ${left} of ${size} bytes`)
    if (this.#load(size)) batch = new RecordBatchView(this.#chunk, this.position - this.#chunkAt)
    batch.file = this.#path
    batch.filePosition = this.position
    this.position += size
    return batch
  }

  /** Makes the `bytes` at `position` part of the chunk; true: that took a new chunk. */
  #load(bytes: number): boolean {
    if (this.position + bytes <= this.#chunkAt + this.#chunk.length) return false
    const length = Math.min(this.#end - this.position, Math.max(bytes, this.#chunkBytes))
    const memory = this.#memory
    const chunk =
      memory !== null && length <= memory.length ? memory.subarray(0, length) : Buffer.allocUnsafe(length)
    const read = this.#read(chunk, this.position)
    if (read < bytes) throw this.#corrupt(`the file ends ${bytes - read} bytes too early`)
    this.#chunk = chunk.subarray(0, read)
    this.#chunkAt = this.position
    return true
  }

  #corrupt(problem: string): CorruptRecordError {
    return new CorruptRecordError(problem, { file: this.#path, position: this.position })
  }
}
