/**
 * A growing set of items that can be asked for a range in order, cheap for those who never ask.
 *
 * Added items wait unsorted; a question sorts them into a run, and runs of like size merge, so that n items cost
 * O(n log n) in all however questions and additions alternate. Items stay until `drain`.
 */
export class SortedRuns<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #sort: (items: readonly T[]) => T[]
  #pending: T[] = []
  /** Each sorted; each at least twice as long as the next. */
  #runs: T[][] = []
  #size = 0

  /** `sort` may be a faster way to the order of `compare`. */
  constructor(compare: (a: T, b: T) => number, sort = (items: readonly T[]) => [...items].sort(compare)) {
    this.#compare = compare
    this.#sort = sort
  }

  get size(): number {
    return this.#size
  }

  add(item: T): void {
    this.#pending.push(item)
    this.#size++
  }

  /** Items between two bounds, in order. `isBelow` and `isAbove` say on which side of the range an item lies. */
  between(isBelow: (item: T) => boolean, isAbove: (item: T) => boolean): T[] {
    this.#seal()
    const found: T[] = []
    let runsUsed = 0
    for (const run of this.#runs) {
      const from = firstWhere(run, (item) => !isBelow(item))
      const to = firstWhere(run, isAbove)
      if (from < to) runsUsed++
      for (let i = from; i < to; i++) found.push(run[i]!)
    }
    return runsUsed > 1 ? found.sort(this.#compare) : found
  }

  /** All items in order. They stay. */
  sorted(): T[] {
    if (this.#runs.length === 0) return this.#sort(this.#pending)
    // Sorting finds the runs and merges them.
    return [...this.#runs.flat(), ...this.#pending].sort(this.#compare)
  }

  clear(): void {
    this.#pending = []
    this.#runs = []
    this.#size = 0
  }

  #seal(): void {
    if (this.#pending.length === 0) return
    const runs = this.#runs
    runs.push(this.#sort(this.#pending))
    this.#pending = []
    while (runs.length > 1 && runs.at(-2)!.length < 2 * runs.at(-1)!.length) {
      const last = runs.pop()!
      runs.push([...runs.pop()!, ...last].sort(this.#compare))
    }
  }
}

/** The index of the first item that satisfies a condition which, once true, stays true. */
export function firstWhere<T>(items: readonly T[], condition: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (condition(items[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
