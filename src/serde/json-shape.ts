/* What decoders have in common that learn the shape of the documents they read. */

/** Names whose JSON form is certain: printable ASCII, nothing to escape. */
export function hasPlainNames(names: readonly string[]): boolean {
  return names.every((name) => /^[\x20-\x7e]*$/.test(name) && !/["\\]/.test(name))
}

/** 1 for bytes that stand for themselves inside a string. */
export const plainBytes = new Uint8Array(256)
for (let byte = 0x20; byte < 0x7f; byte++) plainBytes[byte] = byte === 0x22 || byte === 0x5c ? 0 : 1

/** How many documents are looked at before a shape is fixed, and how often a better one may be tried. */
const firstLook = 32
const looksMax = 8

/** Reads documents of one shape, and gives others to the general decoder, from their start. */
export type ShapeReader = (buffer: Buffer, start: number, end: number) => unknown

/**
 * Watches the general decoder and puts a shape decoder before it once documents keep coming. While more than a
 * quarter of the documents miss the shape, another one is taken from those that come then, and in the end none.
 */
export class ShapeWatch {
  /** The shape decoder in use, or null. */
  decode: ShapeReader | null = null
  /** Documents since the last look, counted by the caller. */
  documents = 0
  #misses = 0
  #looks = 0
  #nextLook = firstLook

  /** To be called by the general decoder, once for each document it gets. True: a shape should be taken now. */
  missed(): boolean {
    if (this.#looks >= looksMax) return false
    this.#misses++
    if (this.#misses < this.#nextLook) return false
    const isUseful = this.decode !== null && this.#misses * 4 < this.documents
    this.#misses = 0
    this.documents = 0
    if (isUseful) return false
    this.#looks++
    this.#nextLook *= 4
    this.decode = null
    return this.#looks < looksMax
  }
}
