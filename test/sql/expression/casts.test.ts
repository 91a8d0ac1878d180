import { describe, expect, test } from 'vitest'
import { sqlTable, sqlValue } from '../functions/sql-value.js'

describe('to text', () => {
  sqlTable([
    ['CAST(true AS STRING)', 'true'],
    ['CAST(-5 AS STRING)', '-5'],
    ['CAST(9223372036854775807 AS STRING)', '9223372036854775807'],
    ['CAST(1E0 AS STRING)', '1.0'],
    ['CAST(1E7 AS STRING)', '1.0E7'],
    ['CAST(123456789.125E0 AS STRING)', '1.23456789125E8'],
    ['CAST(1E-3 AS STRING)', '0.001'],
    ['CAST(1E-4 AS STRING)', '1.0E-4'],
    ['CAST(1E0 / 0 AS STRING)', 'Infinity'],
    ['CAST(0.0000001 AS STRING)', '0.0000001'],
    ['CAST(1.50 AS STRING)', '1.50'],
    ["CAST(ARRAY['a', NULL] AS STRING)", '[a, null]'],
    ["CAST(MAP('a' := 1E0) AS STRING)", '{a=1.0}'],
    ["CAST(STRUCT(a := 1, `b` := 'x') AS STRING)", 'Struct{A=1,b=x}'],
    ['CAST(FROM_DAYS(0) AS STRING)', '1970-01-01'],
    ['CAST(FROM_UNIXTIME(-1) AS STRING)', '1969-12-31T23:59:59.999'],
    ["CAST(PARSE_TIME('01:34', 'HH:mm') AS STRING)", '01:34:00.000'],
    ['CAST(CAST(NULL AS INT) AS STRING)', 'null'],
  ])
})

describe('from text', () => {
  sqlTable([
    ["CAST('tr' AS BOOLEAN)", 'true'],
    ["CAST(' YES ' AS BOOLEAN)", 'true'],
    ["CAST('nope' AS BOOLEAN)", 'false'],
    ["CAST('' AS BOOLEAN)", 'false'],
    ["CAST(' +12 ' AS INT)", '12'],
    ["CAST('2147483648' AS INT)", 'null'],
    ["CAST('1.5' AS INT)", 'null'],
    ["CAST('-9223372036854775808' AS BIGINT)", '-9223372036854775808'],
    ["CAST('9223372036854775808' AS BIGINT)", 'null'],
    ["CAST('1.5e3' AS DOUBLE)", '1500.0'],
    ["CAST('NaN' AS DOUBLE)", 'null'],
    ["CAST('Infinity' AS DOUBLE)", 'null'],
    ["CAST('0x10' AS DOUBLE)", 'null'],
    ["CAST('1.255' AS DECIMAL(3, 2))", '1.26'],
    ["CAST('-1.255' AS DECIMAL(3, 2))", '-1.26'],
    ["CAST('10.0' AS DECIMAL(3, 2))", 'null'],
    ["CAST('9.999' AS DECIMAL(3, 2))", '10.00'],
    ["CAST('2020-05' AS TIMESTAMP)", '2020-05-01T00:00:00.000'],
    ["CAST('2020-05-26T01' AS TIMESTAMP)", '2020-05-26T01:00:00.000'],
    ["CAST('2020-05-26T23:59:58.000+0200' AS TIMESTAMP)", '2020-05-26T21:59:58.000'],
    ["CAST('2020-05-26T23:59:58Z' AS TIMESTAMP)", '2020-05-26T23:59:58.000'],
    ["CAST('foo' AS TIMESTAMP)", 'null'],
    ["CAST('2020-13-01' AS DATE)", 'null'],
    ["CAST('2021-02-29' AS DATE)", 'null'],
    ["CAST('2020-02' AS DATE)", '2020-02-01'],
    ["CAST('2020-02-29' AS DATE)", '2020-02-29'],
    ["CAST('01:34' AS TIME)", '01:34:00.000'],
    ["CAST('25:00' AS TIME)", 'null'],
    ["FROM_BYTES(CAST('YWI=' AS BYTES), 'utf8')", 'ab'],
    ["CAST('not base64!' AS BYTES)", 'null'],
  ])
})

