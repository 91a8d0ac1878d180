import { describe } from 'vitest'
import { sqlTable } from './sql-value.js'

describe('arrays', () => {
  sqlTable([
    ['ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2])', '[1, 2, 2]', 'ARRAY<INTEGER>'],
    ['ARRAY_CONCAT(ARRAY[1], CAST(NULL AS ARRAY<INT>))', '[1]'],
    ['ARRAY_CONTAINS(ARRAY[1, NULL], 1)', 'true'],
    ['ARRAY_CONTAINS(ARRAY[ARRAY[1]], ARRAY[1])', 'true'],
    ['ARRAY_CONTAINS(CAST(NULL AS ARRAY<INT>), 1)', 'false'],
    ['ARRAY_CONTAINS(ARRAY[1, NULL], CAST(NULL AS INT))', 'true'],
    ['ARRAY_DISTINCT(ARRAY[2, 1, NULL, 2, NULL])', '[2, 1, null]'],
    ['ARRAY_DISTINCT(ARRAY[MAP(1 := 2), MAP(1 := 2)])', '[{1=2}]'],
    ["ARRAY_UNION(ARRAY['a', 'b'], ARRAY['b', 'c'])", '[a, b, c]'],
    ['ARRAY_INTERSECT(ARRAY[1, 2, 2, 3], ARRAY[3, 2])', '[2, 3]'],
    ['ARRAY_EXCEPT(ARRAY[1, 2, 2, 3, 1], ARRAY[2])', '[1, 3]'],
    ['ARRAY_UNION(ARRAY[1], CAST(NULL AS ARRAY<INT>))', 'null'],
    ["ARRAY_JOIN(ARRAY[1, NULL, 2], '; ')", '1; null; 2'],
    ['ARRAY_JOIN(ARRAY[1.50, 2])', '1.50,2.00'],
    ['ARRAY_JOIN(ARRAY[ARRAY[1]])', 'null'],
    ['ARRAY_LENGTH(ARRAY[1, 2])', '2'],
    ['ARRAY_MAX(ARRAY[1, NULL, 3])', '3', 'INTEGER'],
    ["ARRAY_MIN(ARRAY['b', 'a'])", 'a'],
    ['ARRAY_MIN(ARRAY[CAST(NULL AS INT)])', 'null'],
    ['ARRAY_MAX(ARRAY[ARRAY[1], ARRAY[2]])', 'null'],
    ['ARRAY_REMOVE(ARRAY[1, 2, 1], 1)', '[2]'],
    ['ARRAY_SORT(ARRAY[3, NULL, 1])', '[1, 3, null]'],
    ["ARRAY_SORT(ARRAY[3, NULL, 1], 'desc')", '[3, 1, null]'],
    ["ARRAY_SORT(ARRAY[1], 'up')", 'null'],
    ['SLICE(ARRAY[1, 2, 3, 4], 2, 3)', '[2, 3]'],
    ['SLICE(ARRAY[1, 2, 3], CAST(NULL AS INT), 2)', '[1, 2]'],
    ['SLICE(ARRAY[1, 2, 3], 2, 4)', 'null'],
    ['SLICE(ARRAY[1, 2, 3], 0, 2)', 'null'],
  ])
})

describe('maps', () => {
  const map = "MAP('b' := 1, 'a' := 2)"
  sqlTable([
    [`ENTRIES(${map}, true)`, '[Struct{K=a,V=2}, Struct{K=b,V=1}]', 'ARRAY<STRUCT<`K` STRING, `V` INTEGER>>'],
    [`ENTRIES(${map}, false)`, '[Struct{K=b,V=1}, Struct{K=a,V=2}]'],
    ["AS_MAP(ARRAY['a', 'b'], ARRAY[1])", '{a=1, b=null}', 'MAP<STRING, INTEGER>'],
    [`MAP_KEYS(${map})`, '[b, a]'],
    [`MAP_VALUES(${map})`, '[1, 2]'],
    [`MAP_UNION(${map}, MAP('a' := 3))`, '{b=1, a=3}'],
    [`MAP_UNION(${map}, CAST(NULL AS MAP<STRING, INT>))`, '{b=1, a=2}'],
    ['MAP_UNION(CAST(NULL AS MAP<STRING, INT>), CAST(NULL AS MAP<STRING, INT>))', 'null'],
  ])
})

describe('lambdas', () => {
  sqlTable([
    ['FILTER(ARRAY[1, 2, 3, 4], x => x % 2 = 0)', '[2, 4]', 'ARRAY<INTEGER>'],
    ["FILTER(MAP('a' := 1, 'b' := 2), (k, v) => k = 'a' OR v > 5)", '{a=1}'],
    ['TRANSFORM(ARRAY[1, 2], x => CAST(x AS STRING))', '[1, 2]', 'ARRAY<STRING>'],
    ["TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => v + 1)", '{A=2}', 'MAP<STRING, INTEGER>'],
    ["TRANSFORM(MAP('a' := 1, 'b' := 1), (k, v) => v, (k, v) => k)", 'null'],
    ['REDUCE(ARRAY[1, 2, 3], 10, (s, x) => s + x)', '16'],
    ["REDUCE(MAP('a' := 1, 'b' := 2), 0, (s, k, v) => s + v)", '3'],
    ['REDUCE(CAST(NULL AS ARRAY<INT>), 10, (s, x) => s + x)', '10'],
    ['REDUCE(ARRAY[1], CAST(NULL AS INT), (s, x) => s + x)', 'null'],
    ['TRANSFORM(ARRAY[ARRAY[1, 2], ARRAY[3]], x => REDUCE(x, 0, (s, y) => s + y))', '[3, 3]'],
    ['TRANSFORM(ARRAY[1, 0], x => 10 / x)', 'null'],
    ['TRANSFORM(ARRAY[1, NULL], x => x + 1)', 'null'],
    ['TRANSFORM(ARRAY[1, NULL], x => x IS NULL)', '[false, true]'],
  ])
})

describe('nulls', () => {
  sqlTable([
    ["COALESCE(CAST(NULL AS STRING), 'a', 'b')", 'a'],
    ["IFNULL(CAST(NULL AS STRING), 'a')", 'a'],
    ["IFNULL(CAST('x' AS INT), 7)", '7'],
    ['NULLIF(1, 1)', 'null'],
    ['NULLIF(1, 2)', '1'],
    ['NULLIF(ARRAY[1], ARRAY[1])', 'null'],
    ["AS_VALUE('k')", 'k'],
  ])
})
