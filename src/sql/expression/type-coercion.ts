import type { Expression } from '../ast.js'
import { formatExpression } from '../format-sql.js'
import { formatType, type SqlType, SqlTypes, type StructField, sameType } from '../types.js'
import { isNumeric, parseDouble } from './arithmetic.js'
import { parseBoolean } from './booleans.js'
import { castFunction } from './casts.js'
import {
  type DecimalType,
  decimalTypeOf,
  decimalTypeOfText,
  ensureFit,
  parseDecimal,
  SqlDecimal,
  widenDecimals,
} from './decimal.js'
import { ExpressionError } from './expression-error.js'
import type { TypedExpression } from './typed-expression.js'

/*
 * Lists the user writes (ARRAY[…], MAP(…), IN (…)) take one common type: the first non-null element decides the
 * family, the widest of the family wins, and literals bend further than other expressions.
 */

/** A part of a list: what was written, and what the typer made of it. */
export interface Written {
  readonly source: Expression
  readonly typed: TypedExpression
}

/** The type that holds both, or null. `lax` is for literals: it also takes text for anything and anything as text. */
export function commonType(from: SqlType, to: SqlType, lax: boolean): SqlType | null {
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') {
    const element = commonType(from.element, to.element, lax)
    return element === null ? null : SqlTypes.array(element)
  }
  if (from.kind === 'MAP' && to.kind === 'MAP') {
    const key = commonType(from.key, to.key, lax)
    const value = commonType(from.value, to.value, lax)
    return key === null || value === null ? null : SqlTypes.map(key, value)
  }
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT') {
    return mergeStructs(from.fields, to.fields, (a, b) => commonType(a, b, lax))
  }
  if (isNumeric(from) && isNumeric(to)) return commonNumber(from, to)
  if (from.kind === to.kind) return to
  if (from.kind === 'STRING') {
    const strict = ['TIMESTAMP', 'TIME', 'DATE', 'BYTES'].includes(to.kind)
    return strict || (lax && (isNumeric(to) || to.kind === 'BOOLEAN')) ? to : null
  }
  const printable = isNumeric(from) || ['BOOLEAN', 'TIMESTAMP', 'TIME', 'DATE'].includes(from.kind)
  return lax && to.kind === 'STRING' && printable ? to : null
}

/** Null when `to` is narrower than `from`. */
function commonNumber(from: SqlType, to: SqlType): SqlType | null {
  if (to.kind === 'DOUBLE') return to
  if (from.kind === 'DOUBLE') return null
  if (to.kind === 'DECIMAL') return widenDecimals(decimalTypeOf(from)!, to)
  if (from.kind === 'DECIMAL') return null
  return from.kind === 'BIGINT' && to.kind === 'INTEGER' ? null : to
}

/** Fields of both, those of `first` leading; null when a shared field has no common type. */
function mergeStructs(
  first: readonly StructField[],
  second: readonly StructField[],
  merge: (a: SqlType, b: SqlType, name: string) => SqlType | null,
): SqlType | null {
  const fields: StructField[] = []
  for (const field of first) {
    const other = second.find((f) => f.name === field.name)
    const type = other === undefined ? field.type : merge(field.type, other.type, field.name)
    if (type === null) return null
    fields.push({ name: field.name, type })
  }
  const added = second.filter((f) => !first.some((g) => g.name === f.name))
  return SqlTypes.struct([...fields, ...added])
}

/** The common type of a list; null when all are NULL. @throws ExpressionError when there is none */
export function commonTypeOfList(items: readonly Written[]): SqlType | null {
  let common: SqlType | null = null
  for (const item of items) common = common === null ? item.typed.type : widen(common, item)
  return common
}

function widen(target: SqlType, item: Written): SqlType {
  const { typed, source } = item
  if (typed.type === null) return target
  if (typed.kind === 'array' || typed.kind === 'map' || typed.kind === 'struct') {
    return widenByConstructor(target, item)
  }
  if (source.kind === 'string') {
    if (isNumeric(target)) return widenNumberByText(target, source.value, item)
    if (target.kind === 'BOOLEAN') {
      if (parseBoolean(source.value.trim()) === null) throw invalidSyntax(source.value, target, source)
      return target
    }
  }
  const lax = isLiteral(source)
  const found = commonType(typed.type, target, lax) ?? commonType(target, typed.type, lax)
  if (found === null) throw new Misfit(target, item)
  return found
}

/** A misfit inside is blamed on the whole constructor; a text that is no number speaks for itself. */
function widenByConstructor(target: SqlType, item: Written): SqlType {
  try {
    const found = widenParts(target, item)
    if (found !== null) return found
  } catch (error) {
    if (!(error instanceof Misfit)) throw error
  }
  throw new Misfit(target, item)
}

/** Null when constructor and target are of different kinds. */
function widenParts(target: SqlType, { source, typed }: Written): SqlType | null {
  if (source.kind === 'array' && typed.kind === 'array' && target.kind === 'ARRAY') {
    return SqlTypes.array(widenAll(target.element, source.items, typed.items))
  }
  if (source.kind === 'map' && typed.kind === 'map' && target.kind === 'MAP') {
    const [keys, values] = [source.entries.map((e) => e.key), source.entries.map((e) => e.value)]
    return SqlTypes.map(
      widenAll(
        target.key,
        keys,
        typed.entries.map((e) => e.key),
      ),
      widenAll(
        target.value,
        values,
        typed.entries.map((e) => e.value),
      ),
    )
  }
  if (source.kind === 'struct' && typed.kind === 'struct' && target.kind === 'STRUCT') {
    const own = typed.type.kind === 'STRUCT' ? typed.type.fields : []
    return mergeStructs(own, target.fields, (_, wanted, name) => {
      const i = own.findIndex((f) => f.name === name)
      return widen(wanted, { source: source.fields[i]!.value, typed: typed.fields[i]! })
    })
  }
  return null
}

