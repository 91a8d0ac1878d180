import type { ComparisonOperator, Expression, Location } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import type { ArgumentType } from '../functions/signature.js'
import { castHint } from '../suggestion.js'
import { formatType, type SqlType, SqlTypes, sameType } from '../types.js'
import { isNumeric } from './arithmetic.js'
import { castFunction } from './casts.js'
import { parseTimestamp } from './date-time.js'
import { ExpressionError } from './expression-error.js'
import { canThrow, type TypedExpression } from './typed-expression.js'

/** The small rules of typing: what may be compared, where casts and guards go, how faults are worded. */

export function typeText(type: SqlType | null): string {
  return type === null ? 'null' : formatType(type)
}

export function argumentType(typed: TypedExpression): ArgumentType {
  return typed.type === null ? { kind: 'null' } : { kind: 'type', type: typed.type }
}

export function unitConstant(e: Expression): TypedExpression {
  return { kind: 'constant', type: null, value: e.kind === 'intervalUnit' ? e.unit : null }
}

/** Gives errors that know no place the place of this expression. */
export function located<T>(location: Location | null, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof SqlError) error.location ??= location
    throw error
  }
}

export function arithmeticError(
  e: Expression,
  detail: string,
  suggestion: string | null = null,
): ExpressionError {
  return new ExpressionError(`Error processing expression: ${formatExpression(e)}. ${detail}`, e.location, {
    suggestion,
  })
}

/** What to do where a text meets a number: take the quotes off a literal, cast anything else. */
export function mixedHint(
  { left, right }: { readonly left: Expression; readonly right: Expression },
  leftType: SqlType,
  rightType: SqlType,
): string | null {
  const [text, number] =
    leftType.kind === 'STRING' && isNumeric(rightType)
      ? [left, { expression: right, type: rightType }]
      : rightType.kind === 'STRING' && isNumeric(leftType)
        ? [right, { expression: left, type: leftType }]
        : []
  if (text === undefined || number === undefined) return null
  if (text.kind === 'string') {
    const value = Number(text.value)
    if (text.value.trim() !== '' && !Number.isNaN(value)) return `Write ${text.value.trim()} without quotes.`
    return castHint(number.expression, SqlTypes.STRING)
  }
  return castHint(text, number.type)
}

/** Fields of a text can only be those of JSON in it. */
export function jsonHint(text: Expression, field: string): string {
  return `For a field of JSON in a text, write EXTRACTJSONFIELD(${formatExpression(text)}, '$.${field}').`
}

export function checkCast(from: SqlType, to: SqlType, location: Location | null): void {
  try {
    castFunction(from, to)
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    throw new ExpressionError(error.message, location, { stage: 'compilation' })
  }
}

/** INTEGER is a BIGINT already: both are whole numbers. */
export function castTo(typed: TypedExpression, type: SqlType): TypedExpression {
  const own = typed.type
  if (own === null || sameType(own, type)) return typed
  if (type.kind === 'BIGINT' && own.kind === 'INTEGER') return typed
  return { kind: 'cast', type, operand: typed }
}

export function guarded(typed: TypedExpression): TypedExpression {
  return typed.type !== null && canThrow(typed) ? { kind: 'guard', type: typed.type, operand: typed } : typed
}

export function comparable(left: SqlType, operator: ComparisonOperator, right: SqlType): boolean {
  const isTime = (type: SqlType): boolean => ['DATE', 'TIME', 'TIMESTAMP'].includes(type.kind)
  const equality = !['<', '<=', '>', '>='].includes(operator)
  switch (left.kind) {
    case 'STRING':
      return right.kind === 'STRING' || isTime(right)
    case 'DATE':
    case 'TIMESTAMP':
      return right.kind === 'DATE' || right.kind === 'TIMESTAMP' || right.kind === 'STRING'
    case 'TIME':
      return right.kind === 'TIME' || right.kind === 'STRING'
    case 'BYTES':
      return right.kind === 'BYTES'
    case 'BOOLEAN':
    case 'ARRAY':
    case 'MAP':
    case 'STRUCT':
      return equality && right.kind === left.kind
    default:
      return isNumeric(right)
  }
}

const timeColumns: readonly string[] = ['ROWTIME', 'WINDOWSTART', 'WINDOWEND']

/** A text literal beside ROWTIME or a window bound, which are BIGINT, is read as a timestamp. */
export function timeOfText(literal: Expression, other: Expression): TypedExpression | null {
  const isColumn = other.kind === 'column' || other.kind === 'qualifiedColumn'
  if (literal.kind !== 'string' || !isColumn || !timeColumns.includes(other.name)) return null
  try {
    return { kind: 'constant', type: SqlTypes.BIGINT, value: parseTimestamp(literal.value.trim()) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ExpressionError(error.message, literal.location)
  }
}

/** Text beside a date is read as one; beside a timestamp both are timestamps. */
export function alignTimes(
  left: TypedExpression,
  right: TypedExpression,
): [TypedExpression, TypedExpression] {
  const kinds = [left.type!.kind, right.type!.kind]
  const target = (['TIME', 'TIMESTAMP', 'DATE'] as const).find((kind) => kinds.includes(kind))
  if (target === undefined) return [left, right]
  return [castTo(left, SqlTypes[target]), castTo(right, SqlTypes[target])]
}

export function emptyConstructor(what: string, part: string): string {
  return (
    `${what} constructor cannot be empty. Please supply at least one ${part} ` +
    '(see https://github.com/confluentinc/ksql/issues/4239).'
  )
}

export function allNull(what: string, parts: string, part: string): string {
  return (
    `Cannot construct ${what} with all NULL ${parts} ` +
    '(see https://github.com/confluentinc/ksql/issues/4239). As a workaround, you may cast a NULL ' +
    `${part} to the desired type.`
  )
}
