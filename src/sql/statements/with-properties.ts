import type { Expression, Properties, TimeUnit } from '../ast.js'
import { SqlError } from '../errors.js'
import { type FormatName, formatNames, type WindowInfo } from '../metastore.js'
import { oneOf } from '../suggestion.js'

/*
 * The WITH clause, read and checked. Names come upper-case from the parser; values are literals.
 */

const sourceOnly = new Set(['WINDOW_TYPE', 'WINDOW_SIZE', 'SOURCED_BY_CONNECTOR'])
const known = new Set([
  ...sourceOnly,
  'KAFKA_TOPIC',
  'PARTITIONS',
  'REPLICAS',
  'RETENTION_MS',
  'CLEANUP_POLICY',
  'FORMAT',
  'KEY_FORMAT',
  'VALUE_FORMAT',
  'KEY_DELIMITER',
  'VALUE_DELIMITER',
  'TIMESTAMP',
  'TIMESTAMP_FORMAT',
  'WRAP_SINGLE_VALUE',
  'KEY_SCHEMA_ID',
  'VALUE_SCHEMA_ID',
  'KEY_SCHEMA_FULL_NAME',
  'VALUE_SCHEMA_FULL_NAME',
  'VALUE_AVRO_SCHEMA_FULL_NAME',
  'KEY_PROTOBUF_NULLABLE_REPRESENTATION',
  'VALUE_PROTOBUF_NULLABLE_REPRESENTATION',
])

export interface SideProperties {
  /** As written, checked to be a known format; null when left out. */
  readonly format: FormatName | null
  readonly delimiter: string | null
  readonly schemaId: number | null
  readonly schemaFullName: string | null
  readonly nullableRepresentation: 'OPTIONAL' | 'WRAPPER' | null
}

export interface WithProperties {
  readonly topic: string | null
  readonly partitions: number | null
  readonly replicas: number | null
  readonly retentionMs: number | null
  readonly cleanupPolicy: string | null
  readonly key: SideProperties
  readonly value: SideProperties
  /** Column name, after the case rule of identifiers. */
  readonly timestamp: string | null
  readonly timestampFormat: string | null
  readonly wrapSingleValue: boolean | null
  readonly window: WindowInfo | null
}

/** @throws SqlError for unknown names, and values that make no sense. */
export function readWithProperties(properties: Properties, use: 'source' | 'query'): WithProperties {
  const unknown = [...properties.keys()].filter(
    (name) => !known.has(name) || (use === 'query' && sourceOnly.has(name)),
  )
  if (unknown.length > 0) {
    throw new SqlError(
      `Failed to prepare statement: Invalid config variable(s) in the WITH clause: ${unknown.join(',')}`,
      { suggestion: oneOf('Properties are', unknown[0]!, [...known]) },
    )
  }
  const reader = new Reader(properties)
  const formats = readFormats(reader)
  return {
    topic: reader.text('KAFKA_TOPIC'),
    partitions: reader.integer('PARTITIONS'),
    replicas: reader.integer('REPLICAS'),
    retentionMs: reader.integer('RETENTION_MS'),
    cleanupPolicy: reader.text('CLEANUP_POLICY'),
    key: readSide(reader, 'KEY', formats.key),
    value: readSide(reader, 'VALUE', formats.value),
    timestamp: columnName(reader.text('TIMESTAMP')),
    timestampFormat: reader.text('TIMESTAMP_FORMAT'),
    wrapSingleValue: reader.boolean('WRAP_SINGLE_VALUE'),
    window: readWindow(reader),
  }
}

function readFormats(reader: Reader): { key: FormatName | null; value: FormatName | null } {
  const both = reader.text('FORMAT')
  const key = reader.text('KEY_FORMAT')
  const value = reader.text('VALUE_FORMAT')
  for (const [name, set] of [
    ['KEY_FORMAT', key],
    ['VALUE_FORMAT', value],
  ] as const) {
    if (both !== null && set !== null) {
      throw new SqlError(
        `Cannot supply both '${name}' and 'FORMAT' properties, as 'FORMAT' sets both key and value formats. ` +
          "Either use just 'FORMAT', or use 'KEY_FORMAT' and 'VALUE_FORMAT'.",
      )
    }
  }
  return { key: formatName(key ?? both), value: formatName(value ?? both) }
}

export function formatName(text: string): FormatName
export function formatName(text: string | null): FormatName | null
export function formatName(text: string | null): FormatName | null {
  if (text === null) return null
  const name = text.toUpperCase()
  const found = formatNames.find((format) => format === name)
  if (found === undefined) {
    throw new SqlError(`Unknown format: ${name}`, { suggestion: oneOf('Formats are', name, formatNames) })
  }
  return found
}

