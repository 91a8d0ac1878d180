import type {
  CreateSource,
  Duration,
  Expression,
  OrderItem,
  Properties,
  Query,
  Relation,
  SelectItem,
  Statement,
  TableElement,
  TypeExpression,
  WindowExpression,
} from './ast.js'
import { intervalUnitFunctions, isKeyword, isReservedWord } from './tokens.js'
import { formatType, quoteIdentifier } from './types.js'

/*
 * The tree back to SQL. Expressions come out as ksqlDB prints them in its messages: every operation in
 * parentheses, names bare where they can be. Statements quote more, so that `parse(format(x))` equals `x`.
 */

type Names = (name: string) => string

/** A name as one writes it: bare when it is plain upper case and not reserved, else in backticks. */
export function formatIdentifier(name: string): string {
  return /^[A-Z_][A-Z0-9_@]*$/.test(name) && !isReservedWord(name) ? name : quoteIdentifier(name)
}

/** Also quotes words that are keywords only in some places. */
function safeName(name: string): string {
  return isKeyword(name) ? quoteIdentifier(name) : formatIdentifier(name)
}

export function formatString(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

export function formatExpression(expression: Expression): string {
  return expressionText(expression, formatIdentifier)
}

/** Whether it can stand before `[` or `->` without parentheses. */
function isPrimary(expression: Expression): boolean {
  switch (expression.kind) {
    case 'unary':
    case 'lambda':
      return false
    case 'integer':
    case 'long':
    case 'double':
      return expression.value >= 0
    case 'decimal':
      return !expression.text.startsWith('-')
    default:
      return true
  }
}

function expressionText(expression: Expression, names: Names): string {
  const text = (e: Expression): string => expressionText(e, names)
  const list = (items: readonly Expression[]): string => items.map(text).join(', ')
  const primary = (e: Expression): string => (isPrimary(e) ? text(e) : `(${text(e)})`)
  switch (expression.kind) {
    case 'null':
      return 'null'
    case 'boolean':
    case 'integer':
    case 'long':
      return String(expression.value)
    case 'double':
      return formatDoubleLiteral(expression.value)
    case 'decimal':
      return expression.text.includes('.') ? expression.text : `DECIMAL '${expression.text}'`
    case 'string':
      return formatString(expression.value)
    case 'column':
    case 'lambdaVariable':
      return names(expression.name)
    case 'qualifiedColumn':
      return `${names(expression.source)}.${names(expression.name)}`
    case 'dereference':
      return `${primary(expression.base)}->${names(expression.field)}`
    case 'subscript':
      return `${subscripted(expression.base, primary)}[${text(expression.index)}]`
    case 'unary': {
      // A sign right before digits would be read as part of the number, and two minus signs as a comment.
      const inner = text(expression.operand)
      return expression.operator + (/^[-+.\d]/.test(inner) ? `(${inner})` : inner)
    }
    case 'binary':
    case 'comparison':
    case 'logical':
      return `(${text(expression.left)} ${expression.operator} ${text(expression.right)})`
    case 'not':
      return `(NOT ${text(expression.operand)})`
    case 'isNull':
      return `(${text(expression.operand)} IS ${expression.negated ? 'NOT ' : ''}NULL)`
    case 'between':
      return `(${text(expression.value)} BETWEEN ${text(expression.low)} AND ${text(expression.high)})`
    case 'in':
      return `(${text(expression.value)} IN (${list(expression.items)}))`
    case 'like': {
      const escapeClause = expression.escape === null ? '' : ` ESCAPE ${formatString(expression.escape)}`
      return `(${text(expression.value)} LIKE ${text(expression.pattern)}${escapeClause})`
    }
    case 'searchedCase':
    case 'simpleCase': {
      const operand = expression.kind === 'simpleCase' ? ` ${text(expression.operand)}` : ''
      const whens = expression.whens.map((w) => ` WHEN ${text(w.condition)} THEN ${text(w.result)}`).join('')
      const otherwise = expression.otherwise === null ? '' : ` ELSE ${text(expression.otherwise)}`
      return `(CASE${operand}${whens}${otherwise} END)`
    }
    case 'cast':
      return `CAST(${text(expression.operand)} AS ${formatTypeExpression(expression.type)})`
    case 'call': {
      const quoting = intervalUnitFunctions.has(expression.name) ? safeName : names
      const args = expression.args.map((argument) => expressionText(argument, quoting))
      return `${functionName(expression.name)}(${expression.star ? '*' : args.join(', ')})`
    }
    case 'array':
      return `ARRAY[${list(expression.items)}]`
    case 'map':
      return `MAP(${expression.entries.map((e) => `${text(e.key)}:=${text(e.value)}`).join(', ')})`
    case 'struct':
      return `STRUCT(${expression.fields.map((f) => `${names(f.name)}:=${text(f.value)}`).join(', ')})`
    case 'lambda': {
      const [only, ...others] = expression.parameters.map(names)
      const parameters = others.length === 0 ? only : `(${[only, ...others].join(', ')})`
      return `${parameters} => ${text(expression.body)}`
    }
    case 'intervalUnit':
      return expression.unit
    case 'atTimeZone':
      return `(${primary(expression.operand)} AT TIME ZONE ${text(expression.zone)})`
  }
}

/** A column named ARRAY before `[` would begin a constructor. */
function subscripted(base: Expression, text: (e: Expression) => string): string {
  return base.kind === 'column' && base.name === 'ARRAY' ? quoteIdentifier(base.name) : text(base)
}

function functionName(name: string): string {
  return ['ARRAY', 'MAP', 'STRUCT'].includes(name) ? quoteIdentifier(name) : formatIdentifier(name)
}

/** Always with an exponent: without one it would be read as a DECIMAL. */
function formatDoubleLiteral(value: number): string {
  if (Object.is(value, -0)) return '-0E0'
  return value.toExponential().replace('e+', 'E').replace('e', 'E')
}

export function formatTypeExpression(type: TypeExpression): string {
  switch (type.kind) {
    case 'type':
      return formatType(type.type)
    case 'customType':
      return safeName(type.name)
    case 'arrayType':
      return `ARRAY<${formatTypeExpression(type.element)}>`
    case 'mapType':
      return `MAP<${formatTypeExpression(type.key)}, ${formatTypeExpression(type.value)}>`
    case 'structType': {
      const fields = type.fields.map((f) => `${quoteIdentifier(f.name)} ${formatTypeExpression(f.type)}`)
      return `STRUCT<${fields.join(', ')}>`
    }
  }
}

// ----------------------------------------------------------------------------------------------- queries

const safeExpression = (expression: Expression): string => expressionText(expression, safeName)

/** One clause a line. */
export function formatQuery(query: Query): string {
  const list = (items: readonly Expression[]): string =>
    items.length === 1 ? safeExpression(items[0]!) : `(${items.map(safeExpression).join(', ')})`
  const clauses = [
    `SELECT ${query.distinct ? 'DISTINCT ' : ''}${query.select.map(selectItem).join(', ')}`,
    isNothing(query.from) ? null : `FROM ${relation(query.from)}`,
    query.window && `WINDOW ${windowText(query.window)}`,
    query.where && `WHERE ${safeExpression(query.where)}`,
    query.groupBy && `GROUP BY ${list(query.groupBy)}`,
    query.partitionBy && `PARTITION BY ${list(query.partitionBy)}`,
    query.having && `HAVING ${safeExpression(query.having)}`,
    query.orderBy && `ORDER BY ${query.orderBy.map(orderItem).join(', ')}`,
    query.emit && `EMIT ${query.emit}`,
    query.limit === null ? null : `LIMIT ${query.limit}`,
    query.offset === null ? null : `OFFSET ${query.offset}`,
  ]
  return clauses.filter((clause) => clause !== null).join('\n')
}

function orderItem({ expression, descending, nulls }: OrderItem): string {
  const direction = descending ? ' DESC' : ''
  return safeExpression(expression) + direction + (nulls === null ? '' : ` NULLS ${nulls}`)
}

/** What stands for a missing FROM. */
function isNothing(from: Relation): boolean {
  return from.kind === 'values' && from.rows[0]!.length === 0
}

function selectItem(item: SelectItem): string {
  switch (item.kind) {
    case 'star':
      return item.source === null ? '*' : `${safeName(item.source)}.*`
    case 'structStar':
      return `${safeExpression(item.expression)}->*`
    case 'expression':
      return safeExpression(item.expression) + (item.alias === null ? '' : ` AS ${safeName(item.alias)}`)
  }
}

function relation(from: Relation): string {
  if (from.kind === 'source') {
    return safeName(from.name) + (from.alias === null ? '' : ` AS ${safeName(from.alias)}`)
  }
  if (from.kind === 'values') {
    const rows = from.rows.map((row) => `(${row.map(safeExpression).join(', ')})`)
    const alias = from.alias === null ? '' : ` AS ${safeName(from.alias)}`
    const columns = from.columns === null ? '' : ` (${from.columns.map(safeName).join(', ')})`
    return `(VALUES ${rows.join(', ')})${alias}${columns}`
  }
  const type = from.type === 'OUTER' ? 'FULL OUTER' : from.type
  const grace = from.within?.grace ? ` GRACE PERIOD ${duration(from.within.grace)}` : ''
  const within =
    from.within === null
      ? ''
      : ` WITHIN (${duration(from.within.before)}, ${duration(from.within.after)})${grace}`
  return `${relation(from.left)}\n${type} JOIN ${relation(from.right)}${within} ON ${safeExpression(from.on)}`
}

function duration({ value, unit }: Duration): string {
  return `${value} ${unit}`
}

function windowText(window: WindowExpression): string {
  const limits =
    (window.retention === null ? '' : `, RETENTION ${duration(window.retention)}`) +
    (window.grace === null ? '' : `, GRACE PERIOD ${duration(window.grace)}`)
  switch (window.kind) {
    case 'tumbling':
      return `TUMBLING (SIZE ${duration(window.size)}${limits})`
    case 'hopping':
      return `HOPPING (SIZE ${duration(window.size)}, ADVANCE BY ${duration(window.advance)}${limits})`
    case 'session':
      return `SESSION (${duration(window.gap)}${limits})`
  }
}

// -------------------------------------------------------------------------------------------- statements

/** The statement as SQL, ended with `;`. */
export function formatStatement(statement: Statement): string {
  return `${body(statement)};`
}

function body(s: Statement): string {
  switch (s.kind) {
    case 'select':
      return formatQuery(s.query)
    case 'createSource':
      return `CREATE ${s.orReplace ? 'OR REPLACE ' : ''}${s.isSource ? 'SOURCE ' : ''}${s.sourceKind} ${
        s.ifNotExists ? 'IF NOT EXISTS ' : ''
      }${declaration(s)}`
    case 'createAs':
      return `CREATE ${s.orReplace ? 'OR REPLACE ' : ''}${s.sourceKind} ${
        s.ifNotExists ? 'IF NOT EXISTS ' : ''
      }${safeName(s.name)}${withClause(s.properties)} AS\n${formatQuery(s.query)}`
    case 'insertInto':
      return `INSERT INTO ${safeName(s.target)}${withClause(s.properties)}\n${formatQuery(s.query)}`
    case 'insertValues':
      return `INSERT INTO ${safeName(s.target)}${names(s.columns)} VALUES (${values(s.values)})`
    case 'createType':
      return `CREATE TYPE ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${safeName(s.name)} AS ${formatTypeExpression(s.type)}`
    case 'dropType':
      return `DROP TYPE ${s.ifExists ? 'IF EXISTS ' : ''}${safeName(s.name)}`
    case 'alterSource':
      return `ALTER ${s.sourceKind} ${safeName(s.name)} ${s.columns.map((c) => `ADD COLUMN ${element(c)}`).join(', ')}`
    case 'dropSource':
      return `DROP ${s.sourceKind} ${s.ifExists ? 'IF EXISTS ' : ''}${safeName(s.name)}${
        s.deleteTopic ? ' DELETE TOPIC' : ''
      }`
    case 'createIndex':
      return `CREATE INDEX ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${safeName(s.name)} ON ${safeName(s.table)} (${s.columns
        .map(safeName)
        .join(', ')})`
    case 'dropIndex':
      return `DROP INDEX ${s.ifExists ? 'IF EXISTS ' : ''}${safeName(s.name)}`
    case 'createConnector':
      return `CREATE ${s.connectorKind} CONNECTOR ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${safeName(s.name)}${withClause(
        s.properties,
      )}`
    case 'dropConnector':
      return `DROP CONNECTOR ${s.ifExists ? 'IF EXISTS ' : ''}${safeName(s.name)}`
    case 'explain': {
      const what = s.statement === null ? safeName(s.queryId ?? '') : body(s.statement)
      return `EXPLAIN ${s.analyze ? 'ANALYZE ' : ''}${what}`
    }
    case 'print':
      return `PRINT ${formatString(s.topic)}${s.fromBeginning ? ' FROM BEGINNING' : ''}${
        s.interval === null ? '' : ` INTERVAL ${s.interval}`
      }${s.limit === null ? '' : ` LIMIT ${s.limit}`}`
    case 'terminate':
    case 'pause':
    case 'resume':
      return `${s.kind.toUpperCase()} ${s.queryId === null ? 'ALL' : safeName(s.queryId)}`
    case 'show':
      return `SHOW ${s.all ? 'ALL ' : ''}${s.connectorKind === undefined ? '' : `${s.connectorKind} `}${s.what}${
        s.extended ? ' EXTENDED' : ''
      }`
    case 'describe':
      return `DESCRIBE ${safeName(s.name)}${s.extended ? ' EXTENDED' : ''}`
    case 'describeAll':
      return `DESCRIBE ${s.sourceKind}S${s.extended ? ' EXTENDED' : ''}`
    case 'describeFunction':
      return `DESCRIBE FUNCTION ${s.name}`
    case 'describeConnector':
      return `DESCRIBE CONNECTOR ${safeName(s.name)}`
    case 'set':
      return `SET ${formatString(s.property)} = ${formatString(s.value)}`
    case 'alterSystem':
      return `ALTER SYSTEM ${formatString(s.property)} = ${formatString(s.value)}`
    case 'unset':
      return `UNSET ${formatString(s.property)}`
    case 'define':
      return `DEFINE ${s.variable} = ${formatString(s.value)}`
    case 'undefine':
      return `UNDEFINE ${s.variable}`
    case 'runScript':
      return `RUN SCRIPT ${formatString(s.file)}`
    case 'assertTopic':
      return `ASSERT ${s.exists ? '' : 'NOT EXISTS '}TOPIC ${formatString(s.topic)}${withClause(s.properties)}${timeout(
        s.timeout,
      )}`
    case 'assertSchema':
      return `ASSERT ${s.exists ? '' : 'NOT EXISTS '}SCHEMA${
        s.subject === null ? '' : ` SUBJECT ${formatString(s.subject)}`
      }${s.id === null ? '' : ` ID ${s.id}`}${timeout(s.timeout)}`
    case 'assertValues':
      return `ASSERT VALUES ${safeName(s.name)}${names(s.columns)} VALUES (${values(s.values)})`
    case 'assertTombstone':
      return `ASSERT NULL VALUES ${safeName(s.name)}${names(s.columns)} KEY (${values(s.values)})`
    case 'assertSource':
      return `ASSERT ${s.statement.sourceKind} ${declaration(s.statement)}`
  }
}

function declaration(source: CreateSource): string {
  const elements = source.elements.length === 0 ? '' : ` (${source.elements.map(element).join(', ')})`
  return safeName(source.name) + elements + withClause(source.properties)
}

function element({ name, type, constraint }: TableElement): string {
  const mark =
    constraint === null
      ? ''
      : typeof constraint === 'string'
        ? ` ${constraint}`
        : ` HEADER(${formatString(constraint.header)})`
  return `${safeName(name)} ${formatTypeExpression(type)}${mark}`
}

function withClause(properties: Properties): string {
  if (properties.size === 0) return ''
  const entries = [...properties].map(([name, value]) => {
    const bare = /^[A-Z_][A-Z0-9_]*$/.test(name) && !isKeyword(name)
    return `${bare ? name : formatString(name)}=${safeExpression(value)}`
  })
  return ` WITH (${entries.join(', ')})`
}

function names(columns: readonly string[]): string {
  return columns.length === 0 ? '' : ` (${columns.map(safeName).join(', ')})`
}

function values(expressions: readonly Expression[]): string {
  return expressions.map(safeExpression).join(', ')
}

function timeout(limit: Duration | null): string {
  return limit === null ? '' : ` TIMEOUT ${duration(limit)}`
}
