import { Decimal } from 'decimal.js'
import { SqlError } from '../errors.js'
import { formatString } from '../format-sql.js'
import { tokenize } from '../tokens.js'
import { quoteIdentifier } from '../types.js'

/** What can be put into an `sql` template as a value. Plain objects are structs, by their own names. */
export type SqlParameter =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Decimal
  | Uint8Array
  | SqlText
  | readonly SqlParameter[]
  | ReadonlyMap<SqlParameter, SqlParameter>
  | { readonly [field: string]: SqlParameter }

/** A statement, or a part of one, with its values in place. Variables (DEFINE) are not replaced in it. */
export class SqlText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** Templates are checked once for each place in a program. */
const checked = new WeakSet<TemplateStringsArray>()

/** Stands for a value while the template is scanned. */
const PLACE = 'PARAMETER'

/**
 * SQL with values: each becomes a literal, so that whatever it holds, it stays a value.
 * @throws SqlError for a value that SQL has no literal for, and for one put inside quotes or a comment
 */
function template(strings: TemplateStringsArray, ...values: readonly SqlParameter[]): SqlText {
  if (!checked.has(strings)) {
    checkPlaces(strings)
    checked.add(strings)
  }
  let text = strings[0]!
  // Blanks around keep a literal from growing together with what stands beside it.
  for (const [i, value] of values.entries()) text += ` ${sqlLiteral(value)} ${strings[i + 1]!}`
  return new SqlText(text)
}

export const sql = Object.assign(template, {
  /** A name of a stream, table or column, as it is: a plain one is upper case in the catalogue. */
  identifier: (name: string): SqlText => {
    if (name === '') throw new SqlError('A name is not empty.')
    return new SqlText(quoteIdentifier(name))
  },
})

/** Inside quotes or a comment a literal would end them, or be lost. The scanner of the language itself tells. */
function checkPlaces(strings: readonly string[]): void {
  const text = strings.join(` ${PLACE} `)
  const words = new Set(tokenize(text).flatMap((t) => (t.text === PLACE ? [t.start] : [])))
  let at = -(PLACE.length + 1)
  for (const part of strings.slice(0, -1)) {
    at += part.length + PLACE.length + 2
    if (words.has(at)) continue
    throw new SqlError('A value stands inside quotes or a comment.', {
      suggestion: 'Put it there without quotes: values are quoted where they need it.',
    })
  }
  // What is open at the end would swallow what follows, where this is a part of another template.
  const end = tokenize(`${text} ${PLACE}`).at(-1)
  if (end?.text !== PLACE) throw new SqlError('The template ends inside quotes or a comment.')
}

function sqlLiteral(value: SqlParameter): string {
  switch (typeof value) {
    case 'boolean':
      return String(value)
    case 'string':
      return formatString(value)
    case 'number':
      return numberLiteral(value)
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new SqlError(`${value} does not fit into BIGINT.`)
      return signed(String(value))
    case 'object':
      return value === null ? 'NULL' : objectLiteral(value)
    default:
      throw new SqlError(`SQL has no value for ${typeof value}.`, { suggestion: 'Use null for no value.' })
  }
}

function numberLiteral(value: number): string {
  if (!Number.isFinite(value)) throw new SqlError(`SQL has no literal for ${value}.`)
  if (Object.is(value, -0)) return '(-0e0)'
  return signed(Number.isSafeInteger(value) ? String(value) : value.toExponential().replace('e+', 'e'))
}

/** Two minus signs would begin a comment. */
function signed(digits: string): string {
  return digits.startsWith('-') ? `(${digits})` : digits
}

function objectLiteral(value: Exclude<SqlParameter & object, null>): string {
  if (value instanceof SqlText) return value.text
  if (Decimal.isDecimal(value)) return decimalLiteral(value as Decimal)
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new SqlError('The date is invalid.')
    return `CAST(${formatString(value.toISOString().slice(0, -1))} AS TIMESTAMP)`
  }
  if (value instanceof Uint8Array) {
    return `TO_BYTES(${formatString(Buffer.from(value).toString('base64'))}, 'base64')`
  }
  if (Array.isArray(value)) return `ARRAY[${value.map(sqlLiteral).join(', ')}]`
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<SqlParameter, SqlParameter>)]
    return `MAP(${entries.map(([k, v]) => `${sqlLiteral(k)} := ${sqlLiteral(v)}`).join(', ')})`
  }
  const fields = Object.entries(value as { readonly [field: string]: SqlParameter })
  return `STRUCT(${fields.map(([name, v]) => `${quoteIdentifier(name)} := ${sqlLiteral(v)}`).join(', ')})`
}

function decimalLiteral(value: Decimal): string {
  if (!value.isFinite()) throw new SqlError(`SQL has no literal for ${value}.`)
  return `DECIMAL '${value.toFixed()}'`
}