function readSide(reader: Reader, side: 'KEY' | 'VALUE', format: FormatName | null): SideProperties {
  const fullName =
    reader.text(`${side}_SCHEMA_FULL_NAME`) ??
    (side === 'VALUE' ? reader.text('VALUE_AVRO_SCHEMA_FULL_NAME') : null)
  const nullable = reader.text(`${side}_PROTOBUF_NULLABLE_REPRESENTATION`)?.toUpperCase() ?? null
  if (nullable !== null && nullable !== 'OPTIONAL' && nullable !== 'WRAPPER') {
    throw invalid(
      `${side}_PROTOBUF_NULLABLE_REPRESENTATION`,
      `String must be one of: OPTIONAL, WRAPPER, null`,
    )
  }
  return {
    format,
    delimiter: readDelimiter(reader, `${side}_DELIMITER`),
    schemaId: reader.integer(`${side}_SCHEMA_ID`),
    schemaFullName: fullName,
    nullableRepresentation: nullable,
  }
}

function readDelimiter(reader: Reader, name: string): string | null {
  const text = reader.text(name)
  if (text === null) return null
  const special = text.toUpperCase()
  if (special === 'TAB' || special === 'SPACE') return special
  if (text.trim() === '') {
    throw invalid(
      name,
      "Delimiter cannot be empty, if you meant to have a tab or space for delimiter, please use the special values 'TAB' or 'SPACE'\n" +
        "Example valid value: ';'",
    )
  }
  if (text.length !== 1) {
    throw invalid(
      name,
      `Invalid delimiter value: '${text}'. Delimiter must be a single character or TAB,SPACE\nExample valid value: ';'`,
    )
  }
  return text
}

function readWindow(reader: Reader): WindowInfo | null {
  const type = reader.text('WINDOW_TYPE')?.toUpperCase() ?? null
  const size = reader.text('WINDOW_SIZE')
  if (type !== null && type !== 'SESSION' && type !== 'TUMBLING' && type !== 'HOPPING') {
    throw invalid('WINDOW_TYPE', `Value must be one of: [SESSION, HOPPING, TUMBLING]: ${type}`)
  }
  const sizeMs = size === null ? null : parseDuration(size)
  if (type === null) {
    if (sizeMs !== null) {
      throw new SqlError("'WINDOW_SIZE' should not be set for non-windowed data.")
    }
    return null
  }
  if (type === 'SESSION') {
    if (sizeMs !== null) throw new SqlError("'WINDOW_SIZE' should not be set for SESSION windows.")
    return { type, sizeMs: null }
  }
  if (sizeMs === null) {
    throw new SqlError(
      `'${type}' windows require 'WINDOW_SIZE' to be provided in the WITH clause. For example: 'WINDOW_SIZE'='10 SECONDS'`,
    )
  }
  return { type, sizeMs }
}

const unitMs: Readonly<Record<TimeUnit, number>> = {
  DAYS: 86_400_000,
  HOURS: 3_600_000,
  MINUTES: 60_000,
  SECONDS: 1000,
  MILLISECONDS: 1,
}

export function durationMs(duration: { readonly value: number; readonly unit: TimeUnit }): number {
  return duration.value * unitMs[duration.unit]
}

function parseDuration(text: string): number {
  const bad = (why: string): SqlError => invalid('WINDOW_SIZE', `Invalid duration: '${text}'. ${why}`)
  const parts = text.trim().split(/\s+/)
  if (parts.length !== 2) throw bad(`Expected a string with exactly two parts, e.g. '10 SECONDS'.`)
  const value = Number(parts[0])
  if (!Number.isSafeInteger(value)) throw bad(`Size must be numeric, was: ${parts[0]}`)
  const word = parts[1]!.toUpperCase()
  const unit = word.endsWith('S') ? word : `${word}S`
  if (!Object.hasOwn(unitMs, unit)) throw bad(`Unknown time unit: '${word}'`)
  return value * unitMs[unit as TimeUnit]
}

function columnName(text: string | null): string | null {
  if (text === null) return null
  const quoted = /^(?:`(.*)`|"(.*)")$/s.exec(text)
  return quoted === null ? text.toUpperCase() : (quoted[1] ?? quoted[2]!)
}

function invalid(property: string, why: string): SqlError {
  return new SqlError(`Failed to prepare statement: Configuration ${property} is invalid: ${why}`)
}

class Reader {
  readonly #properties: Properties

  constructor(properties: Properties) {
    this.#properties = properties
  }

  text(name: string): string | null {
    const value = this.#value(name)
    return value === null ? null : String(value)
  }

  integer(name: string): number | null {
    const value = this.#value(name)
    if (value === null) return null
    const number = Number(value)
    if (!Number.isSafeInteger(number)) throw invalid(name, `Not a number of type INT`)
    return number
  }

  boolean(name: string): boolean | null {
    const value = this.#value(name)
    if (value === null || typeof value === 'boolean') return value
    const text = String(value).toLowerCase()
    if (text === 'true' || text === 'false') return text === 'true'
    throw invalid(name, 'Expected value to be either true or false')
  }

  #value(name: string): string | number | bigint | boolean | null {
    const expression = this.#properties.get(name)
    if (expression === undefined || expression.kind === 'null') return null
    return literalValue(expression, name)
  }
}

function literalValue(expression: Expression, name: string): string | number | bigint | boolean {
  switch (expression.kind) {
    case 'string':
    case 'boolean':
    case 'integer':
    case 'long':
    case 'double':
      return expression.value
    case 'decimal':
      return expression.text
    default:
      throw invalid(name, 'a literal is expected')
  }
}
