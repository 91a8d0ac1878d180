import fc from 'fast-check'
import type { Expression, Query, SelectItem, Statement, TimeUnit, TypeExpression } from '../../src/sql/ast.js'
import { type SqlType, SqlTypes } from '../../src/sql/types.js'

/* Random syntax trees, as the parser could have built them. */

const location = null
const word = fc.constantFrom(
  'A',
  'B',
  'ID',
  'SELECT',
  'TOPIC',
  'EMIT',
  'ARRAY',
  'DAY',
  'KEY',
  'x y',
  'a`b',
  'é',
  '1A',
)
const text = fc.string({ maxLength: 6 })
const unit = fc.constantFrom<TimeUnit>('DAYS', 'HOURS', 'MINUTES', 'SECONDS', 'MILLISECONDS')
const duration = fc.record({ value: fc.nat(100), unit })

export const sqlType: fc.Arbitrary<SqlType> = fc.letrec<{ type: SqlType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom<SqlType>(
      SqlTypes.BOOLEAN,
      SqlTypes.INTEGER,
      SqlTypes.BIGINT,
      SqlTypes.STRING,
      SqlTypes.BYTES,
    ),
    fc.constantFrom<SqlType>(
      SqlTypes.decimal(4, 2),
      SqlTypes.decimal(38, 0),
      SqlTypes.DOUBLE,
      SqlTypes.TIMESTAMP,
    ),
    tie('type').map((element) => SqlTypes.array(element)),
    tie('type').map((value) => SqlTypes.map(SqlTypes.STRING, value)),
    fc
      .array(fc.record({ name: word, type: tie('type') }), { maxLength: 3 })
      .map((fields) => SqlTypes.struct(fields)),
  ),
})).type

const typeExpression: fc.Arbitrary<TypeExpression> = fc.oneof(
  sqlType.map((type) => ({ kind: 'type' as const, type })),
  fc.constantFrom('MY_TYPE', 'lower').map((name) => ({ kind: 'customType' as const, name, location })),
)

const literal: fc.Arbitrary<Expression> = fc.oneof(
  fc.constant<Expression>({ kind: 'null', location }),
  fc.boolean().map((value) => ({ kind: 'boolean', value, location }) as const),
  fc.integer().map((value) => ({ kind: 'integer', value, location }) as const),
  fc
    .constantFrom(2147483648, -2147483649, 2n ** 63n - 1n, -(2n ** 63n))
    .map((value) => ({ kind: 'long', value, location }) as const),
  fc
    .constantFrom('1.50', '-0.5', '.5', '1.', '100', '-7')
    .map((t) => ({ kind: 'decimal', text: t, location }) as const),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value) => ({ kind: 'double', value, location }) as const),
  text.map((value) => ({ kind: 'string', value, location }) as const),
)

