import { describe, expect, test } from 'vitest'
import { sqlTable, sqlValue } from '../functions/sql-value.js'

const nullInt = 'CAST(NULL AS INT)'
const nullBoolean = 'CAST(NULL AS BOOLEAN)'

describe('whole numbers', () => {
  sqlTable([
    ['1 + 2', '3', 'INTEGER'],
    ['2147483647 + 1', '-2147483648', 'INTEGER'],
    ['-2147483648 - 1', '2147483647', 'INTEGER'],
    ['65536 * 65536', '0', 'INTEGER'],
    ['7 / 2', '3', 'INTEGER'],
    ['-7 / 2', '-3'],
    ['-7 % 3', '-1'],
    ['-2147483648 / -1', '-2147483648'],
    ['1 / 0', 'null'],
    ['1 % 0', 'null'],
    ['3000000000 + 1', '3000000001', 'BIGINT'],
    ['9007199254740991 + 1', '9007199254740992'],
    ['9007199254740993 - 1', '9007199254740992'],
    ['9007199254740993 - 9007199254740992', '1'],
    ['9223372036854775807 + 1', '-9223372036854775808'],
    ['9223372036854775807 * 2', '-2'],
    ['3037000500 * 3037000500', '-9223372036709301616'],
    ['94906267 * CAST(94906267 AS BIGINT)', '9007199515875289'],
    ['9223372036854775807 / 2', '4611686018427387903'],
    ['-9223372036854775807 % 10', '-7'],
    ['9007199254740991 / 3', '3002399751580330'],
    ['-(2 + 3)', '-5'],
    [`1 + ${nullInt}`, 'null'],
    ['0 * -5', '0'],
    ["'a' + 'b'", 'ab', 'STRING'],
  ])
})

describe('doubles', () => {
  sqlTable([
    ['1 / 2E0', '0.5', 'DOUBLE'],
    ['1E0 / 0', 'Infinity'],
    ['-1E0 / 0', '-Infinity'],
    ['0E0 / 0', 'NaN'],
    ['5E0 % 3', '2.0'],
    ['0.1 + 2E-1', '0.30000000000000004', 'DOUBLE'],
    ['9007199254740993 + 0E0', '9.007199254740992E15'],
  ])
})

describe('decimals', () => {
  sqlTable([
    ['1.5 + 2.25', '3.75', 'DECIMAL(4, 2)'],
    ['10.0 - 2', '8.0', 'DECIMAL(12, 1)'],
    ['1.5 * 2.5', '3.75', 'DECIMAL(5, 2)'],
    ['1.0 / 4.0', '0.250000', 'DECIMAL(8, 6)'],
    ['1.0 / 3.0', 'null'],
    ['1.0 / 0.0', 'null'],
    ['1.0 % 0.0', 'null'],
    ['-7.5 % 2', '-1.5'],
    ['7.5 % -2', '1.5'],
    ['3000000000 * 1.5', '4500000000.0', 'DECIMAL(22, 1)'],
    ['-(1.50)', '-1.50'],
    ['0.005', '0.005', 'DECIMAL(4, 3)'],
    ['99999999999999999999.5 + 0.5', '100000000000000000000.0'],
  ])
})

