import { Decimal } from 'decimal.js'
import type {
  ArithmeticBinary,
  Duration,
  Expression,
  Location,
  Logical,
  Query,
  SourceKind,
  TableElement,
  TimeUnit,
  TypeExpression,
} from './ast.js'
import type { IToken } from './chevrotain.js'
import { SqlError } from './errors.js'
import { DecimalToken, FloatToken } from './tokens.js'
import { quoteIdentifier, type SqlType, SqlTypes } from './types.js'

/* What the grammar's actions build: nodes from tokens, and the checks that belong to reading, not to meaning. */

export function locationOf(first: IToken, last: IToken): Location {
  return {
    line: first.startLine!,
    column: first.startColumn!,
    start: first.startOffset,
    end: Math.max(last.endOffset! + 1, first.endOffset! + 1),
  }
}

/** From the start of one node to the end of another. */
export function span(first: Location | null, last: Location | null): Location | null {
  return first === null || last === null ? null : { ...first, end: last.end }
}

export function binary(
  operator: ArithmeticBinary['operator'],
  left: Expression,
  right: Expression,
): ArithmeticBinary {
  return { kind: 'binary', operator, left, right, location: span(left.location, right.location) }
}

export function logical(operator: Logical['operator'], left: Expression, right: Expression): Logical {
  return { kind: 'logical', operator, left, right, location: span(left.location, right.location) }
}

export function not(operand: Expression, location: Location | null): Expression {
  return { kind: 'not', operand, location }
}

export const comparisonOperators = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
} as const

/** A query without any other clause. */
export function queryOver(from: Query['from'], select: Query['select'], location: Location | null): Query {
  return {
    kind: 'query',
    distinct: false,
    select,
    from,
    window: null,
    where: null,
    groupBy: null,
    partitionBy: null,
    having: null,
    orderBy: null,
    emit: null,
    limit: null,
    offset: null,
    location,
  }
}

// ---------------------------------------------------------------------------------------------- literals

const int64Max = 2n ** 63n - 1n

/** A number as written, with its sign: INTEGER or BIGINT by size, DECIMAL with a point, DOUBLE with an exponent. */
export function numberLiteral(token: IToken, negative: boolean, location: Location): Expression {
  const text = (negative ? '-' : '') + token.image
  if (token.tokenType === DecimalToken) return { kind: 'decimal', text, location }
  if (token.tokenType === FloatToken) {
    const value = Number(text)
    if (!Number.isFinite(value)) {
      // ksqlDB counts the column of this message from the number's second character.
      const place = `line ${location.line}:${location.column + 1}`
      throw refused(`Failed to prepare statement: ${place}: Number overflows DOUBLE: ${text}`, location)
    }
    return { kind: 'double', value, location }
  }
  const value = BigInt(text)
  if (value > int64Max || value < -int64Max - 1n) {
    throw refused(`Failed to prepare statement: Invalid numeric literal: ${text}`, location)
  }
  const small = Number(value)
  if ((small | 0) === small) return { kind: 'integer', value: small | 0, location }
  return { kind: 'long', value: Number.isSafeInteger(small) ? small : value, location }
}

/** `DECIMAL '1.50'`, the one literal with a type before it. */
export function typedLiteral(type: string, value: string, location: Location): Expression {
  if (type !== 'DECIMAL') {
    throw refused(`Failed to prepare statement: Unknown type: ${type}`, location, {
      suggestion: `Write the text alone, or CAST('${value}' AS ${type}).`,
    })
  }
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?$/.test(value)) {
    throw refused(`Failed to prepare statement: Invalid numeric literal: ${value}`, location)
  }
  const text = /[eE+]/.test(value) ? new Decimal(value).toFixed() : value
  return { kind: 'decimal', text, location }
}

/** `command` is the clause the number stands in. Its sign is left to whoever knows the clause. */
export function wholeNumber(literal: Expression, command: string): number {
  if (literal.kind === 'integer') return literal.value
  if (literal.kind === 'long' && typeof literal.value === 'number') return literal.value
  throw refused(
    `Failed to prepare statement: Value must be integer for command: ${command}`,
    literal.location,
  )
}

