/**
 * The order in which Java's HashSet of strings iterates: by bucket, and within a bucket by insertion. The table has
 * 16 buckets and doubles when more than three quarters full.
 */
export class HashOrder {
  readonly #buckets: string[][]

  constructor(strings: Iterable<string>) {
    const distinct = new Set(strings)
    let capacity = 16
    while (distinct.size > capacity * 0.75) capacity *= 2
    this.#buckets = Array.from({ length: capacity }, () => [])
    for (const text of distinct) this.#buckets[spread(hashCode(text)) & (capacity - 1)]!.push(text)
  }

  values(): string[] {
    return this.#buckets.flat()
  }
}

function spread(hash: number): number {
  return hash ^ (hash >>> 16)
}

/** Java's String.hashCode. */
function hashCode(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}
