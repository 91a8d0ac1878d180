import { SqlError } from '../errors.js'
import { avroFormat } from './avro-format.js'
import { delimitedFormat } from './delimited.js'
import {
  columnList,
  type Format,
  type FormatColumn,
  type KeyValue,
  type SerdeOptions,
  type SqlSerde,
} from './format-contract.js'
import { jsonFormat } from './json-format.js'
import { jsonSrFormat } from './json-sr-format.js'
import { kafkaFormat } from './kafka.js'
import { noneFormat } from './none.js'
import { protobufFormat, protobufNoSrFormat } from './protobuf-format.js'
import type { Row } from './row-class.js'

const formats = new Map<string, Format>()

export function registerFormat(format: Format): void {
  formats.set(format.name, format)
}

for (const format of [
  jsonFormat,
  delimitedFormat,
  kafkaFormat,
  noneFormat,
  avroFormat,
  jsonSrFormat,
  protobufFormat,
  protobufNoSrFormat,
]) {
  registerFormat(format)
}

export function formatNames(): string[] {
  return [...formats.keys()]
}

/** @throws SqlError `Unknown format: FOO` */
export function findFormat(name: string): Format {
  const format = formats.get(name.toUpperCase())
  if (format !== undefined) return format
  throw new SqlError(`Unknown format: ${name.toUpperCase()}`, {
    suggestion: `Formats here are ${formatNames().join(', ')}.`,
  })
}

/**
 * Refuses columns and options the format cannot take, as ksqlDB does when a statement is checked.
 *
 * @throws SqlError
 */
export function checkFormat(options: SerdeOptions): void {
  const format = findFormat(options.format)
  const { columns, role, wrapSingle, delimiter } = options
  if (delimiter !== undefined && !format.takesDelimiter) {
    throw new SqlError(`${format.name} does not support the following configs: [delimiter]`)
  }
  if (role === 'value' && wrapSingle !== undefined) checkWrapping(format, columns, wrapSingle)
  const reason = format.refuses(columns, role)
  if (reason === null) return
  const features =
    role === 'value' && wrapSingle !== undefined ? [wrapSingle ? 'WRAP_SINGLES' : 'UNWRAP_SINGLES'] : []
  throw new SqlError(
    `${role === 'key' ? 'Key' : 'Value'} format does not support schema.\n` +
      `format: ${format.name}\n` +
      `schema: Persistence{columns=${columnList(columns, role)}, features=[${features.join(', ')}]}\n` +
      `reason: ${reason}`,
    role === 'value' && (format.name === 'DELIMITED' || format.name === 'KAFKA')
      ? { suggestion: 'JSON, AVRO and PROTOBUF hold values of every type.' }
      : {},
  )
}

function checkWrapping(format: Format, columns: readonly FormatColumn[], wrapSingle: boolean): void {
  if (!format.wrapping.includes(wrapSingle)) {
    throw new SqlError(`Format '${format.name}' does not support 'WRAP_SINGLE_VALUE' set to '${wrapSingle}'.`)
  }
  if (columns.length !== 1) {
    throw new SqlError("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
  }
}

export function createValueSerde(options: Omit<SerdeOptions, 'role'>): SqlSerde<Row> {
  return findFormat(options.format).valueSerde({ ...options, role: 'value' })
}

export function createKeySerde(options: Omit<SerdeOptions, 'role'>): SqlSerde<KeyValue> {
  return findFormat(options.format).keySerde({ ...options, role: 'key' })
}

/** By role: rows for values, bare values or frozen arrays for keys. */
export function createSerde(options: SerdeOptions & { readonly role: 'value' }): SqlSerde<Row>
export function createSerde(options: SerdeOptions & { readonly role: 'key' }): SqlSerde<KeyValue>
export function createSerde(options: SerdeOptions): SqlSerde<Row> | SqlSerde<KeyValue> {
  return options.role === 'key' ? createKeySerde(options) : createValueSerde(options)
}
