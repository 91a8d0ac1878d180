/** A vector of one of the files in `log/`; bytes are hex. */
export type Vector = Readonly<Record<string, unknown>>

export function bytes(hex: unknown): Buffer {
  return Buffer.from(hex as string, 'hex')
}

export function same(what: string, expected: unknown, found: unknown): string | null {
  return Object.is(expected, found) ? null : `${what}: expected ${String(expected)}, found ${String(found)}`
}
