import type { Decimal } from 'decimal.js'
import { formatType, type SqlType } from '../types.js'

/** A value of a SQL type in JavaScript; types.ts says which type looks how. A STRUCT is an array, as an ARRAY is. */
export type SqlValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Decimal
  | readonly SqlValue[]
  | ReadonlyMap<SqlValue, SqlValue>

/**
 * The value columns of one record: fields `c0`, `c1` … in column order, never changed once made. Code that is
 * generated for a schema reads the fields by name; code that works for any schema uses `toArray`.
 */
export interface Row {
  readonly [column: `c${number}`]: SqlValue
  toArray(): SqlValue[]
}

export interface RowClass {
  new (...values: SqlValue[]): Row
  /** How many columns. */
  readonly width: number
  from(values: readonly SqlValue[]): Row
}

interface NamedType {
  readonly name: string
  readonly type: SqlType
}

/** Schemas are few and live as long as their statements; the bound only guards against a program that makes them. */
const cacheLimit = 4096
const cache = new Map<string, RowClass>()

/**
 * The class for rows of these columns. Equal columns give the same class, so that the engine sees one shape of
 * object wherever such rows come from; different columns give different classes, so that it learns the types of
 * each. Nothing of the names goes into the generated code.
 */
export function rowClass(columns: readonly NamedType[]): RowClass {
  const key = JSON.stringify(columns.map((column) => [column.name, formatType(column.type)]))
  const known = cache.get(key)
  if (known !== undefined) return known
  const made = generate(columns.length)
  if (cache.size >= cacheLimit) cache.clear()
  cache.set(key, made)
  return made
}

function generate(width: number): RowClass {
  const fields = Array.from({ length: width }, (_, i) => `c${i}`)
  const source = `
    'use strict'
    return class Row {
      constructor(${fields.join(', ')}) {
        ${fields.map((field) => `this.${field} = ${field}`).join('\n        ')}
      }
      static width = ${width}
      static from(values) {
        return new Row(${fields.map((_, i) => `values[${i}]`).join(', ')})
      }
      toArray() {
        return [${fields.map((field) => `this.${field}`).join(', ')}]
      }
    }`
  return new Function(source)() as RowClass
}
