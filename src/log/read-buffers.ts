/*
 * Memory for reading segments. What was read stays valid as long as somebody refers to it, so buffers come fresh and
 * go with the garbage. But fresh memory costs more than reading into it: it is touched for the first time, and every
 * 64 MiB of it make V8 look through its whole heap. So who is done with a batch may say so, and a buffer all of
 * whose batches were given back is read into again.
 */

/** Most bytes read at once, but for single batches that are larger. */
export const READ_BYTES = 256 * 1024
/** Smaller reads, near the end of a log, are not worth a whole buffer. */
const SMALL_BYTES = READ_BYTES / 4
/** Spare buffers, over all logs of the process. */
const SPARE_MAX = 32

const spare: Buffer[] = []

/** A buffer, and how many of the batches read into it are in use. */
export class ReadBuffer {
  readonly #memory: Buffer
  readonly bytes: Buffer
  #inUse = 0

  constructor(length: number) {
    const shareable = length > SMALL_BYTES && length <= READ_BYTES
    this.#memory = shareable
      ? (spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES))
      : Buffer.allocUnsafe(length)
    this.bytes = length === this.#memory.length ? this.#memory : this.#memory.subarray(0, length)
  }

  pin(batches: number): void {
    this.#inUse += batches
  }

  unpin(): void {
    if (--this.#inUse === 0 && this.#memory.length === READ_BYTES && spare.length < SPARE_MAX) {
      spare.push(this.#memory)
    }
  }
}
