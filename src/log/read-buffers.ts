/*
 * Memory for reading segments. What was read stays valid as long as somebody refers to it, so buffers come fresh and
 * go with the garbage. But fresh memory costs more than reading into it: it is touched for the first time, and every
 * 64 MiB of it make V8 look through its whole heap. So who is done with a batch may say so, and a buffer all of
 * whose batches were given back is read into again.
 */

/** Most bytes read at once, but for single batches that are larger. */
export const READ_BYTES = 256 * 1024
/** For smaller reads, near the end of a log. Below a quarter of it, nothing is kept. */
const SMALL_BYTES = 64 * 1024
/** Spare buffers of each size, over all logs of the process. */
const SPARE_MAX = 32

const spare: Readonly<Record<number, Buffer[]>> = { [READ_BYTES]: [], [SMALL_BYTES]: [] }

/** A buffer, and how many of the batches read into it are in use. */
export class ReadBuffer {
  readonly #memory: Buffer
  readonly bytes: Buffer
  #inUse = 0

  constructor(length: number) {
    const size = sizeFor(length)
    this.#memory = spare[size]?.pop() ?? Buffer.allocUnsafeSlow(size)
    this.bytes = length === size ? this.#memory : this.#memory.subarray(0, length)
  }

  pin(batches: number): void {
    this.#inUse += batches
  }

  unpin(): void {
    if (--this.#inUse > 0) return
    const spares = spare[this.#memory.length]
    if (spares !== undefined && spares.length < SPARE_MAX) spares.push(this.#memory)
  }
}

function sizeFor(length: number): number {
  if (length > READ_BYTES || length < SMALL_BYTES / 4) return length
  return length > SMALL_BYTES ? READ_BYTES : SMALL_BYTES
}
