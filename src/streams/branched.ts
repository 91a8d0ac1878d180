import type { Guard, Predicate } from './functions.js'
import { addBranch, type SplitHandle } from './graph/branch.js'
import type { KStream } from './kstream.js'

/** What becomes of a branch: its key in the resulting map is the split's name followed by `name`. */
export interface Branched<K, V> {
  readonly name?: string
  /** The map holds what this returns. */
  readonly function?: (branch: KStream<K, V>) => KStream<K, V>
  /** Takes the branch; the map then has no entry for it. */
  readonly consumer?: (branch: KStream<K, V>) => void
}

/** A stream being split; see `KStream.split`. Unnamed branches are numbered from 1, the default branch is 0. */
export class BranchedKStream<K, V> {
  readonly #split: SplitHandle
  readonly #result = new Map<string, KStream<K, V>>()

  constructor(split: SplitHandle) {
    this.#split = split
  }

  /** A type guard narrows what the functions of the branch see. */
  branch<S extends V>(predicate: Guard<K, V, S>, options?: Branched<K, S>): this
  branch(predicate: Predicate<K, V>, options?: Branched<K, V>): this
  branch(predicate: Predicate<K, V>, options: Branched<K, V> | Branched<K, never> = {}): this {
    this.#add(predicate as Predicate<unknown, unknown>, options as Branched<K, V>)
    return this
  }

  /** Everything that no branch took. */
  defaultBranch(options: Branched<K, V> = {}): ReadonlyMap<string, KStream<K, V>> {
    this.#add(null, options)
    return this.#result
  }

  /** What no branch took is left out. */
  noDefaultBranch(): ReadonlyMap<string, KStream<K, V>> {
    return this.#result
  }

  #add(predicate: Predicate<unknown, unknown> | null, options: Branched<K, V>): void {
    const handle = addBranch(this.#split, predicate, options.name)
    const stream = handle.graph.dsl.stream<K, V>(handle)
    if (options.consumer !== undefined) options.consumer(stream)
    else this.#result.set(handle.name, options.function === undefined ? stream : options.function(stream))
  }
}
