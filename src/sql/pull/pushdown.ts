import type { Decimal } from 'decimal.js'
import { quotedName, type SqliteValue } from '../../state/index.js'
import type { ComparisonOperator } from '../ast.js'
import { storedText } from '../compile/column-codec.js'
import type { StoredColumn } from '../compile/stored-table.js'
import { decimalToPlainText, SqlDecimal } from '../expression/decimal.js'
import type {
  TypedComparison,
  TypedConstant,
  TypedExpression,
  TypedLike,
} from '../expression/typed-expression.js'
import type { SqlType } from '../types.js'

/*
 * What SQLite does for a pull query, and what it does not. The rule: a condition goes to SQLite where SQLite and SQL
 * here agree on every row, and then nobody asks it again; everything else is asked of the rows that SQLite finds.
 *
 *     goes to SQLite                                    stays
 *     ─────────────────────────────────────────────     ─────────────────────────────────────────────
 *     column = <> < <= > >= constant, BETWEEN           two columns, functions, casts, NOT, CASE
 *     column IN (constants), LIKE 'text%'               other LIKEs, IS [NOT] DISTINCT FROM
 *     column IS [NOT] NULL, a BOOLEAN column            columns that are computed when they are read
 *     AND and OR of these                               < <= > >= of DECIMAL, and of text with a constant
 *                                                       beyond U+D7FF: SQLite has other orders there; a
 *                                                       DOUBLE with a decimal of more digits, or below an OR
 *     ORDER BY columns, LIMIT and OFFSET, when          ORDER BY of expressions, joins
 *     all conditions went
 *     GROUP BY columns, likewise, with COUNT, SUM       other functions and types (sqlite-groups.ts)
 *     of INT, MIN and MAX of whole numbers
 *
 * Conditions are looked at after typing: constants are folded, and casts are there for all to see. NOT stays, since a
 * comparison with null is false here and null in SQLite.
 */

export interface SqlCondition {
  readonly sql: string
  readonly parameters: readonly SqliteValue[]
}

/** A typed column, by its accessor. */
export interface PushedColumn {
  readonly stored: StoredColumn
  readonly type: SqlType
}

/** Null where the condition stays. */
export function pushedCondition(
  e: TypedExpression,
  columns: ReadonlyMap<string, PushedColumn>,
): SqlCondition | null {
  switch (e.kind) {
    case 'logical': {
      if (e.operator === 'OR' && mayFail(e)) return null
      const left = pushedCondition(e.left, columns)
      const right = left && pushedCondition(e.right, columns)
      if (left === null || right === null) return null
      return {
        sql: `(${left.sql} ${e.operator} ${right.sql})`,
        parameters: [...left.parameters, ...right.parameters],
      }
    }
    case 'isNull': {
      const name = nameOf(e.operand, columns)
      return name === null ? null : { sql: `${name} IS ${e.negated ? 'NOT ' : ''}NULL`, parameters: [] }
    }
    case 'column': {
      const column = columns.get(e.accessor)
      if (column?.type.kind !== 'BOOLEAN') return null
      return { sql: `${quotedName(column.stored.name)} = 1`, parameters: [] }
    }
    case 'in':
      return membership(e.value, e.items, columns)
    case 'comparison':
      return comparison(e, columns)
    case 'like':
      return beginning(e, columns)
    default:
      return null
  }
}

/** A double that is no decimal fails in a comparison with one, and with it the row, whatever else holds of it. */
function mayFail(e: TypedExpression): boolean {
  if (e.kind === 'logical') return mayFail(e.left) || mayFail(e.right)
  if (e.kind === 'in') return mixesDoubles([e.value, ...e.items])
  return e.kind === 'comparison' && mixesDoubles([e.left, e.right])
}

function mixesDoubles(sides: readonly TypedExpression[]): boolean {
  return sides.some(isDecimal) && sides.some(({ type }) => type?.kind === 'DOUBLE')
}

function isDecimal({ type }: TypedExpression): boolean {
  return type?.kind === 'DECIMAL'
}

const flipped: Readonly<Partial<Record<ComparisonOperator, ComparisonOperator>>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

function comparison(e: TypedComparison, columns: ReadonlyMap<string, PushedColumn>): SqlCondition | null {
  if (e.comparison === 'structure' || flipped[e.operator] === undefined) return null
  if (e.left.kind === 'column' && e.right.kind === 'constant') {
    return columnAndConstant(e.left.accessor, e.operator, e.right, columns)
  }
  if (e.left.kind === 'constant' && e.right.kind === 'column') {
    return columnAndConstant(e.right.accessor, flipped[e.operator]!, e.left, columns)
  }
  return null
}

function columnAndConstant(
  accessor: string,
  operator: ComparisonOperator,
  constant: TypedConstant,
  columns: ReadonlyMap<string, PushedColumn>,
): SqlCondition | null {
  const column = columns.get(accessor)
  if (column === undefined || constant.type === null) return null
  const parameter = parameterFor(column.type, constant.type, constant.value, operator)
  if (parameter === undefined) return null
  const name = quotedName(column.stored.name)
  const sql = `${name} ${operator} ?`
  return {
    sql: column.type.kind === 'DOUBLE' ? amongNumbers(sql, name, operator, constant) : sql,
    parameters: [parameter],
  }
}