function widenAll(
  target: SqlType,
  sources: readonly Expression[],
  typed: readonly TypedExpression[],
): SqlType {
  return sources.reduce((type, source, i) => widen(type, { source, typed: typed[i]! }), target)
}

function widenNumberByText(target: SqlType, text: string, item: Written): SqlType {
  const found = numberTypeOfText(text.trim())
  if (found === null) throw invalidSyntax(text, target, item.source)
  if (target.kind === 'DOUBLE') return target
  if (found.kind === 'DECIMAL' || target.kind === 'DECIMAL') {
    return widenDecimals(decimalTypeOf(found)!, decimalTypeOf(target)!)
  }
  return found.kind === 'BIGINT' ? found : target
}

function numberTypeOfText(text: string): SqlType | null {
  try {
    const value = parseDecimal(text)
    if (/^[+-]?\d+$/.test(text)) {
      if (value.abs().lt(2 ** 31)) return SqlTypes.INTEGER
      if (value.abs().lt(new SqlDecimal(2).pow(63))) return SqlTypes.BIGINT
    }
    return decimalTypeOfText(text)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function isLiteral(source: Expression): boolean {
  return ['string', 'integer', 'long', 'decimal', 'double', 'boolean', 'null'].includes(source.kind)
}

/** The element as a value of the list's common type. */
export function convertTo(item: Written, type: SqlType): TypedExpression {
  const { typed, source } = item
  if (typed.type === null) return { kind: 'constant', type, value: null }
  if (sameType(typed.type, type)) return typed
  if (typed.kind === 'constant' && isLiteral(source)) {
    const value = coerceLiteral(typed.value, typed.type, type)
    if (value === undefined) throw invalidSyntax(String(typed.value), type, source)
    return { kind: 'constant', type, value }
  }
  castFunction(typed.type, type)
  return { kind: 'cast', type, operand: typed }
}

/**
 * A literal's value as another type, for lists and INSERT VALUES: wider numbers, text to and from everything that
 * has a text. Undefined when this value does not go into that type.
 */
export function coerceLiteral(value: unknown, from: SqlType, to: SqlType): unknown {
  if (value === null) return null
  if (commonType(from, to, true) === null) return undefined
  try {
    return coerce(value, from, to)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function coerce(value: unknown, from: SqlType, to: SqlType): unknown {
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') {
    return (value as unknown[]).map((item) => required(coerceLiteral(item, from.element, to.element)))
  }
  if (from.kind === 'MAP' && to.kind === 'MAP') {
    const entries = [...(value as Map<unknown, unknown>)]
    return new Map(
      entries.map(([k, v]) => [
        required(coerceLiteral(k, from.key, to.key)),
        required(coerceLiteral(v, from.value, to.value)),
      ]),
    )
  }
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT') {
    return to.fields.map((field) => {
      const index = from.fields.findIndex((f) => f.name === field.name)
      if (index === -1) return null
      return required(coerceLiteral((value as unknown[])[index], from.fields[index]!.type, field.type))
    })
  }
  if (from.kind === 'STRING') return coerceText((value as string).trim(), value as string, to)
  if (to.kind === 'DECIMAL') return ensureFit(new SqlDecimal(String(value)), to)
  return castFunction(from, to)(value as never)
}

function required(value: unknown): unknown {
  if (value === undefined) throw new RangeError('an element does not fit')
  return value
}

function coerceText(trimmed: string, text: string, to: SqlType): unknown {
  switch (to.kind) {
    case 'STRING':
      return text
    case 'BOOLEAN':
      return parseBoolean(trimmed) ?? undefined
    case 'DECIMAL':
      return ensureFit(parseDecimal(trimmed), to)
    case 'DOUBLE':
      return parseDouble(trimmed)
    default:
      return castFunction(SqlTypes.STRING, to)(trimmed as never)
  }
}

// ------------------------------------------------------------------------------------------------- errors

function invalidSyntax(text: string, type: SqlType, source: Expression): ExpressionError {
  return new ExpressionError(`invalid input syntax for type ${type.kind}: "${text}".`, source.location, {
    stage: 'compilation',
  })
}

class Misfit extends ExpressionError {
  constructor(target: SqlType, item: Written) {
    const own = item.typed.type
    super(
      `operator does not exist: ${formatType(target)} = ${own === null ? 'NULL' : formatType(own)} ` +
        `(${formatExpression(item.source)})\nHint: You might need to add explicit type casts.`,
      item.source.location,
      { stage: 'compilation' },
    )
  }
}

/** The type of decimals wide enough for all of `types`. */
export function widestDecimal(types: readonly SqlType[]): DecimalType | null {
  let widest: DecimalType | null = null
  for (const type of types) {
    const decimal = decimalTypeOf(type)
    if (decimal === null) continue
    widest = widest === null ? decimal : widenDecimals(widest, decimal)
  }
  return widest
}
