import { describe, expect, test } from 'vitest'
import { ManualClock, seededRandom } from '../../../src/common/index.js'
import { typeExpression } from '../../../src/sql/expression/expression-typer.js'
import { evaluateConstant } from '../../../src/sql/expression/interpreter.js'
import { constantScope } from '../../../src/sql/expression/scope.js'
import { createFunctionRegistry } from '../../../src/sql/functions/built-in.js'
import type { FunctionRegistry } from '../../../src/sql/functions/registry.js'
import { parseExpression } from '../../../src/sql/parse.js'
import { formatType, SqlTypes } from '../../../src/sql/types.js'

function registry(): FunctionRegistry {
  return createFunctionRegistry({ clock: new ManualClock(), random: seededRandom(1) })
}

function value(functions: FunctionRegistry, sql: string): unknown {
  return evaluateConstant(parseExpression(sql), constantScope(functions))
}

function which(...parameters: string[]): FunctionRegistry {
  const variants = parameters.map((text) => ({
    parameters: text,
    returns: 'STRING',
    nulls: 'handled' as const,
    fn: () => text,
  }))
  return registry().scalar({ name: 'which', variants })
}

describe('overloads', () => {
  test('an exact match comes before implicit casts', () => {
    const functions = which('INT a', 'BIGINT a', 'DOUBLE a')
    expect(value(functions, 'WHICH(1)')).toBe('INT a')
    expect(value(functions, 'WHICH(3000000000)')).toBe('BIGINT a')
    expect(value(functions, 'WHICH(1E0)')).toBe('DOUBLE a')
  })

  test('numbers widen', () => {
    expect(value(which('BIGINT a'), 'WHICH(1)')).toBe('BIGINT a')
    expect(value(which('DECIMAL a'), 'WHICH(1)')).toBe('DECIMAL a')
    expect(value(which('DOUBLE a'), 'WHICH(1.5)')).toBe('DOUBLE a')
    expect(() => value(which('INT a'), 'WHICH(3000000000)')).toThrow('does not accept parameters (BIGINT)')
  })

  test('text widens to dates and bytes, not to numbers', () => {
    expect(value(which('DATE a'), "WHICH('2020-01-01')")).toBe('DATE a')
    expect(() => value(which('DOUBLE a'), "WHICH('1')")).toThrow('does not accept parameters (STRING)')
  })

  test('fixed parameters come before variadic ones, which take none, one or many', () => {
    const functions = which('STRING a, INT b', 'STRING a, INT... b')
    expect(value(functions, "WHICH('x')")).toBe('STRING a, INT... b')
    expect(value(functions, "WHICH('x', 1)")).toBe('STRING a, INT b')
    expect(value(functions, "WHICH('x', 1, 2)")).toBe('STRING a, INT... b')
  })

  test('a variadic parameter may stand in the middle', () => {
    const functions = which('BIGINT a, STRING... b, INT c')
    expect(value(functions, "WHICH(1, 'x', 'y', 2)")).toBe('BIGINT a, STRING... b, INT c')
    expect(value(functions, 'WHICH(1, 2)')).toBe('BIGINT a, STRING... b, INT c')
    expect(() => value(functions, "WHICH(1, 'x')")).toThrow('(INTEGER, STRING)')
  })

  test('a letter stands for one type', () => {
    const functions = which('ARRAY<T> a, T b')
    expect(value(functions, 'WHICH(ARRAY[1], 2)')).toBe('ARRAY<T> a, T b')
    expect(() => value(functions, "WHICH(ARRAY[1], 'x')")).toThrow('(ARRAY<INTEGER>, STRING)')
  })

  test('a NULL literal fits everywhere', () => {
    expect(value(which('INT a, STRING b'), 'WHICH(NULL, NULL)')).toBe('INT a, STRING b')
  })

  test('a specific type comes before a letter', () => {
    expect(value(which('T a', 'STRING a'), "WHICH('x')")).toBe('STRING a')
    expect(value(which('T a', 'STRING a'), 'WHICH(1)')).toBe('T a')
  })

  test('equally good variants are refused', () => {
    expect(() => value(registry(), 'GREATEST(1, 3000000000)')).toThrow(
      "Function 'greatest' cannot be resolved due to ambiguous method parameters (INTEGER, BIGINT).",
    )
  })

  test('a struct must have the fields, in any order of naming', () => {
    const functions = which('STRUCT<A STRING> s')
    expect(value(functions, "WHICH(STRUCT(a := 'x'))")).toBe('STRUCT<A STRING> s')
    expect(() => value(functions, 'WHICH(STRUCT(a := 1))')).toThrow('(STRUCT<A INTEGER>)')
  })
})

