import { firstWhere } from './sorted-runs.js'

/** A set of numbers that can be walked in order. */
export class SortedNumbers {
  #numbers: number[] = []
  readonly #known = new Set<number>()

  get size(): number {
    return this.#numbers.length
  }

  /** The least; Infinity when there is none. */
  get first(): number {
    return this.#numbers[0] ?? Number.POSITIVE_INFINITY
  }

  /** The greatest; -Infinity when there is none. */
  get last(): number {
    return this.#numbers.at(-1) ?? Number.NEGATIVE_INFINITY
  }

  has(number: number): boolean {
    return this.#known.has(number)
  }

  add(number: number): void {
    if (this.#known.has(number)) return
    this.#known.add(number)
    const numbers = this.#numbers
    if (numbers.length === 0 || numbers.at(-1)! < number) numbers.push(number)
    else
      numbers.splice(
        firstWhere(numbers, (other) => other > number),
        0,
        number,
      )
  }

  between(from: number, to: number): number[] {
    const numbers = this.#numbers
    const first = firstWhere(numbers, (number) => number >= from)
    let end = first
    while (end < numbers.length && numbers[end]! <= to) end++
    return numbers.slice(first, end)
  }

  removeUpTo(last: number): void {
    const count = firstWhere(this.#numbers, (number) => number > last)
    for (const number of this.#numbers.splice(0, count)) this.#known.delete(number)
  }

  clear(): void {
    this.#numbers = []
    this.#known.clear()
  }
}
