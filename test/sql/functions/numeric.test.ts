import { describe, expect, test } from 'vitest'
import { naturalLogarithm } from '../../../src/sql/functions/logarithm.js'
import { sqlTable, sqlValue } from './sql-value.js'

describe('absolute value, sign and rounding', () => {
  sqlTable([
    ['ABS(-5)', '5', 'INTEGER'],
    ['ABS(-9223372036854775807)', '9223372036854775807', 'BIGINT'],
    ['ABS(-1.5E0)', '1.5', 'DOUBLE'],
    ['ABS(-1.50)', '1.50', 'DECIMAL(3, 2)'],
    ['ABS(CAST(NULL AS INT))', 'null'],
    ['CEIL(1.25)', '2.00', 'DECIMAL(3, 2)'],
    ['CEIL(-1.25)', '-1.00'],
    ['CEIL(1.2E0)', '2.0', 'DOUBLE'],
    ['FLOOR(-1.25)', '-2.00'],
    ['FLOOR(7)', '7', 'INTEGER'],
    ['ROUND(1.5E0)', '2', 'BIGINT'],
    ['ROUND(-1.5E0)', '-1'],
    ['ROUND(-1.6E0)', '-2'],
    ['ROUND(0.49999999999999994E0)', '0'],
    ['ROUND(2.5)', '3', 'DECIMAL(1, 0)'],
    ['ROUND(-2.5)', '-2'],
    ['ROUND(1.25, 1)', '1.30', 'DECIMAL(3, 2)'],
    ['ROUND(-1.25, 1)', '-1.20'],
    ['ROUND(1234.5E0, -2)', '1200.0', 'DOUBLE'],
    ['ROUND(1.275E0, 2)', '1.28'],
    ['TRUNC(-1.9E0)', '-1', 'BIGINT'],
    ['TRUNC(1.99, 1)', '1.90'],
    ['TRUNC(1299.9E0, -2)', '1200.0'],
    ['SIGN(-3)', '-1', 'INTEGER'],
    ['SIGN(0.0E0)', '0'],
    ['SIGN(9223372036854775807)', '1'],
  ])
})

describe('functions of doubles', () => {
  sqlTable([
    ['SQRT(16)', '4.0', 'DOUBLE'],
    ['SQRT(-1)', 'NaN'],
    ['CBRT(27)', '3.0'],
    ['EXP(0)', '1.0'],
    ['LN(1)', '0.0'],
    ['LN(0)', '-Infinity'],
    ['LN(-1)', 'NaN'],
    ['LOG(1)', '0.0'],
    ['LOG(2, 8)', '3.0'],
    ['LOG(1, 8)', 'NaN'],
    ['LOG(0, 8)', 'NaN'],
    ['POWER(2, 10)', '1024.0'],
    ['PI()', '3.141592653589793'],
    ['SIN(0)', '0.0'],
    ['COS(0)', '1.0'],
    ['ATAN2(0, 1)', '0.0'],
    ['COT(0)', 'Infinity'],
    ['DEGREES(PI())', '180.0'],
    ['RADIANS(180)', '3.141592653589793'],
    ['TANH(0)', '0.0'],
  ])

  test.each(['SIN', 'COS', 'TAN', 'ASIN', 'ACOS', 'ATAN', 'SINH', 'COSH', 'TANH', 'COT', 'EXP', 'CBRT'])(
    '%s takes all numbers but gives null for null',
    (name) => {
      expect(sqlValue(`${name}(1)`)).toEqual(sqlValue(`${name}(1E0)`))
      expect(sqlValue(`${name}(CAST(1 AS BIGINT))`)).toEqual(sqlValue(`${name}(1E0)`))
      expect(sqlValue(`${name}(CAST(NULL AS DOUBLE))`).text).toBe('null')
    },
  )

  test('RANDOM is in [0, 1) and changes', () => {
    const values = Array.from({ length: 100 }, () => Number(sqlValue('RANDOM()').text))
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(new Set(values).size).toBe(100)
  })
})

describe('extremes and series', () => {
  sqlTable([
    ['GREATEST(1, 5, 3)', '5', 'INTEGER'],
    ['GREATEST(1, CAST(NULL AS INT), 3)', '3'],
    ['GREATEST(CAST(NULL AS INT), CAST(NULL AS INT))', 'null'],
    ["GREATEST('a', 'B', 'b')", 'b'],
    ['GREATEST(1.5, 22.25)', '22.25', 'DECIMAL(4, 2)'],
    ['LEAST(1.50, 1.25, 22.5)', '1.25', 'DECIMAL(4, 2)'],
    ["LEAST(TO_BYTES('7f', 'hex'), TO_BYTES('80', 'hex'))", 'fw=='],
    ['GREATEST(FROM_DAYS(1), FROM_DAYS(2))', '1970-01-03', 'DATE'],
    ['GENERATE_SERIES(1, 4)', '[1, 2, 3, 4]', 'ARRAY<INTEGER>'],
    ['GENERATE_SERIES(3, 1)', '[3, 2, 1]'],
    ['GENERATE_SERIES(2, 2)', '[2]'],
    ['GENERATE_SERIES(1, 10, 4)', '[1, 5, 9]'],
    ['GENERATE_SERIES(10, 1, -4)', '[10, 6, 2]'],
    ['GENERATE_SERIES(CAST(1 AS BIGINT), CAST(2 AS BIGINT))', '[1, 2]', 'ARRAY<BIGINT>'],
    ['GENERATE_SERIES(1, 5, 0)', 'null'],
    ['GENERATE_SERIES(1, 5, -1)', 'null'],
  ])
})

describe('GEO_DISTANCE', () => {
  test('is the great circle in kilometres, or miles', () => {
    // A quarter of the way around, from the mean radius.
    const km = Number(sqlValue('GEO_DISTANCE(0E0, 0E0, 0E0, 90E0)').text)
    expect(km).toBeCloseTo((6371 * Math.PI) / 2, 6)
    const miles = sqlValue("GEO_DISTANCE(0E0, 0E0, 0E0, 90E0, 'MI')")
    expect(Number(miles.text)).toBeCloseTo((km * 3959) / 6371, 6)
  })

  sqlTable([
    ['GEO_DISTANCE(0E0, 0E0, 0E0, 0E0)', '0.0'],
    ['GEO_DISTANCE(91E0, 0E0, 0E0, 0E0)', 'null'],
    ['GEO_DISTANCE(0E0, 181E0, 0E0, 0E0)', 'null'],
    ["GEO_DISTANCE(0E0, 0E0, 0E0, 0E0, 'leagues')", 'null'],
  ])
})

describe('the natural logarithm', () => {
  test.each([
    [3, 1.0986122886681098],
    [13, 2.5649493574615367],
    [0.2, -1.6094379124341003],
    [1 + Number.EPSILON, 2.2204460492503128e-16],
    [Number.MIN_VALUE, -744.4400719213812],
    [Number.MAX_VALUE, 709.782712893384],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('of %d has every digit right', (value, logarithm) => {
    expect(naturalLogarithm(value)).toBe(logarithm)
  })
})
