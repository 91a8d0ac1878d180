import { describe, expect, test } from 'vitest'
import { SqlError } from '../../../src/sql/errors.js'
import type { ExpressionError } from '../../../src/sql/expression/expression-error.js'
import { typeOf } from '../../../src/sql/expression/expression-typer.js'
import { columnsScope } from '../../../src/sql/expression/scope.js'
import { parseExpression, parseType } from '../../../src/sql/parse.js'
import { formatType, type SqlType } from '../../../src/sql/types.js'
import { functions } from '../functions/sql-value.js'

function type(text: string): SqlType {
  const parsed = parseType(text)
  if (parsed.kind !== 'type') throw new Error('custom type')
  return parsed.type
}

const columns: Record<string, string> = {
  ID: 'INT',
  NAME: 'STRING',
  AMOUNT: 'BIGINT',
  B: 'ARRAY<INT>',
  S: 'STRUCT<INNER_FIELD INT>',
  ROWTIME: 'BIGINT',
}

const scope = columnsScope(
  functions,
  new Map(Object.entries(columns).map(([name, text]) => [name, { type: type(text), accessor: name }])),
  { clause: 'WHERE', customType: (name) => (name === 'ADDRESS' ? type('STRUCT<CITY STRING>') : undefined) },
)

function typed(sql: string): string {
  const found = typeOf(parseExpression(sql), scope)
  return found === null ? 'null' : formatType(found)
}

function refusal(sql: string): SqlError {
  try {
    typed(sql)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error(`${sql} was accepted`)
}

describe('types', () => {
  test.each([
    ['ID', 'INTEGER'],
    ['ID + AMOUNT', 'BIGINT'],
    ['ID * 1.5', 'DECIMAL(13, 1)'],
    ['AMOUNT / 2E0', 'DOUBLE'],
    ['NULL', 'null'],
    ['B[1]', 'INTEGER'],
    ['S->INNER_FIELD', 'INTEGER'],
    ['CAST(NULL AS ADDRESS)->CITY', 'STRING'],
    ['CAST(NULL AS ARRAY<ADDRESS>)', 'ARRAY<STRUCT<`CITY` STRING>>'],
    ["ROWTIME > '2020-01-01'", 'BOOLEAN'],
    ['STRUCT(x := ID, `y z` := NAME)', 'STRUCT<`X` INTEGER, `y z` STRING>'],
    ['TRANSFORM(B, x => CAST(x AS STRING))', 'ARRAY<STRING>'],
  ])('%s is %s', (sql, wanted) => {
    expect(typed(sql)).toBe(wanted)
  })
})

describe('refusals', () => {
  test.each([
    ['NAEM', "WHERE column 'NAEM' cannot be resolved."],
    ['T.BOB', "WHERE column 'T.BOB' cannot be resolved."],
    [
      "ID >= 'not an int'",
      "Cannot compare ID (INTEGER) to 'not an int' (STRING) with GREATER_THAN_OR_EQUAL.",
    ],
    ['B < B', 'Cannot compare B (ARRAY<INTEGER>) to B (ARRAY<INTEGER>) with LESS_THAN.'],
    [
      'S < S',
      'Cannot compare S (STRUCT<`INNER_FIELD` INTEGER>) to S (STRUCT<`INNER_FIELD` INTEGER>) with LESS_THAN.',
    ],
    ['NAME BETWEEN 10 AND 20', 'Cannot compare NAME (STRING) to 10 (INTEGER) with GREATER_THAN_OR_EQUAL.'],
    [
      'ID = NULL',
      "Comparison with NULL not supported: INTEGER = NULL\nUse 'IS NULL' or 'IS NOT NULL' instead.",
    ],
    ['NULL <> NULL', 'Comparison with NULL not supported: NULL <> NULL'],
    [
      '1 + NULL',
      'Error processing expression: (1 + null). Arithmetic on types INTEGER and null are not supported.',
    ],
    ['ID - NAME', 'Error processing expression: (ID - NAME). Unsupported arithmetic types. INTEGER STRING'],
    ['ARRAY[]', 'Array constructor cannot be empty. Please supply at least one element'],
    ['ARRAY[NULL]', 'Cannot construct an array with all NULL elements'],
    ['MAP(NULL := 1)', 'Cannot construct a map with all NULL keys'],
    ["MAP('a' := NULL)", 'Cannot construct a map with all NULL values'],
    ["MAP('a' := 1, 'b' := 'hello')", 'invalid input syntax for type INTEGER: "hello".'],
    ['STRUCT(a := 1, a := 2)', 'Duplicate field names found in STRUCT'],
    ['S->NOPE', "Could not find field 'NOPE' in 'S'."],
    ['ID->A', 'Expected STRUCT type, got: INTEGER'],
    ['S[1]', 'Use the dereference operator for STRUCTS: S->1'],
    ['ID[1]', 'Subscript expression (ID[1]) do not apply to INTEGER.'],
    [
      "CASE WHEN ID = 1 THEN 'a' ELSE 2 END",
      "Type for the default clause should be the same as for 'THEN' clauses.",
    ],
    ["CASE WHEN ID = 1 THEN 'a' WHEN ID = 2 THEN 2 END", "Type for all 'THEN' clauses should be the same."],
    ['CASE WHEN ID THEN 1 END', "WHEN operand type should be boolean.\nType for 'ID' is INTEGER"],
    ['CASE WHEN ID = 1 THEN NULL END', 'Invalid Case expression. All case branches have NULL type'],
    ['ID AND true', 'AND needs BOOLEAN operands, but ID is INTEGER.'],
    ["ID LIKE '1%'", 'The column type for Like condition must be VARCHAR. The column type is INTEGER'],
    ['SUM(ID) > 1', 'Aggregate function SUM cannot be used here.'],
    [
      'TRANSFORM(B, (x, y) => x)',
      "Function 'transform' does not accept parameters (ARRAY<INTEGER>, LAMBDA).",
    ],
    [
      'FILTER(B, x => x + 1)',
      "Function 'filter' does not accept parameters (ARRAY<INTEGER>, LAMBDA (INTEGER) => INTEGER).",
    ],
    [
      'TRANSFORM(B, x => REDUCE(B, 0, (x, y) => x))',
      'Reusing lambda arguments inside of nested lambda is not allowed.',
    ],
    [
      "DATEADD(DAYS, 'x', FROM_DAYS(1))",
      "Function 'dateadd' does not accept parameters (INTERVAL UNIT, STRING, DATE).",
    ],
    ["ROWTIME > 'yesterday'", "Failed to parse timestamp 'yesterday'"],
  ])('%s', (sql, message) => {
    expect(refusal(sql).message).toContain(message)
  })

  test('say where in the text, and what was probably meant', () => {
    const error = refusal('ID + LEN(NAEM)')
    expect(error).toMatchObject({
      location: { line: 1, column: 10, start: 9, end: 13 },
      suggestion: 'Did you mean NAME?',
    })
    expect(refusal('1 + S->INNER_FEILD').suggestion).toBe('Did you mean INNER_FIELD?')
    expect(refusal('1 + LEM(NAME)')).toMatchObject({
      location: { column: 5 },
      suggestion: 'Did you mean LEN?',
    })
  })

  test('tell faults of typing from those ksqlDB finds when it compiles', () => {
    const stage = (sql: string): string => (refusal(sql) as ExpressionError).stage
    expect(stage('ID = NAME')).toBe('typing')
    expect(stage('CAST(NAME AS ARRAY<INT>)')).toBe('compilation')
    expect(stage("ID IN ('x')")).toBe('compilation')
  })
})
