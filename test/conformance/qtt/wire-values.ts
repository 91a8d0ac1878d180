import type { Column } from '../../../src/sql/schema.js'
import type { SchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { type Json, NumberText } from '../exact-json.js'

/* What the encoders and decoders of all formats share. */

/** How one side of a topic's records is written. */
export interface Side {
  readonly format: string
  readonly columns: readonly Column[]
  readonly wrapped: boolean
  readonly role: 'key' | 'value'
  /** Of formats with schemas. */
  readonly place?: SchemaPlace
}

/** What came out, in a form that keeps what the README's section 4 compares by. */
export type Actual =
  | null
  | boolean
  | string
  | { readonly integer: bigint; readonly bits: 32 | 64 }
  | { readonly decimal: string }
  | { readonly double: number }
  | readonly Actual[]
  | ReadonlyMap<string, Actual>

/** Where a side's schemas are. */
export interface SchemaPlace {
  readonly topic: string
  readonly registry: SchemaRegistry
  readonly properties: Readonly<Record<string, string>>
}

/** Numbers with a fraction or an exponent are exact decimals. */
export function fromJson(value: Json): Actual {
  if (value instanceof NumberText) {
    if (!/^-?\d+$/.test(value.text)) return { decimal: value.text }
    const integer = BigInt(value.text)
    return { integer, bits: integer === BigInt.asIntN(32, integer) ? 32 : 64 }
  }
  if (Array.isArray(value)) return value.map(fromJson)
  if (value !== null && typeof value === 'object') {
    return new Map(Object.entries(value).map(([name, field]) => [name, fromJson(field)]))
  }
  return value
}