describe('what is refused', () => {
  test('arguments nothing fits, with the alternatives', () => {
    expect(() => value(registry(), 'EXPLODE(1)')).toThrow('Table function EXPLODE cannot be used here.')
    const functions = registry()
    expect(() =>
      functions.resolveTable('EXPLODE', [
        { kind: 'type', type: SqlTypes.map(SqlTypes.STRING, SqlTypes.INTEGER) },
      ]),
    ).toThrow(
      "Function 'explode' does not accept parameters (MAP<STRING, INTEGER>).\n" +
        'Valid alternatives are:\nexplode(ARRAY<DECIMAL> input)\nexplode(ARRAY<T> list)\n' +
        'For detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;',
    )
  })

  test('unknown names, with the nearest one', () => {
    try {
      value(registry(), "SUBSTRNG('a', 1)")
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({
        message: "Can't find any functions with the name 'SUBSTRNG'",
        suggestion: 'Did you mean SUBSTRING?',
        location: { line: 1, column: 1 },
      })
    }
  })

  test('two variants with the same parameters, and one name for two kinds', () => {
    expect(() => which('INT a', 'INT b')).toThrow('already exists')
    expect(() => registry().scalar({ name: 'sum', variants: [] })).toThrow('already registered as AGGREGATE')
  })

  test('a star where it means nothing', () => {
    expect(() => value(registry(), 'GREATEST(*)')).toThrow(
      "Function 'greatest' does not accept parameters ().",
    )
  })
})

describe('user functions', () => {
  test('get their own instance at each place of use', () => {
    const functions = registry().scalar({
      name: 'NTH_CALL',
      deterministic: false,
      variants: [
        {
          parameters: 'INT x',
          returns: 'INTEGER',
          create: () => {
            let calls = 0
            return () => ++calls
          },
        },
      ],
    })
    expect(value(functions, 'TRANSFORM(ARRAY[0, 0, 0], x => NTH_CALL(x))')).toEqual([1, 2, 3])
    expect(value(functions, 'ARRAY[NTH_CALL(1), NTH_CALL(1)]')).toEqual([1, 1])
  })

  test('aggregates may take columns and constants, with any of them variadic', () => {
    const site: unknown[] = []
    const functions = registry().aggregate({
      name: 'MULTI',
      variants: [
        {
          parameters: 'BIGINT a, STRING b, INT c, STRING... d',
          constants: 2,
          create: ({ argumentTypes, constants }) => {
            site.push(
              argumentTypes.map((t) => t?.kind),
              constants,
            )
            return {
              aggregateType: SqlTypes.BIGINT,
              returnType: SqlTypes.BIGINT,
              initialize: () => 0,
              aggregate: (state) => state,
              merge: (state) => state,
              map: (state) => state,
            }
          },
        },
      ],
    })
    const type = (kind: 'BIGINT' | 'STRING' | 'INTEGER') => ({ kind: 'type' as const, type: SqlTypes[kind] })
    const args = [type('BIGINT'), type('STRING'), type('INTEGER'), type('STRING'), type('STRING')]
    const resolved = functions.resolveAggregate('multi', args)
    expect(resolved.columnCount).toBe(2)
    resolved.instantiate([5, 'x', 'y'], functions.environment)
    expect(site).toEqual([
      ['BIGINT', 'STRING'],
      [5, 'x', 'y'],
    ])
    expect(() => functions.resolveAggregate('MULTI', args.slice(0, 2))).toThrow(
      "Function 'MULTI' does not accept parameters (BIGINT, STRING).",
    )
  })

  test('result types follow the generics', () => {
    const typed = typeExpression(
      parseExpression("TRANSFORM(MAP('a' := 1.5), (k, v) => LEN(k), (k, v) => ARRAY[v])"),
      constantScope(registry()),
    )
    expect(formatType(typed.type!)).toBe('MAP<INTEGER, ARRAY<DECIMAL(2, 1)>>')
  })
})

