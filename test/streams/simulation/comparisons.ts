import { inspect, isDeepStrictEqual } from 'node:util'
import type { CapturedRecord } from '../../../src/testing/captured-record.js'
import type { StoreRow } from '../../../src/testing/store-contents.js'
import type { AtLeastOnce } from './topologies.js'

/** A result as text, and as what decides on the order of two. */
export interface Output {
  readonly key: string
  readonly text: string
  readonly value: Buffer | null
}

export function outputOf({ key, value, timestamp, headers }: CapturedRecord): Output {
  const shown = value === null ? 'null' : inspect(value.toString('latin1'))
  return {
    key: String(key),
    text: `${key}=${shown}@${timestamp}${headers.length === 0 ? '' : ` ${inspect(headers)}`}`,
    value,
  }
}

/** Throws at the first difference. */
export function sameOutputs(expected: readonly Output[], found: readonly Output[]): void {
  const wanted = expected.map(({ text }) => text)
  const there = found.map(({ text }) => text)
  const at = wanted.findIndex((text, i) => text !== there[i])
  if (at >= 0 || wanted.length !== there.length) {
    const from = at < 0 ? wanted.length : at
    throw new Error(
      `result ${from} should be ${wanted[from] ?? 'none'} and is ${there[from] ?? 'missing'}\n` +
        `  expected ${wanted.join('  ')}\n  found    ${there.join('  ')}`,
    )
  }
}

export function sameRuns(expected: readonly Output[], found: readonly Output[]): void {
  comparedRuns(() => sameOutputs(expected, found))
}

/** The last result of each key is the same. */
export function sameLastResults(expected: readonly Output[], found: readonly Output[]): void {
  comparedRuns(() => {
    missing('last', expected, found)
    missing('last', found, expected)
  })
}

function comparedRuns(compare: () => void): void {
  try {
    compare()
  } catch (error) {
    throw new Error(`what is left of the state matters: ${(error as Error).message}`)
  }
}

export function sameContents(what: string, expected: readonly StoreRow[], found: readonly StoreRow[]): void {
  const identities = (rows: readonly StoreRow[]) => rows.map(({ identity }) => identity)
  if (isDeepStrictEqual(identities(expected), identities(found))) return
  const shown = (rows: readonly StoreRow[]) =>
    inspect(
      rows.map(({ key, value }) => [key, value]),
      { breakLength: Number.POSITIVE_INFINITY, depth: 4 },
    )
  throw new Error(`${what} should hold\n  ${shown(expected)} and holds\n  ${shown(found)}`)
}

/** Throws where the results do not keep what at-least-once promises. */
export function missing(promise: AtLeastOnce, expected: readonly Output[], found: readonly Output[]): void {
  if (promise === 'each') {
    const left = found.map(({ text }) => text)
    for (const { text } of expected) {
      const at = left.indexOf(text)
      if (at < 0) throw new Error(`the result ${text} is missing`)
      left.splice(at, 1)
    }
    return
  }
  const last = new Map(found.map((output) => [output.key, output]))
  for (const [key, { text, value }] of new Map(expected.map((output) => [output.key, output]))) {
    const there = last.get(key)
    const kept =
      promise === 'last'
        ? there !== undefined && isDeepStrictEqual(there.value, value)
        : there !== undefined && there.value!.compare(value!) >= 0
    if (!kept) {
      throw new Error(
        `the last result of ${key} should be ${text} and is ${there?.text ?? 'missing'}\n` +
          `  expected ${expected.map((output) => output.text).join('  ')}\n` +
          `  found    ${found.map((output) => output.text).join('  ')}`,
      )
    }
  }
}
