import type { Decimal } from 'decimal.js'
import { type ByteWriter, writeAscii, writeDigits, writeFourDecimals } from '../../common/index.js'
import { writeJsonString } from '../../serde/index.js'
import { decimalToPlainText } from '../expression/decimal.js'
import { doubleToText } from '../expression/java-text.js'
import type { SqlType } from '../types.js'
import type { JsonColumn } from './json-decoder.js'
import type { SqlValue } from './row-class.js'

/* JSON straight into a ByteWriter: names as bytes made beforehand, values by writers made for their types. */

export type ValueWriter = (value: SqlValue, out: ByteWriter) => void

export function valueWriter(type: SqlType): ValueWriter {
  switch (type.kind) {
    case 'BOOLEAN':
      return (value, out) => (value === null ? writeNull(out) : writeAscii(String(value), out))
    case 'INTEGER':
    case 'BIGINT':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return writeInteger
    case 'DOUBLE':
      return writeDouble
    case 'DECIMAL': {
      const { scale } = type
      return (value, out) =>
        value === null ? writeNull(out) : writeAscii(decimalToPlainText(value as Decimal, scale), out)
    }
    case 'STRING':
      return writeText
    case 'BYTES':
      return (value, out) => {
        if (value === null) writeNull(out)
        else writeAscii(`"${base64(value as Uint8Array)}"`, out)
      }
    case 'ARRAY':
      return arrayWriter(valueWriter(type.element))
    case 'MAP':
      return mapWriter(valueWriter(type.value))
    case 'STRUCT':
      return structWriter(type.fields)
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function writeNull(out: ByteWriter): void {
  const buffer = out.reserve(4)
  const p = out.position
  buffer[p] = 0x6e
  buffer[p + 1] = 0x75
  buffer[p + 2] = 0x6c
  buffer[p + 3] = 0x6c
  out.position = p + 4
}

function writeInteger(value: SqlValue, out: ByteWriter): void {
  if (typeof value === 'number') {
    if (value < 0) {
      out.reserve(1)[out.position++] = 0x2d
      writeDigits(-value, out)
    } else writeDigits(value, out)
  } else if (value === null) writeNull(out)
  else writeAscii(String(value), out)
}

/** Java's text of a double; those that JSON has no number for are texts. */
function writeDouble(value: SqlValue, out: ByteWriter): void {
  if (typeof value !== 'number') writeNull(out)
  else if (writeFourDecimals(value, out)) return
  else if (Number.isFinite(value)) writeAscii(doubleToText(value), out)
  else writeAscii(`"${doubleToText(value)}"`, out)
}

export function writeText(value: SqlValue, out: ByteWriter): void {
  if (value === null) writeNull(out)
  else writeJsonString(value as string, out)
}

function arrayWriter(item: ValueWriter): ValueWriter {
  return (value, out) => {
    if (value === null) {
      writeNull(out)
      return
    }
    const items = value as readonly SqlValue[]
    out.writeByte(0x5b)
    for (let i = 0; i < items.length; i++) {
      if (i > 0) out.writeByte(0x2c)
      item(items[i] ?? null, out)
    }
    out.writeByte(0x5d)
  }
}

function mapWriter(entry: ValueWriter): ValueWriter {
  return (value, out) => {
    if (value === null) {
      writeNull(out)
      return
    }
    let isFirst = true
    out.writeByte(0x7b)
    for (const [name, item] of value as ReadonlyMap<SqlValue, SqlValue>) {
      if (!isFirst) out.writeByte(0x2c)
      isFirst = false
      writeText(String(name), out)
      out.writeByte(0x3a)
      entry(item, out)
    }
    out.writeByte(0x7d)
  }
}

function structWriter(fields: readonly JsonColumn[]): ValueWriter {
  const write = objectWriter(fields, (i) => `value[${i}]`)
  return (value, out) => {
    if (value === null) writeNull(out)
    else write(value, out)
  }
}

/**
 * Writes an object with all columns, nulls too. `access` gives the JavaScript that takes column `i` out of
 * `value`. Names go into the generated code as the numbers of their bytes only.
 */
export function objectWriter<T>(
  columns: readonly JsonColumn[],
  access: (index: number) => string,
): (value: T, out: ByteWriter) => void {
  const writers = columns.map((column) => valueWriter(column.type))
  const parts = columns.map((column, i) => {
    const before = `${i === 0 ? '{' : ','}${JSON.stringify(column.name)}:`
    return `${constantBytes(before)}
      write${i}(${access(i)}, out)`
  })
  const source = `
    'use strict'
    const { ${['unused', ...columns.map((_, i) => `write${i}`)].join(', ')} } = scope
    return function write(value, out) {
      let buffer, p
      ${parts.join('\n      ')}
      ${constantBytes(columns.length === 0 ? '{}' : '}')}
    }`
  const scope = Object.fromEntries(writers.map((writer, i) => [`write${i}`, writer]))
  return new Function('scope', source)(scope) as (value: T, out: ByteWriter) => void
}

/** Code that appends fixed bytes. */
function constantBytes(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')]
  const stores = bytes.map((byte, i) => `buffer[p + ${i}] = ${byte}`).join('; ')
  return `buffer = out.reserve(${bytes.length}); p = out.position; ${stores}; out.position = p + ${bytes.length}`
}
