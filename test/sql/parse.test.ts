// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${name} is how SQL writes a variable
import { describe, expect, test } from 'vitest'
import type { Expression, Query, Statement } from '../../src/sql/ast.js'
import { SqlError } from '../../src/sql/errors.js'
import {
  expectedTokens,
  type ParseOptions,
  parseColumns,
  parseExpression,
  parseScript,
  parseType,
  splitStatements,
} from '../../src/sql/parse.js'
import { SqlParser } from '../../src/sql/parser.js'
import { withoutPlace } from './without-place.js'

function one(text: string): Statement {
  const statements = parseScript(text)
  expect(statements).toHaveLength(1)
  return statements[0]!
}

function queryOf(text: string): Query {
  const statement = one(text)
  if (statement.kind !== 'select') throw new Error(`not a query: ${statement.kind}`)
  return statement.query
}

function failure(text: string, options?: ParseOptions): SqlError {
  try {
    parseScript(text, options)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error(`parsed: ${text}`)
}

const expression = (text: string): unknown => withoutPlace(parseExpression(text))

test('the grammar has no ambiguity the parser would resolve by accident', () => {
  expect(() => new SqlParser({ validate: true })).not.toThrow()
})

describe('scripts', () => {
  test('each statement keeps its own text, and the lines of the script', () => {
    const text = '-- first\nshow streams;\n\n  DROP STREAM  a ; -- last'
    const [first, second] = parseScript(text)
    expect(first?.text).toBe('show streams;')
    expect(second?.text).toBe('DROP STREAM  a ;')
    expect(second?.script).toBe(text)
    expect(second?.location).toEqual({ line: 4, column: 3, start: 26, end: 40 })
  })

  test('an empty script has no statements', () => {
    expect(parseScript(' -- nothing\n/* here */ ')).toEqual([])
  })

  test('a script is refused as a whole, at its first fault', () => {
    const error = failure('SHOW STREAMS;\nSHOW NOTHING;')
    expect(error.kind).toBe('parse')
    expect(error.location).toMatchObject({ line: 2, column: 6 })
  })

  test('statements are split at semicolons outside strings, names and comments', () => {
    expect(splitStatements("a ';' \";\" `;` ; -- ;\n b /* ; */; c 'open")).toEqual({
      statements: ['a \';\' ";" `;` ;', 'b /* ; */;'],
      rest: "c 'open",
      unclosed: true,
    })
    expect(splitStatements('a; -- done')).toEqual({ statements: ['a;'], rest: '', unclosed: false })
  })
})

describe('variables', () => {
  test('are replaced in names, strings and literals, not in comments', () => {
    const [statement] = parseScript(
      "-- ${nope}\nCREATE STREAM ${name} WITH (kafka_topic='${name}_t', partitions=${n});",
      {
        variables: { name: 'orders', n: '3' },
      },
    )
    expect(statement).toMatchObject({ kind: 'createSource', name: 'ORDERS' })
    expect(statement?.text).toBe("CREATE STREAM orders WITH (kafka_topic='orders_t', partitions=3);")
  })

  test('DEFINE and UNDEFINE in the script count for what follows', () => {
    const [, dropped] = parseScript("DEFINE s = 'abc'; DROP STREAM ${s};")
    expect(dropped).toMatchObject({ kind: 'dropSource', name: 'ABC' })
    expect(() => parseScript("DEFINE s = 'abc'; UNDEFINE s; DROP STREAM ${s};")).toThrow(
      'Undefined variable: s',
    )
  })
})

describe('names and literals', () => {
  test('unquoted names are upper case, quoted ones as written', () => {
    expect(queryOf('SELECT a, `b`, "c""d", 1st, t.`x` FROM s;').select.map((s) => withoutPlace(s))).toEqual([
      { kind: 'expression', expression: { kind: 'column', name: 'A' }, alias: null },
      { kind: 'expression', expression: { kind: 'column', name: 'b' }, alias: null },
      { kind: 'expression', expression: { kind: 'column', name: 'c"d' }, alias: null },
      { kind: 'expression', expression: { kind: 'column', name: '1ST' }, alias: null },
      { kind: 'expression', expression: { kind: 'qualifiedColumn', source: 'T', name: 'x' }, alias: null },
    ])
  })

  test.each([
    ['1', { kind: 'integer', value: 1 }],
    ['-2147483648', { kind: 'integer', value: -2147483648 }],
    ['2147483648', { kind: 'long', value: 2147483648 }],
    ['9223372036854775807', { kind: 'long', value: 9223372036854775807n }],
    ['-9223372036854775808', { kind: 'long', value: -9223372036854775808n }],
    ['1.50', { kind: 'decimal', text: '1.50' }],
    ['.5', { kind: 'decimal', text: '.5' }],
    ['1.', { kind: 'decimal', text: '1.' }],
    ['1e3', { kind: 'double', value: 1000 }],
    ['-1.5E-2', { kind: 'double', value: -0.015 }],
    ["DECIMAL '1.50'", { kind: 'decimal', text: '1.50' }],
    ["'it''s'", { kind: 'string', value: "it's" }],
    ['true', { kind: 'boolean', value: true }],
    ['NULL', { kind: 'null' }],
  ])('literal %s', (text, node) => {
    expect(expression(text)).toEqual(node)
  })

  test('numbers out of range are refused', () => {
    expect(failure('SELECT 9223372036854775808 FROM s;').message).toContain(
      'Invalid numeric literal: 9223372036854775808',
    )
    expect(failure('SELECT -1E309 FROM s;').message).toContain('Number overflows DOUBLE: -1E309')
  })

  test('keywords that are not reserved are names too', () => {
    const query = queryOf('SELECT id, date, key k, source.type FROM source emit EMIT CHANGES;')
    expect(query.select).toHaveLength(4)
    expect(query.from).toMatchObject({ name: 'SOURCE', alias: 'EMIT' })
    expect(queryOf('SELECT * FROM s PARTITION BY a;')).toMatchObject({ from: { alias: null } })
  })
})

describe('operators', () => {
  const column = (name: string): Expression => ({ kind: 'column', name }) as Expression

  test('bind as ksqlDB binds them', () => {
    expect(expression('a + b * c')).toEqual({
      kind: 'binary',
      operator: '+',
      left: column('A'),
      right: { kind: 'binary', operator: '*', left: column('B'), right: column('C') },
    })
    expect(expression('NOT a = b AND c')).toMatchObject({
      kind: 'logical',
      operator: 'AND',
      left: { kind: 'not', operand: { kind: 'comparison' } },
    })
    expect(expression('a OR b AND c')).toMatchObject({ operator: 'OR', right: { operator: 'AND' } })
    expect(expression('a - b - c')).toMatchObject({ left: { operator: '-' }, right: column('C') })
    expect(expression('-a * b')).toMatchObject({ operator: '*', left: { kind: 'unary' } })
  })

  test('a negated predicate is a NOT around it', () => {
    for (const text of ['a NOT IN (1)', 'a NOT LIKE b', 'a NOT BETWEEN 1 AND 2']) {
      expect(expression(text)).toMatchObject({ kind: 'not' })
    }
    expect(expression('a IS NOT NULL')).toEqual({ kind: 'isNull', operand: column('A'), negated: true })
    expect(expression('a IS NOT DISTINCT FROM b')).toMatchObject({ operator: 'IS NOT DISTINCT FROM' })
  })

  test('lambda parameters are bound inside their body only', () => {
    expect(expression('f(x, x => x + y)')).toMatchObject({
      args: [
        column('X'),
        { kind: 'lambda', body: { left: { kind: 'lambdaVariable', name: 'X' }, right: column('Y') } },
      ],
    })
    expect(expression('f(m, (k, v) => g(v, z => z + k))')).toMatchObject({
      args: [
        {},
        { parameters: ['K', 'V'], body: { args: [{ kind: 'lambdaVariable' }, { kind: 'lambda' }] } },
      ],
    })
    expect(expression('f((a))')).toMatchObject({ args: [column('A')] })
  })

  test('units stand bare where a function takes one', () => {
    expect(expression('DATEADD(DAY, 1, d)')).toMatchObject({
      args: [{ kind: 'intervalUnit', unit: 'DAYS' }, {}, {}],
    })
    expect(expression('TIMEADD(milliseconds, 1, d)')).toMatchObject({
      args: [{ unit: 'MILLISECONDS' }, {}, {}],
    })
    expect(expression('ABS(day)')).toMatchObject({ args: [column('DAY')] })
  })

  test('constructors and access', () => {
    expect(expression("STRUCT(a := 1, `b` := MAP('k' := ARRAY[1, 2]))->`b`['k'][1]")).toMatchObject({
      kind: 'subscript',
      base: { kind: 'subscript', base: { kind: 'dereference', field: 'b' } },
    })
    expect(expression('COUNT(*)')).toEqual({
      kind: 'call',
      name: 'COUNT',
      args: [{ kind: 'integer', value: 1 }],
      star: true,
    })
  })
})

describe('queries', () => {
  test('every clause', () => {
    const query = queryOf(`SELECT a.*, b->c->*, *, count(*) AS n FROM s AS a
      LEFT OUTER JOIN t b WITHIN (1 HOUR, 2 DAYS) GRACE PERIOD 3 SECONDS ON a.id = b.id
      WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 5 SECONDS, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS)
      WHERE x GROUP BY (a, b) PARTITION BY (c + 1) * 2 HAVING y EMIT FINAL LIMIT 3;`)
    expect(query.select.map((s) => s.kind)).toEqual(['star', 'structStar', 'star', 'expression'])
    expect(query.from).toMatchObject({
      kind: 'join',
      type: 'LEFT',
      within: {
        before: { value: 1, unit: 'HOURS' },
        after: { value: 2, unit: 'DAYS' },
        grace: { value: 3, unit: 'SECONDS' },
      },
    })
    expect(query.window).toMatchObject({
      kind: 'hopping',
      size: { value: 10, unit: 'SECONDS' },
      advance: { value: 5, unit: 'SECONDS' },
      retention: { value: 1, unit: 'DAYS' },
      grace: { value: 0, unit: 'SECONDS' },
    })
    expect(query.groupBy).toHaveLength(2)
    expect(query.partitionBy).toHaveLength(1)
    expect(query).toMatchObject({ emit: 'FINAL', limit: 3 })
  })

  test('joins lean to the left', () => {
    expect(queryOf('SELECT * FROM a JOIN b ON x FULL JOIN c ON y;').from).toMatchObject({
      type: 'OUTER',
      left: { type: 'INNER', left: { name: 'A' } },
      right: { name: 'C' },
    })
  })

  test('a boolean is no grouping expression', () => {
    expect(failure('SELECT * FROM s GROUP BY a AND b;').message).toContain('Syntax Error')
  })
})

describe('statements', () => {
  test.each<[string, object]>([
    ['SHOW ALL TOPICS EXTENDED;', { kind: 'show', what: 'TOPICS', all: true, extended: true }],
    ['LIST SOURCE CONNECTORS;', { kind: 'show', what: 'CONNECTORS', connectorKind: 'SOURCE' }],
    ['SHOW CONNECTOR PLUGINS;', { kind: 'show', what: 'CONNECTOR PLUGINS' }],
    ['DESCRIBE TABLES EXTENDED;', { kind: 'describeAll', sourceKind: 'TABLE', extended: true }],
    ['DESCRIBE `TABLES`;', { kind: 'describe', name: 'TABLES' }],
    ['DESCRIBE FUNCTION replace;', { kind: 'describeFunction', name: 'REPLACE' }],
    [
      'PRINT my_Topic FROM BEGINNING SAMPLE 2 LIMIT 3;',
      { kind: 'print', topic: 'my_Topic', fromBeginning: true, interval: 2, limit: 3 },
    ],
    ['TERMINATE ALL;', { kind: 'terminate', queryId: null }],
    ['PAUSE csas_x_1;', { kind: 'pause', queryId: 'CSAS_X_1' }],
    ["SET 'a' = 'b';", { kind: 'set', property: 'a', value: 'b' }],
    ['EXPLAIN CSAS_X_1;', { kind: 'explain', queryId: 'CSAS_X_1', statement: null }],
    [
      'EXPLAIN ANALYZE SELECT * FROM s;',
      { kind: 'explain', analyze: true, statement: { kind: 'select', text: 'SELECT * FROM s;' } },
    ],
    [
      'DROP TABLE IF EXISTS t DELETE TOPIC;',
      { kind: 'dropSource', sourceKind: 'TABLE', ifExists: true, deleteTopic: true },
    ],
    [
      'ALTER STREAM s ADD COLUMN a INT, ADD column STRING;',
      { kind: 'alterSource', columns: [{ name: 'A' }, { name: 'COLUMN' }] },
    ],
    [
      'CREATE TYPE IF NOT EXISTS a AS STRUCT<x INT, y b>;',
      { kind: 'createType', type: { kind: 'structType' } },
    ],
    ['INSERT INTO s VALUES (1);', { kind: 'insertValues', columns: [], values: [{ value: 1 }] }],
    ["INSERT INTO s WITH (query_id='q') SELECT * FROM t;", { kind: 'insertInto', target: 'S' }],
    [
      "ASSERT NOT EXISTS TOPIC 't' WITH (partitions=1) TIMEOUT 3 SECONDS;",
      { kind: 'assertTopic', exists: false, timeout: { value: 3, unit: 'SECONDS' } },
    ],
    ['ASSERT SCHEMA SUBJECT x ID 3;', { kind: 'assertSchema', subject: 'x', id: 3 }],
    ['ASSERT NULL VALUES t (k) KEY (1);', { kind: 'assertTombstone', columns: ['K'] }],
    ["ASSERT STREAM s (a INT) WITH (kafka_topic='t');", { kind: 'assertSource', statement: { name: 'S' } }],
    [
      "CREATE OR REPLACE SOURCE TABLE IF NOT EXISTS t (k INT PRIMARY KEY, h BYTES HEADER('x')) WITH (kafka_topic='t');",
      {
        kind: 'createSource',
        isSource: true,
        orReplace: true,
        ifNotExists: true,
        elements: [{ constraint: 'PRIMARY KEY' }, { constraint: { header: 'x' } }],
      },
    ],
    [
      "CREATE STREAM s WITH (FORMAT='JSON') AS SELECT * FROM t EMIT CHANGES;",
      { kind: 'createAs', name: 'S', query: { emit: 'CHANGES' } },
    ],
    ["CREATE SINK CONNECTOR c WITH ('a.b'='x');", { kind: 'createConnector', connectorKind: 'SINK' }],
  ])('%s', (text, expected) => {
    expect(one(text)).toMatchObject(expected)
  })

  test('properties have upper-case names', () => {
    const statement = one("CREATE STREAM s WITH (kafka_topic='t', 'a.b'=1);")
    if (statement.kind !== 'createSource') throw new Error(statement.kind)
    expect([...statement.properties.keys()]).toEqual(['KAFKA_TOPIC', 'A.B'])
  })

  test('RUN SCRIPT is for the command line', () => {
    expect(failure("RUN SCRIPT 'f';").message).toBe("line 1:1: Syntax Error\nUnknown statement 'RUN'")
    expect(parseScript("RUN SCRIPT 'f';", { commandLine: true })).toMatchObject([
      { kind: 'runScript', file: 'f' },
    ])
  })

  test('key constraints must fit the kind of source', () => {
    const error = failure("CREATE TABLE t (id INT KEY) WITH (kafka_topic='t');")
    expect(error.message).toBe(
      "Line: 1, Col: 17: Column `ID` is a 'KEY' column: please use 'PRIMARY KEY' for tables.",
    )
  })
})

test('types', () => {
  expect(parseType('MAP<STRING, STRUCT<`a` DECIMAL(4, 2) ARRAY, b INT>>')).toEqual({
    kind: 'type',
    type: {
      kind: 'MAP',
      key: { kind: 'STRING' },
      value: {
        kind: 'STRUCT',
        fields: [
          { name: 'a', type: { kind: 'ARRAY', element: { kind: 'DECIMAL', precision: 4, scale: 2 } } },
          { name: 'B', type: { kind: 'INTEGER' } },
        ],
      },
    },
  })
  expect(parseColumns('K STRING KEY, `a` INT').map((c) => [c.name, c.constraint])).toEqual([
    ['K', 'KEY'],
    ['a', null],
  ])
  expect(() => parseType('DECIMAL(2, 3)')).toThrow('precision must be >= scale')
})

describe('errors', () => {
  test.each([
    [
      'CREATE STREAM s (k DOUBLE (KEY)) WITH (a=1);',
      "line 1:28: Syntax Error\nExpecting {'STRING', INTEGER_VALUE}",
    ],
    ['CREATE STREAM s (k VARCHAR(STRING) (KEY));', "line 1:36: Syntax Error\nExpecting {',', ')'}"],
    ['SELECT * FROM s SORT BY k;', 'line 1:22: Syntax Error\n'],
    ['SELECT a b c FROM s;', "line 1:12: Syntax Error\nExpecting {',', 'FROM'}"],
    [
      'SELECT topic FROM s;',
      "line 1:8: Syntax Error\n\"topic\" is a reserved keyword and it can't be used as an identifier. You can use it as an identifier by escaping it as 'topic' ",
    ],
  ])('%s', (text, message) => {
    const error = failure(text)
    expect(error.message).toBe(message)
    expect(error.text).toBe(text)
  })

  test.each([
    ['SELEC * FROM s;', 'Did you mean SELECT?'],
    ['SELECT a FORM s;', 'Did you mean FROM?'],
    ['SELECT * FROM s EMIT CHANGE;', 'Did you mean CHANGES?'],
    ['SELECT * FROM s', "A statement ends with ';'."],
    ['SELECT * FROM s SHOW STREAMS;', "Is a ';' missing before SHOW?"],
    ["SELECT 'abc FROM s;", "The ' in line 1, column 8 is never closed."],
    ['SELECT limit FROM s;', 'Did you mean the name `LIMIT`? Write it in backticks.'],
    ['SELECT a, b, FROM s;', "Is the ',' before it one too many?"],
  ])('%s suggests: %s', (text, suggestion) => {
    expect(failure(text).suggestion).toBe(suggestion)
  })

  test.each([
    ['SHOW STREAMS', 'SHOW STREAMS'],
    ['SHOW STREAMS; SHOW TABLES -- done', 'SHOW TABLES'],
    ['SHOW STREAMS; -- done', 'SHOW STREAMS;'],
  ])('with an open end, the last statement of %s goes without a semicolon', (text, last) => {
    expect(parseScript(text, { openEnd: true }).at(-1)?.text).toBe(last)
  })

  test('an open end is no excuse for half a statement', () => {
    const error = failure('SHOW STREAMS; SELECT * FROM ', { openEnd: true })
    expect(error).toMatchObject({ location: { line: 1, column: 28 } })
    expect(error.message).toBe("line 1:28: Syntax Error\nExpecting {'(', IDENTIFIER}")
  })

  test('nesting without end is refused, not crashed on', () => {
    expect(failure(`SELECT ${'('.repeat(50_000)}a`).message).toBe('The statement is nested too deeply')
  })
})

describe('completion', () => {
  test.each<[string, string[]]>([
    ['SELECT a FROM s ', ['EMIT', 'GROUP', 'WHERE', 'JOIN']],
    ['SELECT a FROM s EMIT ', ['CHANGES', 'FINAL']],
    ['CREATE STREAM s (a ', ['ARRAY', 'MAP']],
    ['SHOW STREAMS; SHOW ', ['TABLES', 'TOPICS']],
    ['SELECT a FROM s WINDOW TUMBLING (SIZE 3 ', ['SECONDS']],
  ])('after %j', (text, keywords) => {
    expect(expectedTokens(text).keywords).toEqual(expect.arrayContaining(keywords))
  })

  test('says what is being typed, and whether a name may stand there', () => {
    expect(expectedTokens('SELECT * FROM s WHERE na')).toMatchObject({ prefix: 'na', identifier: true })
    expect(expectedTokens('SELECT a FROM s EMIT ')).toMatchObject({ prefix: '', identifier: false })
    expect(expectedTokens('SHOW ')).toMatchObject({ identifier: false })
  })
})