describe('comparisons', () => {
  sqlTable([
    ['1 = 1.0', 'true', 'BOOLEAN'],
    ['1 < 1.5E0', 'true'],
    ['9007199254740993 > 9007199254740992', 'true'],
    ['9007199254740993 = 9007199254740993', 'true'],
    ['9223372036854775807 >= 1.5', 'true'],
    ["'a' < 'b'", 'true'],
    ["'a' <> 'A'", 'true'],
    ["'Z' < 'a'", 'true'],
    ['true = false', 'false'],
    ['ARRAY[1, NULL] = ARRAY[1, NULL]', 'true'],
    ["MAP('a' := 1) = MAP('a' := 2)", 'false'],
    ["STRUCT(a := 1, b := 'x') = STRUCT(a := 1, b := 'x')", 'true'],
    ["TO_BYTES('7f', 'hex') < TO_BYTES('80', 'hex')", 'true'],
    ['0E0 / 0 = 0E0 / 0', 'false'],
    ['0E0 / 0 <> 0E0 / 0', 'false'],
    [`${nullInt} = 1`, 'false'],
    [`${nullInt} <> 1`, 'false'],
    [`NOT (${nullInt} = 1)`, 'true'],
    [`${nullInt} IS DISTINCT FROM 1`, 'true'],
    [`${nullInt} IS DISTINCT FROM ${nullInt}`, 'false'],
    [`${nullInt} IS NOT DISTINCT FROM ${nullInt}`, 'true'],
    ['1 IS DISTINCT FROM 1', 'false'],
    ['1.0 IS DISTINCT FROM 1.00', 'false'],
    [`CAST(NULL AS DECIMAL(2, 1)) IS NOT DISTINCT FROM 1.0`, 'false'],
    [`${nullInt} IS NULL`, 'true'],
    [`${nullInt} IS NOT NULL`, 'false'],
    ["FROM_DAYS(1) = '1970-01-02'", 'true'],
    ["'1970' <= FROM_DAYS(1)", 'true'],
    ['FROM_DAYS(1) = FROM_UNIXTIME(86400000)', 'true'],
    ["FROM_UNIXTIME(0) < '1970-01-01T00:00:00.001'", 'true'],
    ["PARSE_TIME('10:00', 'HH:mm') = '10:00'", 'true'],
    ["FROM_DAYS(1) = 'not a date'", 'null'],
    ['2 BETWEEN 1 AND 2', 'true'],
    ['2 NOT BETWEEN 3 AND 4', 'true'],
    [`${nullInt} BETWEEN 1 AND 2`, 'false'],
  ])
})

describe('IN', () => {
  sqlTable([
    ['2 IN (1, 2, 3)', 'true'],
    ["2 IN (1, '2')", 'true'],
    ['2 IN (2.0, 5)', 'true'],
    ["'2' IN (1, 2)", 'true'],
    ["true IN ('no', 'yes')", 'true'],
    [`${nullInt} IN (1, NULL)`, 'false'],
    ['1 IN (NULL, 2)', 'false'],
    ['1 IN (NULL)', 'false'],
    ['1 NOT IN (2, 3)', 'true'],
    ["ARRAY[1, 2] IN (ARRAY['1', 2], ARRAY[3])", 'true'],
    ["FROM_DAYS(1) IN ('1970-01-02')", 'true'],
    ['3 IN (1, 2, 3, 4, 5, 6)', 'true'],
    ['9007199254740993 IN (1, 2, 3, 4, 5, 9007199254740993)', 'true'],
    ['1.5E0 IN (1, 2, 3, 4, 5, 1.5E0)', 'true'],
  ])

  test.each([
    ["1 IN ('x')", 'invalid input syntax for type INTEGER: "x".'],
    [
      '1 IN (true)',
      'operator does not exist: INTEGER = BOOLEAN (true)\nHint: You might need to add explicit type casts.',
    ],
    ['true IN (10)', 'operator does not exist: BOOLEAN = INTEGER (10)'],
    ["true IN ('maybe')", 'invalid input syntax for type BOOLEAN: "maybe".'],
    [
      'ARRAY[3000000000] IN (ARRAY[true])',
      'operator does not exist: ARRAY<BIGINT> = ARRAY<BOOLEAN> (ARRAY[true])',
    ],
    ["ARRAY[3000000000] IN (ARRAY['x'])", 'invalid input syntax for type BIGINT: "x"'],
    ['MAP(1 := 1) IN (10)', 'operator does not exist: MAP<INTEGER, INTEGER> = INTEGER (10)'],
  ])('%s is refused', (sql, message) => {
    expect(() => sqlValue(sql)).toThrow(message)
  })
})

describe('LIKE', () => {
  sqlTable([
    ["'abc' LIKE 'a%'", 'true'],
    ["'abc' LIKE '_b_'", 'true'],
    ["'abc' LIKE 'b'", 'false'],
    ["'ABC' LIKE 'abc'", 'false'],
    ["'a.c' LIKE 'a.c'", 'true'],
    ["'abc' LIKE 'a.c'", 'false'],
    ["'10%' LIKE '10!%' ESCAPE '!'", 'true'],
    ["'100' LIKE '10!%' ESCAPE '!'", 'false'],
    ["'a!b' LIKE 'a!!b' ESCAPE '!'", 'true'],
    ["'a' LIKE 'a!' ESCAPE '!'", 'null'],
    ["'a\nb' LIKE 'a%'", 'true'],
    ["'a' LIKE CAST(NULL AS STRING)", 'false'],
    ["'x-y' LIKE '%[-]%'", 'false'],
    ["'^$(' LIKE '^$('", 'true'],
  ])
})

