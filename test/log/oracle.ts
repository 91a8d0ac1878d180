import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, it } from 'vitest'

const directory = resolve(
  process.env.FOREBAY_ORACLE ?? resolve(import.meta.dirname, '../../../shared/oracle'),
  'log',
)

/** Vectors made by Kafka's own classes; null where they are not at hand. */
export function oracle<T>(file: string): T[] | null {
  const path = resolve(directory, file)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T[]) : null
}

/** Runs `suite` with the vectors of a file. Without them one case says so and passes. */
export function describeOracle<T>(file: string, suite: (vectors: T[]) => void): void {
  describe(`Kafka's vectors: ${file}`, () => {
    const vectors = oracle<T>(file)
    if (vectors !== null) suite(vectors)
    else
      it('is not checked: the vectors are not on this machine (set FOREBAY_ORACLE)', () => {
        console.log(`oracle vectors ${file} not found, skipped`)
      })
  })
}