export const expression: fc.Arbitrary<Expression> = fc.letrec<{ e: Expression }>((tie) => {
  const e = tie('e')
  const two = { left: e, right: e, location: fc.constant(null) }
  const whens = fc.array(fc.record({ condition: e, result: e }), { minLength: 1, maxLength: 2 })
  const k = <K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind)
  const at = fc.constant(null)
  return {
    e: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      literal,
      fc.record({ kind: k('column'), name: word, location: at }),
      fc.record({ kind: k('qualifiedColumn'), source: word, name: word, location: at }),
      fc.record({ kind: k('dereference'), base: e, field: word, location: at }),
      fc.record({ kind: k('subscript'), base: e, index: e, location: at }),
      fc.record({
        kind: k('unary'),
        operator: fc.constantFrom('+' as const, '-' as const),
        operand: e,
        location: at,
      }),
      fc.record({ kind: k('binary'), operator: fc.constantFrom('+', '-', '*', '/', '%', '||'), ...two }),
      fc.record({
        kind: k('comparison'),
        operator: fc.constantFrom(
          '=',
          '<>',
          '<',
          '<=',
          '>',
          '>=',
          'IS DISTINCT FROM',
          'IS NOT DISTINCT FROM',
        ),
        ...two,
      }),
      fc.record({ kind: k('logical'), operator: fc.constantFrom('AND', 'OR'), ...two }),
      fc.record({ kind: k('not'), operand: e, location: at }),
      fc.record({ kind: k('isNull'), operand: e, negated: fc.boolean(), location: at }),
      fc.record({ kind: k('between'), value: e, low: e, high: e, location: at }),
      fc.record({
        kind: k('in'),
        value: e,
        items: fc.array(e, { minLength: 1, maxLength: 3 }),
        location: at,
      }),
      fc.record({ kind: k('like'), value: e, pattern: e, escape: fc.option(text), location: at }),
      fc.record({ kind: k('searchedCase'), whens, otherwise: fc.option(e), location: at }),
      fc.record({ kind: k('simpleCase'), operand: e, whens, otherwise: fc.option(e), location: at }),
      fc.record({ kind: k('cast'), operand: e, type: typeExpression, location: at }),
      fc.record({
        kind: k('call'),
        name: fc.constantFrom('ABS', 'REPLACE', 'MAP', 'DATEADD'),
        args: fc.array(e, { maxLength: 3 }),
        star: fc.constant(false),
        location: at,
      }),
      fc.record({ kind: k('array'), items: fc.array(e, { maxLength: 3 }), location: at }),
      fc.record({
        kind: k('map'),
        entries: fc.array(fc.record({ key: e, value: e }), { maxLength: 2 }),
        location: at,
      }),
      fc.record({
        kind: k('struct'),
        fields: fc.array(fc.record({ name: word, value: e }), { maxLength: 2 }),
        location: at,
      }),
      fc.record({
        kind: k('atTimeZone'),
        operand: e,
        zone: text.map((value) => ({ kind: 'string' as const, value, location })),
        location: at,
      }),
    ) as fc.Arbitrary<Expression>,
  }
}).e

const selectItem: fc.Arbitrary<SelectItem> = fc.oneof(
  fc.record({ kind: fc.constant('star' as const), source: fc.option(word), location: fc.constant(null) }),
  fc.record({ kind: fc.constant('structStar' as const), expression, location: fc.constant(null) }),
  fc.record({
    kind: fc.constant('expression' as const),
    expression,
    alias: fc.option(word),
    location: fc.constant(null),
  }),
)

const source = fc.record({
  kind: fc.constant('source' as const),
  name: word,
  alias: fc.option(word),
  location: fc.constant(null),
})
const values = fc
  .record({
    kind: fc.constant('values' as const),
    rows: fc.array(fc.array(expression, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 }),
    alias: fc.option(word),
    columns: fc.option(fc.array(word, { minLength: 1, maxLength: 2 })),
    location: fc.constant(null),
  })
  .map((relation) => (relation.alias === null ? { ...relation, columns: null } : relation))
const limits = { retention: fc.option(duration), grace: fc.option(duration), location: fc.constant(null) }