export function duration(amount: Expression, unit: IToken): Duration {
  return { value: wholeNumber(amount, 'DURATION'), unit: timeUnit(unit) }
}

export function timeUnit(token: IToken): TimeUnit {
  const word = token.image.toUpperCase()
  return (word.endsWith('S') ? word : `${word}S`) as TimeUnit
}

// ------------------------------------------------------------------------------------------------- types

const namedTypes: ReadonlyMap<string, SqlType> = new Map<string, SqlType>([
  ['BOOLEAN', SqlTypes.BOOLEAN],
  ['INT', SqlTypes.INTEGER],
  ['INTEGER', SqlTypes.INTEGER],
  ['BIGINT', SqlTypes.BIGINT],
  ['DOUBLE', SqlTypes.DOUBLE],
  ['STRING', SqlTypes.STRING],
  ['VARCHAR', SqlTypes.STRING],
  ['BYTES', SqlTypes.BYTES],
  ['DATE', SqlTypes.DATE],
  ['TIME', SqlTypes.TIME],
  ['TIMESTAMP', SqlTypes.TIMESTAMP],
])

export function namedType(name: string, location: Location): TypeExpression {
  const type = namedTypes.get(name.toUpperCase())
  return type === undefined ? { kind: 'customType', name, location } : { kind: 'type', type }
}

export function decimalType(precision: Expression, scale: Expression): TypeExpression {
  const p = wholeNumber(precision, 'DECIMAL')
  const s = wholeNumber(scale, 'DECIMAL')
  if (p < 1) throw refused(`DECIMAL precision must be >= 1: DECIMAL(${p},${s})`, precision.location)
  if (s < 0) throw refused(`DECIMAL scale must be >= 0: DECIMAL(${p},${s})`, scale.location)
  if (s > p) throw refused(`DECIMAL precision must be >= scale: DECIMAL(${p},${s})`, precision.location)
  return { kind: 'type', type: SqlTypes.decimal(p, s) }
}

/** A type without custom names inside is a plain SQL type at once. */
export function arrayType(element: TypeExpression): TypeExpression {
  return element.kind === 'type'
    ? { kind: 'type', type: SqlTypes.array(element.type) }
    : { kind: 'arrayType', element }
}

export function mapType(key: TypeExpression, value: TypeExpression): TypeExpression {
  return key.kind === 'type' && value.kind === 'type'
    ? { kind: 'type', type: SqlTypes.map(key.type, value.type) }
    : { kind: 'mapType', key, value }
}

export function structType(fields: { name: string; type: TypeExpression }[]): TypeExpression {
  const plain: { name: string; type: SqlType }[] = []
  for (const { name, type } of fields) {
    if (type.kind !== 'type') return { kind: 'structType', fields }
    plain.push({ name, type: type.type })
  }
  return { kind: 'type', type: SqlTypes.struct(plain) }
}

// ------------------------------------------------------------------------------------------------ checks

/** Streams have `KEY` columns, tables `PRIMARY KEY` ones. */
export function checkKeyConstraints(kind: SourceKind, elements: readonly TableElement[]): void {
  for (const element of elements) {
    const wrong = kind === 'TABLE' ? 'KEY' : 'PRIMARY KEY'
    if (element.constraint !== wrong) continue
    const right = kind === 'TABLE' ? 'PRIMARY KEY' : 'KEY'
    const { line, column } = element.location!
    throw refused(
      `Line: ${line}, Col: ${column}: Column ${quoteIdentifier(element.name)} is a '${wrong}' column: ` +
        `please use '${right}' for ${kind.toLowerCase()}s.`,
      element.location,
    )
  }
}

export function refused(
  message: string,
  location: Location | null,
  options: { suggestion?: string } = {},
): SqlError {
  return new SqlError(message, { kind: 'parse', location, ...options })
}