describe('the catalogue', () => {
  const scalar =
    'ABS CEIL FLOOR ROUND TRUNC SIGN SQRT CBRT EXP LN LOG POWER PI RANDOM SIN COS TAN ASIN ACOS ATAN SINH COSH TANH ' +
    'COT ATAN2 DEGREES RADIANS GREATEST LEAST GENERATE_SERIES GEO_DISTANCE CHR CONCAT CONCAT_WS ELT FIELD ENCODE ' +
    'TO_BYTES FROM_BYTES INT_FROM_BYTES BIGINT_FROM_BYTES DOUBLE_FROM_BYTES INITCAP INSTR LCASE UCASE TRIM LEN LPAD ' +
    'RPAD MASK MASK_LEFT MASK_RIGHT MASK_KEEP_LEFT MASK_KEEP_RIGHT MD5 REPLACE REGEXP_EXTRACT REGEXP_EXTRACT_ALL ' +
    'REGEXP_REPLACE REGEXP_SPLIT_TO_ARRAY SPLIT SPLIT_TO_MAP SUBSTRING UUID EXTRACTJSONFIELD IS_JSON_STRING ' +
    'JSON_ARRAY_CONTAINS JSON_ARRAY_LENGTH JSON_CONCAT JSON_ITEMS JSON_KEYS JSON_RECORDS TO_JSON_STRING ' +
    'ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_UNION ARRAY_INTERSECT ARRAY_EXCEPT ARRAY_JOIN ARRAY_LENGTH ' +
    'ARRAY_MAX ARRAY_MIN ARRAY_REMOVE ARRAY_SORT SLICE ENTRIES AS_MAP MAP_KEYS MAP_VALUES MAP_UNION FILTER ' +
    'TRANSFORM REDUCE COALESCE IFNULL NULLIF AS_VALUE UNIX_DATE UNIX_TIMESTAMP FROM_DAYS FROM_UNIXTIME PARSE_DATE ' +
    'PARSE_TIME PARSE_TIMESTAMP FORMAT_DATE FORMAT_TIME FORMAT_TIMESTAMP CONVERT_TZ DATEADD DATESUB TIMEADD TIMESUB ' +
    'TIMESTAMPADD TIMESTAMPSUB DATETOSTRING STRINGTODATE TIMESTAMPTOSTRING STRINGTOTIMESTAMP URL_ENCODE_PARAM ' +
    'URL_DECODE_PARAM URL_EXTRACT_FRAGMENT URL_EXTRACT_HOST URL_EXTRACT_PATH URL_EXTRACT_PROTOCOL ' +
    'URL_EXTRACT_QUERY URL_EXTRACT_PORT URL_EXTRACT_PARAMETER'
  const aggregate =
    'COUNT COUNT_DISTINCT SUM SUM_LIST AVG MIN MAX STDDEV_SAMP STDDEV_SAMPLE CORRELATION COLLECT_LIST COLLECT_SET ' +
    'HISTOGRAM TOPK TOPKDISTINCT EARLIEST_BY_OFFSET LATEST_BY_OFFSET ATTR'

  test('has every function of the language, and no others', () => {
    const names = (kind: string): string[] =>
      registry()
        .list()
        .filter((f) => f.kind === kind)
        .map((f) => f.name)
    expect(names('SCALAR')).toEqual(scalar.split(' ').sort())
    expect(names('AGGREGATE')).toEqual(aggregate.split(' ').sort())
    expect(names('TABLE')).toEqual(['CUBE_EXPLODE', 'EXPLODE'])
  })

  test('describes signatures', () => {
    expect(registry().describe('topk')).toMatchObject({
      name: 'TOPK',
      kind: 'AGGREGATE',
      signatures: expect.arrayContaining(['TOPK(INT sortColumn, ANY... otherColumns, INT k)']),
    })
    expect(registry().describe('NOPE')).toBeUndefined()
  })
})

describe('table functions', () => {
  const rows = (name: string, list: unknown[] | null): readonly unknown[] | null => {
    const functions = registry()
    const type = SqlTypes.array(SqlTypes.INTEGER)
    return functions.resolveTable(name, [{ kind: 'type', type }]).instantiate(functions.environment)(list)
  }

  test('EXPLODE gives a row for each element', () => {
    expect(rows('EXPLODE', [1, null, 2])).toEqual([1, null, 2])
    expect(rows('EXPLODE', null) ?? []).toEqual([])
  })

  test('CUBE_EXPLODE counts in binary, nulls first', () => {
    expect(rows('CUBE_EXPLODE', [1, 2])).toEqual([
      [null, null],
      [null, 2],
      [1, null],
      [1, 2],
    ])
    expect(rows('CUBE_EXPLODE', [1, null])).toEqual([
      [null, null],
      [1, null],
    ])
  })
})

test('every function says what it gives', () => {
  const silent = createFunctionRegistry()
    .list()
    .filter((f) => !/^[A-Z\d-].+\.$/.test(f.description))
  expect(silent.map((f) => f.name)).toEqual([])
})