export const query: fc.Arbitrary<Query> = fc.record({
  kind: fc.constant('query' as const),
  distinct: fc.boolean(),
  select: fc.array(selectItem, { minLength: 1, maxLength: 3 }),
  from: fc.oneof(
    source,
    values,
    fc.record({
      kind: fc.constant('join' as const),
      type: fc.constantFrom('INNER', 'LEFT', 'RIGHT', 'OUTER'),
      left: source,
      right: fc.oneof(source, values),
      within: fc.option(fc.record({ before: duration, after: duration, grace: fc.option(duration) })),
      on: expression,
      location: fc.constant(null),
    }),
  ),
  window: fc.option(
    fc.oneof(
      fc.record({ kind: fc.constant('tumbling' as const), size: duration, ...limits }),
      fc.record({ kind: fc.constant('hopping' as const), size: duration, advance: duration, ...limits }),
      fc.record({ kind: fc.constant('session' as const), gap: duration, ...limits }),
    ),
  ),
  where: fc.option(expression),
  groupBy: fc.option(fc.array(expression, { maxLength: 3 })),
  partitionBy: fc.option(fc.array(expression, { maxLength: 3 })),
  having: fc.option(expression),
  orderBy: fc.option(
    fc.array(
      fc.record({
        expression,
        descending: fc.boolean(),
        nulls: fc.option(fc.constantFrom('FIRST', 'LAST')),
        location: fc.constant(null),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  ),
  emit: fc.option(fc.constantFrom('CHANGES', 'FINAL')),
  limit: fc.option(fc.nat(100)),
  offset: fc.option(fc.nat(100)),
  location: fc.constant(null),
}) as fc.Arbitrary<Query>

const sourceKind = fc.constantFrom('STREAM' as const, 'TABLE' as const)
const flag = fc.boolean()
const at = fc.constant(null)
const is = <K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind)
const propertyValue: fc.Arbitrary<Expression> = fc.oneof(
  text.map((value) => ({ kind: 'string', value, location }) as const),
  fc.nat().map((value) => ({ kind: 'integer', value, location }) as const),
  fc.boolean().map((value) => ({ kind: 'boolean', value, location }) as const),
)
const properties = fc
  .array(fc.tuple(fc.constantFrom('KAFKA_TOPIC', 'PARTITIONS', 'A.B', "IT'S", 'X Y'), propertyValue), {
    minLength: 1,
    maxLength: 3,
  })
  .map((entries) => new Map(entries))
const noProperties = fc.oneof(fc.constant(new Map()), properties)
const names = fc.uniqueArray(word, { maxLength: 3 })

function elementsOf(kind: 'STREAM' | 'TABLE') {
  const key = kind === 'STREAM' ? ('KEY' as const) : ('PRIMARY KEY' as const)
  const constraint = fc.constantFrom(null, key, 'HEADERS' as const, { header: "it's" })
  return fc.array(fc.record({ name: word, type: typeExpression, constraint, location: at }), { maxLength: 3 })
}

/** Statements without a text of their own: printing gives them one. */
export const statement: fc.Arbitrary<Statement> = fc
  .oneof(
    sourceKind.chain((kind) =>
      fc.record({
        kind: is('createSource'),
        sourceKind: fc.constant(kind),
        name: word,
        elements: elementsOf(kind),
        orReplace: flag,
        ifNotExists: flag,
        isSource: flag,
        properties,
        location: at,
      }),
    ),
    fc.record({
      kind: is('createAs'),
      sourceKind,
      name: word,
      orReplace: flag,
      ifNotExists: flag,
      properties: noProperties,
      query,
      location: at,
    }),
    fc.record({ kind: is('insertInto'), target: word, properties: noProperties, query, location: at }),
    fc.record({
      kind: is('insertValues'),
      target: word,
      columns: names,
      values: fc.array(expression, { minLength: 1, maxLength: 3 }),
      location: at,
    }),
    fc.record({ kind: is('createType'), name: word, type: typeExpression, ifNotExists: flag, location: at }),
    fc.record({ kind: is('dropType'), name: word, ifExists: flag, location: at }),
    fc.record({
      kind: is('dropSource'),
      sourceKind,
      name: word,
      ifExists: flag,
      deleteTopic: flag,
      location: at,
    }),
    fc.record({
      kind: fc.constantFrom('terminate', 'pause', 'resume'),
      queryId: fc.option(word),
      location: at,
    }),
    fc.record({ kind: is('describe'), name: word, extended: flag, location: at }),
    fc.record({ kind: is('set'), property: text, value: text, location: at }),
    fc.record({ kind: is('alterSystem'), property: text, value: text, location: at }),
    fc.record({ kind: is('unset'), property: text, location: at }),
    fc.record({
      kind: fc.constantFrom('assertValues', 'assertTombstone'),
      name: word,
      columns: names,
      values: fc.array(expression, { minLength: 1, maxLength: 3 }),
      location: at,
    }),
    fc.record({
      kind: is('assertSchema'),
      subject: fc.option(word),
      id: fc.option(fc.nat(1000)),
      exists: flag,
      timeout: fc.option(duration),
      location: at,
    }),
  )
  .map((body) => ({ ...body, text: '' }) as unknown as Statement)
