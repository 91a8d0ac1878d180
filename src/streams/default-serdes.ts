import type { ByteWriter } from '../common/index.js'
import type { Serde } from '../serde/index.js'
import { StreamsConfigError } from './errors.js'

/**
 * Stands in for a serde that is known only when the application starts. Store specs are made when the topology is
 * built, the application's default serdes come later.
 */
class LateSerde implements Serde<unknown> {
  bound: Serde<unknown> | null = null
  readonly #what: string

  constructor(what: string) {
    this.#what = what
  }

  write(value: unknown, out: ByteWriter): void {
    this.#serde().write(value, out)
  }

  read(buffer: Buffer, start: number, end: number): unknown {
    return this.#serde().read(buffer, start, end)
  }

  #serde(): Serde<unknown> {
    if (this.bound !== null) return this.bound
    throw new StreamsConfigError(
      `no ${this.#what} serde is known here: give one to the operator, or set default${this.#what === 'key' ? 'Key' : 'Value'}Serde`,
    )
  }
}

export interface DefaultSerdes {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

export function defaultSerdes(): DefaultSerdes {
  return { key: new LateSerde('key'), value: new LateSerde('value') }
}

export function bindDefaultSerdes(
  defaults: DefaultSerdes,
  keySerde: Serde<unknown> | undefined,
  valueSerde: Serde<unknown> | undefined,
): void {
  if (defaults.key instanceof LateSerde && keySerde !== undefined) defaults.key.bound = keySerde
  if (defaults.value instanceof LateSerde && valueSerde !== undefined) defaults.value.bound = valueSerde
}