describe('between numbers', () => {
  sqlTable([
    ['CAST(1.9E0 AS INT)', '1'],
    ['CAST(-1.9E0 AS INT)', '-1'],
    ['CAST(1E20 AS INT)', '2147483647'],
    ['CAST(1E20 AS BIGINT)', '9223372036854775807'],
    ['CAST(0E0 / 0 AS BIGINT)', '0'],
    ['CAST(4294967297 AS INT)', '1'],
    ['CAST(9223372036854775807 AS INT)', '-1'],
    ['CAST(1.99 AS INT)', '1'],
    ['CAST(4294967297.5 AS INT)', '1'],
    ['CAST(1.5 AS DOUBLE)', '1.5'],
    ['CAST(9007199254740993 AS DOUBLE)', '9.007199254740992E15'],
    ['CAST(1 AS DECIMAL(3, 2))', '1.00'],
    ['CAST(10 AS DECIMAL(3, 2))', 'null'],
    // The double is a little less than 1.005: it is cut to the precision first.
    ['CAST(1.005E0 AS DECIMAL(3, 2))', '1.00'],
    ['CAST(1.005E0 AS DECIMAL(4, 2))', '1.01'],
    ['CAST(0.99E0 AS DECIMAL(2, 1))', '1.0'],
    ['CAST(0E0 / 0 AS DECIMAL(2, 1))', 'null'],
    ['CAST(1.255 AS DECIMAL(3, 2))', '1.26'],
  ])
})

describe('of structures and times', () => {
  sqlTable([
    ["CAST(ARRAY['1', NULL] AS ARRAY<BIGINT>)", '[1, null]', 'ARRAY<BIGINT>'],
    ["CAST(ARRAY['1', 'x'] AS ARRAY<INT>)", 'null'],
    ["CAST(MAP('1' := '2') AS MAP<INT, DOUBLE>)", '{1=2.0}', 'MAP<INTEGER, DOUBLE>'],
    [
      'CAST(STRUCT(a := 1, b := 2) AS STRUCT<C INT, A STRING>)',
      'Struct{A=1}',
      'STRUCT<`C` INTEGER, `A` STRING>',
    ],
    ['CAST(FROM_UNIXTIME(-1) AS DATE)', '1969-12-31'],
    ['CAST(FROM_UNIXTIME(-1) AS TIME)', '23:59:59.999'],
    ['CAST(FROM_DAYS(1) AS TIMESTAMP)', '1970-01-02T00:00:00.000'],
  ])

  test.each([
    ["CAST('x' AS ARRAY<INT>)", 'Cast of STRING to ARRAY<INTEGER> is not supported'],
    ['CAST(true AS INT)', 'Cast of BOOLEAN to INTEGER is not supported'],
    ["CAST(TO_BYTES('', 'hex') AS STRING)", 'Cast of BYTES to STRING is not supported'],
    ['CAST(FROM_DAYS(1) AS TIME)', 'Cast of DATE to TIME is not supported'],
    ['CAST(ARRAY[true] AS ARRAY<INT>)', 'Cast of ARRAY<BOOLEAN> to ARRAY<INTEGER> is not supported'],
    ['CAST(1 AS NO_SUCH_TYPE)', 'Cannot resolve unknown type: NO_SUCH_TYPE'],
  ])('%s is refused', (sql, message) => {
    expect(() => sqlValue(sql)).toThrow(message)
  })

  test('a cast that fails is reported, and null only where it stands', () => {
    const value = sqlValue("IFNULL(CAST('x' AS INT), 7) + 1")
    expect(value).toMatchObject({ text: '8', errors: ['For input string: "x"'] })
  })
})
