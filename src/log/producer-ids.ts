import type { DataDirectory } from './data-directory.js'

const BLOCK = 1000

/** Hands out producer ids that never repeat, also over crashes: blocks are reserved on disk before use. */
export class ProducerIds {
  readonly #directory: DataDirectory
  #next = 0
  #reserved = 0

  constructor(directory: DataDirectory) {
    this.#directory = directory
  }

  next(): number {
    if (this.#next === this.#reserved) {
      const first = this.#directory.readProducerIds()
      this.#directory.writeProducerIds(first + BLOCK)
      // Only now: where the write fails, none of the block may be handed out.
      this.#next = first
      this.#reserved = first + BLOCK
    }
    return this.#next++
  }
}
