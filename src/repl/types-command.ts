import { formatIdentifier, type SqlEngine, type SqlType } from '../sql/index.js'

/*
 * TypeScript declarations for the rows of all streams and tables: what `engine.pull<Orders>(…)` and
 * `engine.query<Orders>(…)` give as `row` for SELECT *.
 */

/** The text of a .d.ts file, sources by name. */
export function declarations(engine: SqlEngine): string {
  const sources = [...engine.metastore.sources].sort((a, b) => (a.name < b.name ? -1 : 1))
  const taken = new Set<string>()
  const interfaces = sources.map(({ name, kind, schema, window }) => {
    const bounds = window === null ? [] : ['WINDOWSTART', 'WINDOWEND'].map((n) => ({ name: n, type: bigint }))
    const keys = schema.columns.filter((c) => c.role === 'key')
    const others = schema.columns.filter((c) => c.role !== 'key')
    const fields = [...keys, ...bounds, ...others].map(
      (c) => `  readonly ${property(c.name)}: ${nullable(c.type)}`,
    )
    const title = `${kind === 'STREAM' ? 'Stream' : 'Table'} ${formatIdentifier(name)}`.replaceAll(
      '*/',
      '* /',
    )
    return [`/** ${title} */`, `export interface ${typeName(name, taken)} {`, ...fields, '}'].join('\n')
  })
  const imports = sources.some((s) => s.schema.columns.some((c) => hasDecimal(c.type)))
    ? [`import type { Decimal } from 'decimal.js'`]
    : []
  return `${[...imports, ...interfaces, 'export {}'].join('\n\n')}\n`
}

const bigint: SqlType = { kind: 'BIGINT' }

function hasDecimal(type: SqlType): boolean {
  switch (type.kind) {
    case 'DECIMAL':
      return true
    case 'ARRAY':
      return hasDecimal(type.element)
    case 'MAP':
      return hasDecimal(type.key) || hasDecimal(type.value)
    case 'STRUCT':
      return type.fields.some((field) => hasDecimal(field.type))
    default:
      return false
  }
}

function nullable(type: SqlType): string {
  return `${typeText(type)} | null`
}

function typeText(type: SqlType): string {
  switch (type.kind) {
    case 'BOOLEAN':
      return 'boolean'
    case 'INTEGER':
    case 'DOUBLE':
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      return 'number'
    case 'BIGINT':
      return 'number | bigint'
    case 'STRING':
      return 'string'
    case 'BYTES':
      return 'Uint8Array'
    case 'DECIMAL':
      return 'Decimal'
    case 'ARRAY':
      return `readonly (${nullable(type.element)})[]`
    case 'MAP':
      return `ReadonlyMap<${typeText(type.key)}, ${nullable(type.value)}>`
    case 'STRUCT':
      return `{ ${type.fields.map((f) => `readonly ${property(f.name)}: ${nullable(f.type)}`).join('; ')} }`
  }
}

function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

/** `LATE_FLIGHTS` as `LateFlights`; a number behind it where two names come out the same. */
function typeName(name: string, taken: Set<string>): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const capital = words.map(
    (w) => w[0]!.toUpperCase() + (w === w.toUpperCase() ? w.slice(1).toLowerCase() : w.slice(1)),
  )
  const plain = capital.join('').replace(/^(?=\d|$)/, 'Row')
  // Names that the declarations themselves use.
  const base = ['Decimal', 'Uint8Array', 'ReadonlyMap'].includes(plain) ? `${plain}Row` : plain
  let unique = base
  for (let n = 2; taken.has(unique); n++) unique = `${base}${n}`
  taken.add(unique)
  return unique
}
