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
      this.#next = this.#directory.readProducerIds()
      this.#reserved = this.#next + BLOCK
      this.#directory.writeProducerIds(this.#reserved)
    }
    return this.#next++
  }
}