/** NaN lies in the column as text, above all numbers, and compares with nothing; with decimals, the infinities neither. */
function amongNumbers(
  sql: string,
  name: string,
  operator: ComparisonOperator,
  constant: TypedConstant,
): string {
  const finite = isDecimal(constant)
  const above = operator === '>' || operator === '>=' || operator === '<>'
  const below = finite && (operator === '<' || operator === '<=' || operator === '<>')
  const bounds = [
    above ? ` AND ${name} ${finite ? '<' : '<='} 9e999` : '',
    below ? ` AND ${name} > -9e999` : '',
  ]
  return above || below ? `(${sql}${bounds.join('')})` : sql
}

function membership(
  value: TypedExpression,
  items: readonly TypedExpression[],
  columns: ReadonlyMap<string, PushedColumn>,
): SqlCondition | null {
  const column = value.kind === 'column' ? columns.get(value.accessor) : undefined
  if (column === undefined) return null
  const parameters: SqliteValue[] = []
  for (const item of items) {
    if (item.kind !== 'constant') return null
    if (item.value === null) continue
    const parameter = item.type === null ? undefined : parameterFor(column.type, item.type, item.value, '=')
    if (parameter === undefined) return null
    parameters.push(parameter)
  }
  const list = parameters.map(() => '?').join(', ')
  return { sql: `${quotedName(column.stored.name)} IN (${list})`, parameters }
}

/** `LIKE 'text%'` is a range of texts, if no other character of the pattern stands for many. */
function beginning(
  { value, pattern, escape: escapedBy }: TypedLike,
  columns: ReadonlyMap<string, PushedColumn>,
): SqlCondition | null {
  const name = nameOf(value, columns)
  if (name === null || escapedBy !== null || pattern.kind !== 'constant') return null
  const [, text] = /^([^%_\\\ud7ff-\uffff]+)%$/.exec(pattern.value as string) ?? []
  if (text === undefined) return null
  const end = text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)
  return { sql: `(${name} >= ? AND ${name} < ?)`, parameters: [text, end] }
}

const wholeNumbers: ReadonlySet<string> = new Set(['INTEGER', 'BIGINT', 'DATE', 'TIME', 'TIMESTAMP'])

/** The constant as it is bound; undefined where SQLite would compare it in another way. */
function parameterFor(
  column: SqlType,
  constant: SqlType,
  value: unknown,
  operator: ComparisonOperator,
): SqliteValue | undefined {
  if (value === null) return undefined
  const isEquality = operator === '=' || operator === '<>'
  switch (column.kind) {
    case 'INTEGER':
    case 'BIGINT':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'DOUBLE': {
      if (constant.kind === 'DECIMAL') return sameDouble(value as Decimal)
      if (!wholeNumbers.has(constant.kind) && constant.kind !== 'DOUBLE') return undefined
      return Number.isNaN(value) ? undefined : (value as number | bigint)
    }
    case 'BOOLEAN':
      return constant.kind === 'BOOLEAN' && isEquality ? Number(value) : undefined
    case 'STRING':
      if (constant.kind !== 'STRING') return undefined
      return isEquality || !/[\ud800-\uffff]/.test(value as string) ? storedText(value as string) : undefined
    case 'BYTES':
      return constant.kind === 'BYTES' ? Buffer.from(value as Uint8Array) : undefined
    case 'DECIMAL':
      return isEquality ? decimalParameter(column.scale, value) : undefined
    default:
      return undefined
  }
}

/** The double whose digits are those of the decimal: it stands among doubles, and whole numbers, where the decimal does. */
function sameDouble(decimal: Decimal): number | undefined {
  const double = decimal.toNumber()
  return Number.isFinite(double) && new SqlDecimal(double).eq(decimal) ? double : undefined
}

/** Texts are equal where the decimals are, if the constant has no more digits than the column. */
function decimalParameter(scale: number, value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined
  const decimal = new SqlDecimal(typeof value === 'bigint' ? String(value) : (value as number | Decimal))
  return decimal.decimalPlaces() <= scale ? decimalToPlainText(decimal, scale) : undefined
}

function nameOf(e: TypedExpression, columns: ReadonlyMap<string, PushedColumn>): string | null {
  const column = e.kind === 'column' ? columns.get(e.accessor) : undefined
  return column === undefined ? null : quotedName(column.stored.name)
}

/** The terms of ORDER BY for a column. Decimals are ordered by sign, number of digits, and digits. */
export function orderTerms(
  { stored, type }: PushedColumn,
  { descending, nullsFirst }: { readonly descending: boolean; readonly nullsFirst: boolean },
): string[] {
  const name = quotedName(stored.name)
  const [up, down] = descending ? [' DESC', ''] : ['', ' DESC']
  // Otherwise it is where SQLite has them, and an index will do.
  const nulls = nullsFirst === descending ? ` NULLS ${nullsFirst ? 'FIRST' : 'LAST'}` : ''
  if (type.kind !== 'DECIMAL') return [name + up + nulls]
  const isNegative = `${name} LIKE '-%'`
  return [
    `CASE WHEN ${isNegative} THEN -length(${name}) ELSE length(${name}) END${up}${nulls}`,
    `CASE WHEN ${isNegative} THEN ${name} END${down}`,
    `${name}${up}`,
  ]
}