describe('three-valued logic', () => {
  const values = { true: true, false: false, null: null } as const
  const names = Object.keys(values) as (keyof typeof values)[]
  const sql = (name: string): string => (name === 'null' ? nullBoolean : name)
  const and = (a: boolean | null, b: boolean | null): boolean | null =>
    a === false || b === false ? false : a === null || b === null ? null : true

  test.each(names.flatMap((a) => names.map((b) => [a, b] as const)))('%s with %s', (a, b) => {
    const [x, y] = [values[a], values[b]]
    expect(sqlValue(`${sql(a)} AND ${sql(b)}`).text).toBe(String(and(x, y)))
    const not = (v: boolean | null): boolean | null => (v === null ? null : !v)
    expect(sqlValue(`${sql(a)} OR ${sql(b)}`).text).toBe(String(not(and(not(x), not(y)))))
    expect(sqlValue(`NOT (${sql(a)})`).text).toBe(String(not(x)))
  })

  sqlTable([
    ['false AND 1 / 0 = 1', 'false'],
    ['true OR 1 / 0 = 1', 'true'],
    ['true AND 1 / 0 = 1', 'null'],
  ])
})

describe('CASE', () => {
  sqlTable([
    ["CASE WHEN 1 = 1 THEN 'a' WHEN 1 / 0 = 1 THEN 'b' END", 'a'],
    ["CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END", 'b'],
    ["CASE WHEN 1 = 2 THEN 'a' END", 'null', 'STRING'],
    [`CASE WHEN ${nullBoolean} THEN 1 ELSE 2 END`, '2'],
    ["CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", 'two'],
    ['CASE WHEN true THEN NULL ELSE 5 END', 'null', 'INTEGER'],
    ['CASE WHEN false THEN 1 / 0 ELSE 3 END', '3'],
  ])
})

describe('structures', () => {
  sqlTable([
    ['ARRAY[1, 2, 3][1]', '1', 'INTEGER'],
    ['ARRAY[1, 2, 3][-1]', '3'],
    ['ARRAY[1, 2, 3][0]', 'null'],
    ['ARRAY[1, 2, 3][4]', 'null'],
    ['ARRAY[1, 2, 3][-4]', 'null'],
    [`ARRAY[1][${nullInt}]`, 'null'],
    ["MAP('a' := 1)['a']", '1'],
    ["MAP('a' := 1)['b']", 'null'],
    ["MAP('__proto__' := 1)['constructor']", 'null'],
    ["MAP(1.5 := 'x')[1.5]", 'x'],
    ["STRUCT(a := 1, `b` := 'x')->`b`", 'x'],
    ['CAST(NULL AS STRUCT<A INT>)->A', 'null'],
    ["ARRAY[1, 2.5, '3.25']", '[1.00, 2.50, 3.25]', 'ARRAY<DECIMAL(12, 2)>'],
    ["ARRAY[NULL, 'a', 1]", '[null, a, 1]', 'ARRAY<STRING>'],
    ['ARRAY[1, 1E0]', '[1.0, 1.0]', 'ARRAY<DOUBLE>'],
    ['ARRAY[1, 1 / 0]', '[1, null]'],
    ["MAP('a' := 1, 'b' := CAST('x' AS INT))", '{a=1, b=null}'],
    ["STRUCT(a := CAST('x' AS INT), b := 2)", 'Struct{B=2}'],
    ["ARRAY[MAP('k' := 1), MAP('k' := 1.5)]", '[{k=1.0}, {k=1.5}]', 'ARRAY<MAP<STRING, DECIMAL(11, 1)>>'],
    [
      'ARRAY[STRUCT(a := 1), STRUCT(b := 2)]',
      '[Struct{A=1}, Struct{B=2}]',
      'ARRAY<STRUCT<`B` INTEGER, `A` INTEGER>>',
    ],
  ])
})
