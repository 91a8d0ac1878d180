import { asciiText } from '../../common/index.js'
import { plainBytes, type ShapeReader } from '../../serde/index.js'
import type { SqlType } from '../types.js'
import type { JsonCursor } from './exact-json.js'
import type { JsonColumn } from './json-decoder.js'
import { doubleAt, skipValue } from './json-values.js'

/*
 * Decoders for one shape of document: the same names in the same order, without white space, as one program
 * writes them. Names are compared byte by byte against constants in generated code, integers and plain strings
 * are read in place. Whatever deviates in the least is given back to the general decoder, from its start.
 *
 *     {"ordertime":1497014222380,"itemid":"Item_7"}
 *     └──constant──┘└─digits────┘└constant─┘└plain─┘└ constant
 */

export interface ShapeOptions {
  /** The names in document order, and the column each feeds or -1. No two feed one column. */
  readonly names: readonly { readonly name: string; readonly column: number }[]
  readonly columns: readonly JsonColumn[]
  readonly isUsed: (column: number) => boolean
  /** Readers, or checkers for unused columns. */
  readonly readers: readonly ((cursor: JsonCursor) => unknown)[]
  readonly cursor: JsonCursor
  readonly fallback: ShapeReader
  readonly result: string
  readonly Row: unknown
}

export function shapeDecoder(options: ShapeOptions): ShapeReader {
  const { names, columns, readers } = options
  const variables = columns.map((_, i) => `c${i} = null`)
  const parts = names.map(({ name, column }, i) => {
    const constant = `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`
    return `${expectBytes(constant)}\n      ${valueCode(column, options)}`
  })
  const source = `
    'use strict'
    const { Row, cursor, fallback, plain, asciiText, doubleAt, skipValue${readers.map((_, i) => `, read${i}`).join('')} } = scope
    return function decode(b, start, end) {
      let p = start, q = 0, n = 0, d = 0, negative = false${variables.map((v) => `, ${v}`).join('')}
      cursor.buffer = b
      cursor.end = end
      ${parts.join('\n      ')}
      if (p + 1 !== end || b[p] !== 0x7d) return fallback(b, start, end)
      return ${options.result}
    }`
  const scope: Record<string, unknown> = {
    Row: options.Row,
    cursor: options.cursor,
    fallback: options.fallback,
    plain: plainBytes,
    asciiText,
    doubleAt,
    skipValue,
  }
  readers.forEach((reader, i) => {
    scope[`read${i}`] = reader
  })
  return new Function('scope', source)(scope) as ShapeReader
}

function expectBytes(text: string): string {
  const bytes = [...Buffer.from(text)]
  const tests = bytes.map((byte, i) => `b[p + ${i}] !== ${byte}`).join(' || ')
  return `if (p + ${bytes.length} >= end || ${tests}) return fallback(b, start, end)
      p += ${bytes.length}`
}

const integers: ReadonlySet<SqlType['kind']> = new Set(['INTEGER', 'BIGINT', 'DATE', 'TIME', 'TIMESTAMP'])
const narrow: ReadonlySet<SqlType['kind']> = new Set(['INTEGER', 'DATE', 'TIME'])

/** Leaves `p` behind the value. A character that cannot follow a value is noticed by what comes next. */
function valueCode(column: number, options: ShapeOptions): string {
  const type = options.columns[column]?.type
  if (type === undefined) return callCode('skipValue', '')
  const target = options.isUsed(column) ? `c${column} = ` : ''
  if (integers.has(type.kind)) return integerCode(type, target)
  if (type.kind === 'STRING') return stringCode(column, target)
  if (type.kind === 'DOUBLE' && target !== '') return doubleCode(column, target)
  return callCode(`read${column}`, target)
}

function callCode(reader: string, target: string): string {
  return `cursor.position = p; ${target}${reader}(cursor); p = cursor.position`
}

/** Up to 15 digits, which a double holds exactly. */
function integerCode(type: SqlType, target: string): string {
  const value = narrow.has(type.kind) ? 'n | 0' : 'n'
  return `negative = b[p] === 0x2d
      if (negative) p++
      q = p
      n = 0
      while (p < end && (d = b[p] - 48) >= 0 && d <= 9) { n = n * 10 + d; p++ }
      if (p === q || p - q > 15 || (b[q] === 48 && p - q > 1) || p === end || (b[p] !== 0x2c && b[p] !== 0x7d)) {
        return fallback(b, start, end)
      }
      if (negative && n !== 0) n = -n
      ${target === '' ? '' : `${target}${value}`}`
}

function doubleCode(column: number, target: string): string {
  return `if ((b[p] >= 48 && b[p] <= 57) || b[p] === 0x2d) { ${callCode('doubleAt', target)} }
      else { ${callCode(`read${column}`, target)} }`
}

function stringCode(column: number, target: string): string {
  const take = target === '' ? '' : `${target}asciiText(b, p + 1, q); `
  return `q = p + 1
      if (b[p] === 0x22) while (q < end && plain[b[q]] === 1) q++
      if (b[p] === 0x22 && q < end && b[q] === 0x22) { ${take}p = q + 1 }
      else { ${callCode(`read${column}`, target)} }`
}
