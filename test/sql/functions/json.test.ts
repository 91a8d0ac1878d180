import { describe } from 'vitest'
import { sqlTable } from './sql-value.js'

describe('EXTRACTJSONFIELD', () => {
  const json = `'{"a": {"b": [10, {"c": "x"}], "d.e": 1e3, "f": null}, "n": 12345678901234567890.10}'`
  sqlTable([
    [`EXTRACTJSONFIELD(${json}, '$.a.b[0]')`, '10'],
    [`EXTRACTJSONFIELD(${json}, '$.a.b[1].c')`, 'x'],
    [`EXTRACTJSONFIELD(${json}, '$.a.b[1]')`, '{"c":"x"}'],
    [`EXTRACTJSONFIELD(${json}, '$.a["d.e"]')`, '1000'],
    [`EXTRACTJSONFIELD(${json}, '$.a.f')`, 'null'],
    [`EXTRACTJSONFIELD(${json}, '$.n')`, '12345678901234567890.10'],
    [`EXTRACTJSONFIELD(${json}, '$.x.y')`, 'null'],
    [`EXTRACTJSONFIELD('{', '$.x')`, 'null'],
    [`EXTRACTJSONFIELD('[1, 2]', '$[1]')`, '2'],
  ])
})

describe('other JSON functions', () => {
  sqlTable([
    ["IS_JSON_STRING('[1, 2]')", 'true'],
    ["IS_JSON_STRING('{')", 'false'],
    ["IS_JSON_STRING('')", 'false'],
    ['IS_JSON_STRING(CAST(NULL AS STRING))', 'false'],
    ["JSON_ARRAY_CONTAINS('[1, 2, 3]', 3)", 'true'],
    ["JSON_ARRAY_CONTAINS('[1, 2, 3]', '3')", 'false'],
    ["JSON_ARRAY_CONTAINS('[1.0, 2]', 1.0E0)", 'true'],
    ["JSON_ARRAY_CONTAINS('[true]', true)", 'true'],
    ["JSON_ARRAY_CONTAINS('{}', 1)", 'false'],
    ["JSON_ARRAY_LENGTH('[1, [2, 3]]')", '2', 'INTEGER'],
    ["JSON_ARRAY_LENGTH('{}')", 'null'],
    [`JSON_CONCAT('{"a": 1}', '{"a": 2, "b": 3}')`, '{"a":2,"b":3}'],
    ["JSON_CONCAT('[1]', '2', '[3]')", '[1,2,3]'],
    [`JSON_CONCAT('{"a": 1}', '[2]')`, '[{"a":1},2]'],
    ["JSON_CONCAT('[1]', CAST(NULL AS STRING))", 'null'],
    ["JSON_CONCAT('[1]', '[')", 'null'],
    [`JSON_ITEMS('[{"a": 1}, "x", 2.50]')`, '[{"a":1}, "x", 2.50]', 'ARRAY<STRING>'],
    [`JSON_KEYS('{"b": 1, "a": 2}')`, '[b, a]'],
    ["JSON_KEYS('[1]')", 'null'],
    [`JSON_RECORDS('{"a": "x", "b": [1, 2]}')`, '{a=x, b=[1,2]}', 'MAP<STRING, STRING>'],
  ])
})

describe('TO_JSON_STRING', () => {
  sqlTable([
    ["TO_JSON_STRING(STRUCT(b := 1, `a` := 'x'))", '{"B":1,"a":"x"}'],
    ["TO_JSON_STRING(MAP('z' := 1, 'a' := 2))", '{"a":2,"z":1}'],
    ['TO_JSON_STRING(ARRAY[1.50, NULL])', '[1.50,null]'],
    ['TO_JSON_STRING(1E0)', '1.0'],
    ["TO_JSON_STRING(TO_BYTES('61', 'hex'))", '"YQ=="'],
    ['TO_JSON_STRING(FROM_DAYS(1))', '"1970-01-02"'],
    ['TO_JSON_STRING(FROM_UNIXTIME(1))', '"1970-01-01T00:00:00.001"'],
    ['TO_JSON_STRING(CAST(NULL AS INT))', 'null'],
    [`TO_JSON_STRING('say "hi"')`, '"say \\"hi\\""'],
  ])
})
