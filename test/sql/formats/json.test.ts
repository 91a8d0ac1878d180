// biome-ignore-all lint/suspicious/noTemplateCurlyInString: hostile names look like templates
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deserialize, SerializationError, serialize } from '../../../src/serde/index.js'
import {
  createKeySerde,
  createValueSerde,
  type FormatColumn,
  type Row,
  rowClass,
  type SqlValue,
} from '../../../src/sql/formats/index.js'
import {
  bareDecoder,
  exactBareDecoder,
  exactObjectDecoder,
  objectDecoder,
} from '../../../src/sql/formats/json-decoder.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'
import { anyType, anyValueOf, columnsOf, plain, presentValueOf, valuesOf } from './sql-values.js'

const column = (name: string, type: SqlType): FormatColumn => ({ name, type })

/** What a decoder makes of a text: the values, or 'refused'. */
function outcome(decode: (buffer: Buffer, start: number, end: number) => unknown, bytes: Buffer): unknown {
  // Other bytes around the document: a decoder must not look beyond its end.
  const buffer = Buffer.concat([Buffer.from('12{'), bytes, Buffer.from('34"}')])
  try {
    return decode(buffer, 3, 3 + bytes.length)
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error
    return 'refused'
  }
}

function decodeOne(type: SqlType, json: string): unknown {
  const result = outcome(bareDecoder(type), Buffer.from(json))
  return result === 'refused' ? result : plain(result as SqlValue)
}

describe('coercion', () => {
  const decimal = (text: string): unknown => ({ decimal: text })
  const struct = SqlTypes.struct([column('A', SqlTypes.INTEGER), column('b', SqlTypes.STRING)])

  test.each<[string, SqlType, string, unknown]>([
    ['an integer', SqlTypes.INTEGER, '42', 42],
    ['a fraction is cut', SqlTypes.INTEGER, '-1.9', -1],
    ['an exponent', SqlTypes.INTEGER, '1.5e2', 150],
    ['low 32 bits', SqlTypes.INTEGER, '4294967297', 1],
    ['numeric text', SqlTypes.INTEGER, '"42"', 42],
    ['text that is no integer', SqlTypes.INTEGER, '"4.2"', 'refused'],
    ['text beyond 32 bits', SqlTypes.INTEGER, '"2147483648"', 'refused'],
    ['a boolean as integer', SqlTypes.INTEGER, 'true', 'refused'],
    ['a leading zero', SqlTypes.INTEGER, '012', 'refused'],
    ['a safe bigint', SqlTypes.BIGINT, '9007199254740991', 9007199254740991],
    ['a big bigint keeps every digit', SqlTypes.BIGINT, '9007199254740993', 9007199254740993n],
    ['the largest bigint', SqlTypes.BIGINT, '9223372036854775807', 9223372036854775807n],
    ['low 64 bits', SqlTypes.BIGINT, '18446744073709551617', 1],
    ['a fraction of a big number', SqlTypes.BIGINT, '9007199254740993.9', 9007199254740993n],
    ['a huge exponent', SqlTypes.BIGINT, '1e400', 0],
    ['a tiny exponent', SqlTypes.BIGINT, '1e-400', 0],
    ['bigint text', SqlTypes.BIGINT, '"-9223372036854775808"', -(2n ** 63n)],
    ['bigint text beyond', SqlTypes.BIGINT, '"9223372036854775808"', 'refused'],
    ['a double', SqlTypes.DOUBLE, '0.1', 0.1],
    ['a double with many digits', SqlTypes.DOUBLE, '0.30000000000000004', 0.30000000000000004],
    ['a double with exponent', SqlTypes.DOUBLE, '-1.5E-7', -1.5e-7],
    ['a whole double', SqlTypes.DOUBLE, '2', 2],
    ['no negative zero', SqlTypes.DOUBLE, '-0.0', 0],
    ['double text', SqlTypes.DOUBLE, '" 1.5 "', 1.5],
    ['NaN as text', SqlTypes.DOUBLE, '"NaN"', Number.NaN],
    ['a point without digits', SqlTypes.DOUBLE, '1.', 'refused'],
    ['a boolean', SqlTypes.BOOLEAN, 'false', false],
    ['boolean text', SqlTypes.BOOLEAN, '"true"', 'refused'],
    ['a decimal', SqlTypes.decimal(4, 2), '12.30', decimal('12.3')],
    ['decimal text', SqlTypes.decimal(4, 2), '"12.3"', decimal('12.3')],
    ['too many whole digits', SqlTypes.decimal(4, 2), '123', 'refused'],
    ['too many decimals', SqlTypes.decimal(4, 2), '1.234', 'refused'],
    ['text', SqlTypes.STRING, '"a\\u00e9\\n\\ud83d\\ude00"', 'aé\n😀'],
    ['a number as text', SqlTypes.STRING, '1.50', '1.50'],
    ['a number with exponent as text', SqlTypes.STRING, '1.0E7', '1.0E+7'],
    ['a small number as text', SqlTypes.STRING, '1e-10', '1E-10'],
    ['a boolean as text', SqlTypes.STRING, 'true', 'true'],
    ['an object as text', SqlTypes.STRING, '{"a": [1, "x"], "b": null}', '{"a":[1,"x"],"b":null}'],
    ['an array as text', SqlTypes.STRING, '[1, "x", null, {"a":1}]', '[1, x, null, {"a":1}]'],
    ['a bad escape', SqlTypes.STRING, '"\\x"', 'refused'],
    ['a control character', SqlTypes.STRING, '"a\nb"', 'refused'],
    ['bytes', SqlTypes.BYTES, '"AQID"', { bytes: [1, 2, 3] }],
    ['no base64', SqlTypes.BYTES, '"?"', 'refused'],
    ['a date', SqlTypes.DATE, '18000', 18000],
    ['a timestamp as text', SqlTypes.TIMESTAMP, '"1600000000000"', 1600000000000],
    ['an array', SqlTypes.array(SqlTypes.INTEGER), '[1, null, "3"]', [1, null, 3]],
    ['no array', SqlTypes.array(SqlTypes.INTEGER), '{"a":1}', 'refused'],
    [
      'a map',
      SqlTypes.map(SqlTypes.STRING, SqlTypes.INTEGER),
      '{"a":1,"b":null,"a":2}',
      {
        map: [
          ['a', 2],
          ['b', null],
        ],
      },
    ],
    ['a struct', struct, '{"a":1,"b":"x","c":3}', [1, 'x']],
    ['exact name before other case', struct, '{"A":1,"a":2}', [1, null]],
    ['the last of other cases', SqlTypes.struct([column('AB', SqlTypes.INTEGER)]), '{"ab":1,"Ab":2}', [2]],
    ['an overruled bad value', SqlTypes.struct([column('AB', SqlTypes.INTEGER)]), '{"ab":"x","Ab":2}', [2]],
    ['null', struct, 'null', null],
    ['text behind', SqlTypes.INTEGER, '1 2', 'refused'],
    ['nothing', SqlTypes.INTEGER, '', 'refused'],
  ])('%s', (_, type, json, expected) => {
    expect(decodeOne(type, json)).toEqual(expected)
  })
})

describe('rows', () => {
  const columns = [
    column('ID', SqlTypes.BIGINT),
    column('NAME', SqlTypes.STRING),
    column('price', SqlTypes.DOUBLE),
  ]
  const serde = createValueSerde({ format: 'JSON', columns })
  const read = (json: string): SqlValue[] | undefined =>
    (deserialize(serde, Buffer.from(json)) as Row | null)?.toArray()

  test('columns are found by exact or upper-case name, others are null', () => {
    expect(read('{"id": 1, "Name": "x", "price": 2.5, "more": [1, {"a": "}"}]}')).toEqual([1, 'x', 2.5])
    expect(read(' { "PRICE" : 2.5 , "NAME" : null } ')).toEqual([null, null, null])
    expect(read('{}')).toEqual([null, null, null])
  })

  test('the text null is a null row', () => {
    expect(deserialize(serde, Buffer.from('null'))).toBeNull()
  })

  test.each([
    '[1]',
    '1',
    '',
    '{',
    '{"id":1',
    '{"id":1}}',
    '{"id":1,}',
    '{id:1}',
    '{"id" 1}',
    '{"id":1 "name":2}',
  ])('refuses %j', (json) => {
    expect(() => read(json)).toThrow(SerializationError)
  })

  test('an error names its column', () => {
    expect(() => read('{"id":true}')).toThrow('column ID: a BIGINT cannot be made of true')
  })

  test('all columns are written, null ones too', () => {
    const Row = rowClass(columns)
    expect(serialize(serde, new Row(1, null, 2))?.toString()).toBe('{"ID":1,"NAME":null,"price":2.0}')
  })

  test('columns that are not used stay null, but are still checked', () => {
    const some = createValueSerde({ format: 'JSON', columns, usedColumns: new Set([1]) })
    const readSome = (json: string): SqlValue[] => deserialize(some, Buffer.from(json))!.toArray()
    expect(readSome('{"id":1,"name":"x","price":2}')).toEqual([null, 'x', null])
    expect(() => readSome('{"id":true,"name":"x"}')).toThrow('column ID')
  })

  test('a single column stands bare when it is not wrapped', () => {
    const bare = createValueSerde({
      format: 'JSON',
      columns: [column('A', SqlTypes.STRING)],
      wrapSingle: false,
    })
    const Row = rowClass([column('A', SqlTypes.STRING)])
    expect(serialize(bare, new Row('x'))?.toString()).toBe('"x"')
    expect(deserialize(bare, Buffer.from('"y"'))?.c0).toBe('y')
    expect(bare.isAbsent?.(new Row(null))).toBe(true)
  })
})

describe('keys', () => {
  test('one column is bare', () => {
    const serde = createKeySerde({ format: 'json', columns: [column('K', SqlTypes.BIGINT)] })
    expect(serialize(serde, 5)?.toString()).toBe('5')
    expect(deserialize(serde, Buffer.from('"7"'))).toBe(7)
    expect(serde.isAbsent?.(null)).toBe(true)
  })

  test('several columns are an object, and a frozen array in memory', () => {
    const columns = [column('A', SqlTypes.INTEGER), column('B', SqlTypes.STRING)]
    const serde = createKeySerde({ format: 'JSON', columns })
    expect(serialize(serde, [1, null])?.toString()).toBe('{"A":1,"B":null}')
    const key = deserialize(serde, Buffer.from('{"b":"x","a":2}'))
    expect(key).toEqual([2, 'x'])
    expect(Object.isFrozen(key)).toBe(true)
  })
})

describe('written values', () => {
  const written = (type: SqlType, value: SqlValue): string | undefined =>
    serialize(createKeySerde({ format: 'JSON', columns: [column('K', type)] }), value)?.toString()

  test.each<[number, string]>([
    [0, '0.0'],
    [2, '2.0'],
    [-2.5, '-2.5'],
    [0.001, '0.001'],
    [0.0001, '1.0E-4'],
    [9999999, '9999999.0'],
    [1e7, '1.0E7'],
    [1.5e300, '1.5E300'],
    [5e-324, '4.9E-324'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1234567.1234, '1234567.1234'],
    [100.05, '100.05'],
    [Number.NaN, '"NaN"'],
    [-Infinity, '"-Infinity"'],
  ])('the double %d is %s', (value, text) => {
    expect(written(SqlTypes.DOUBLE, value)).toBe(text)
  })

  test.each<[SqlValue, string]>([
    [0, '0'],
    [-1, '-1'],
    [1497014222380, '1497014222380'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [Number.MIN_SAFE_INTEGER, '-9007199254740991'],
    [1_000_000_000, '1000000000'],
    [-(2n ** 63n), '-9223372036854775808'],
  ])('the bigint %s', (value, text) => {
    expect(written(SqlTypes.BIGINT, value)).toBe(text)
  })

  test('any double is written as text that reads back as the same double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = written(SqlTypes.DOUBLE, value)!
        expect(Number(text)).toBe(value)
        expect(text).toMatch(/\.\d/)
      }),
    )
  })
})

describe('round trips', () => {
  test('what is written reads back, whatever the columns', () => {
    const cases = columnsOf(anyType).chain((columns) =>
      fc.tuple(fc.constant(columns), fc.array(valuesOf(columns), { maxLength: 4 })),
    )
    fc.assert(
      fc.property(cases, ([columns, rows]) => {
        const serde = createValueSerde({ format: 'JSON', columns })
        const Row = rowClass(columns)
        for (const values of rows) {
          const bytes = serialize(serde, Row.from(values))!
          expect(() => JSON.parse(bytes.toString())).not.toThrow()
          expect(deserialize(serde, bytes)!.toArray().map(plain)).toEqual(values.map(plain))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('the fast decoder equals the exact one', () => {
  const columns = [
    column('ID', SqlTypes.BIGINT),
    column('NAME', SqlTypes.STRING),
    column('N', SqlTypes.INTEGER),
    column('PRICE', SqlTypes.DOUBLE),
    column('OK', SqlTypes.BOOLEAN),
    column('AMOUNT', SqlTypes.decimal(6, 2)),
    column(
      'S',
      SqlTypes.struct([column('A', SqlTypes.INTEGER), column('B', SqlTypes.array(SqlTypes.STRING))]),
    ),
    column('M', SqlTypes.map(SqlTypes.STRING, SqlTypes.DOUBLE)),
  ]
  const result = `[${columns.map((_, i) => `c${i}`).join(', ')}]`

  const name = fc.constantFrom(
    'id',
    'ID',
    'Id',
    'name',
    'n',
    'price',
    'PRICE',
    'ok',
    'amount',
    's',
    'm',
    'other',
    'é',
    'i\\u0064',
    '',
  )
  const scalar = fc.oneof(
    fc.constantFrom(
      '1',
      '-5',
      '0',
      '-0',
      '1.5',
      '1e3',
      '1E400',
      '12345678901234567890',
      '1234567890123456',
      '999999999999999999',
      '0.1',
      '00',
      '1.',
      '.5',
      '-',
      '1.25',
      '123456.789',
    ),
    fc.constantFrom('"x"', '""', '"12"', '"1.5"', '"\\u0041\\""', '"é😀"', '"\\q"', '"open', '"a\tb"'),
    fc.constantFrom('true', 'false', 'null', 'nul', 'tru', 'NaN', ''),
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.string({ maxLength: 6 }).map((s) => JSON.stringify(s)),
  )
  const space = fc.constantFrom('', '', '', ' ', '\n\t', '\u00a0')
  const value = fc.letrec<{ v: string }>((tie) => ({
    v: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 6, arbitrary: scalar },
      { weight: 1, arbitrary: fc.array(tie('v'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`) },
      {
        weight: 1,
        arbitrary: fc
          .array(fc.tuple(fc.constantFrom('a', 'A', 'b', 'B', 'c'), tie('v')), { maxLength: 3 })
          .map((fields) => `{${fields.map(([k, v]) => `"${k}":${v}`).join(',')}}`),
      },
    ),
  })).v
  const document = fc
    .tuple(
      fc.array(fc.tuple(name, space, value, space), { maxLength: 8 }),
      space,
      fc.constantFrom('', '', '', '}', 'x', ','),
    )
    .map(
      ([fields, before, after]) =>
        `${before}{${fields.map(([k, a, v, b]) => `"${k}"${a}:${b}${v}`).join(',')}}${after}`,
    )

  const fixed = {
    id: presentValueOf(SqlTypes.INTEGER),
    name: anyValueOf(SqlTypes.STRING),
    n: anyValueOf(SqlTypes.INTEGER),
    price: anyValueOf(SqlTypes.DOUBLE),
    ok: anyValueOf(SqlTypes.BOOLEAN),
    s: fc.record({
      a: anyValueOf(SqlTypes.INTEGER),
      b: fc.array(anyValueOf(SqlTypes.STRING), { maxLength: 2 }),
    }),
  }
  const usual = fc.record(fixed).map((object) => JSON.stringify(object))

  function check(documents: readonly (string | Buffer)[], usedColumns?: ReadonlySet<number>): void {
    const options = { columns, result, ...(usedColumns && { usedColumns }) }
    const fast = objectDecoder<SqlValue[]>(options)
    const exact = exactObjectDecoder<SqlValue[]>(options)
    for (const document of documents) {
      const bytes = Buffer.from(document as string)
      const text = bytes.toString('latin1')
      const expected = outcome(exact, bytes)
      const actual = outcome(fast, bytes)
      const comparable = (x: unknown): unknown => (Array.isArray(x) ? x.map(plain) : x)
      expect({ text, value: comparable(actual) }).toEqual({ text, value: comparable(expected) })
    }
  }

  const used = fc.option(
    fc.uniqueArray(fc.nat(columns.length - 1)).map((list) => new Set(list)),
    { nil: undefined },
  )

  test('on hostile documents', () => {
    fc.assert(fc.property(fc.array(document, { maxLength: 30 }), used, check), { numRuns: 300 })
  })

  test('on usual documents with hostile ones among them, when a shape has been learnt', () => {
    const mixed = fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: document })
    const cut = fc
      .tuple(usual, fc.nat(60), fc.nat(4))
      .map(([text, at, n]) => text.slice(0, at) + text.slice(at + n))
    // A usual document with at most one value changed, and perhaps something behind.
    const nearly = fc
      .tuple(fc.record(fixed), fc.nat(8), value, fc.constantFrom('', '', '', ' ', 'x', '}', '\n'))
      .map(([object, changed, other, behind]) => {
        const fields = Object.entries(object).map(
          ([k, v], i) => `"${k}":${i === changed ? other : JSON.stringify(v)}`,
        )
        return `{${fields.join(',')}}${behind}`
      })
    const documents = fc
      .tuple(
        fc.array(usual, { minLength: 40, maxLength: 40 }),
        fc.array(fc.oneof(mixed, cut, nearly), { maxLength: 60 }),
      )
      .map(([first, rest]) => [...first, ...rest])
    fc.assert(fc.property(documents, used, check), { numRuns: 100 })
  })

  test('on bytes that are no UTF-8, once a shape has been learnt', () => {
    const damaged = fc
      .tuple(
        usual,
        fc.array(fc.tuple(fc.nat(90), fc.integer({ min: 0x80, max: 0xff })), { minLength: 1, maxLength: 3 }),
      )
      .map(([text, bytes]) => {
        const buffer = Buffer.from(text)
        for (const [at, byte] of bytes) if (at < buffer.length) buffer[at] = byte
        return buffer
      })
    const documents = fc
      .tuple(fc.array(usual, { minLength: 40, maxLength: 40 }), fc.array(damaged, { maxLength: 40 }))
      .map(([first, rest]) => [...first, ...rest])
    fc.assert(fc.property(documents, used, check), { numRuns: 50 })
  })

  test('on fields that come twice', () => {
    const twice = fc
      .tuple(fc.constantFrom('id', 'ID', 'name', 's', 'm'), value, value)
      .map(([field, a, b]) => `{"${field}":${a},"n":1,"${field}":${b},"${field.toUpperCase()}":${a}}`)
    fc.assert(fc.property(fc.array(twice, { maxLength: 50 }), used, check), { numRuns: 50 })
  })

  test('on numbers that outgrow the shape they were learnt in', () => {
    const small = Array.from({ length: 50 }, (_, i) => `{"id":${i},"n":${i},"price":${i}.5}`)
    const numbers = [
      '9007199254740993',
      '-9223372036854775808',
      '123456789012345678901',
      '4294967297',
      '1.5e3',
      '-0',
    ]
    check([
      ...small,
      ...numbers.flatMap((n) => [`{"id":${n},"n":1,"price":1.0}`, `{"id":1,"n":${n},"price":${n}}`]),
    ])
  })

  test('on documents of two programs in turn', () => {
    check(
      Array.from({ length: 2000 }, (_, i) =>
        i % 2 === 0 ? `{"id":${i},"name":"x${i}","n":1}` : `{ "N": ${i}, "other": [${i}], "ID": 7 }`,
      ),
    )
  })

  test('on bare values', () => {
    fc.assert(
      fc.property(anyType, value, (type, text) => {
        const bytes = Buffer.from(text)
        expect(plain(outcome(bareDecoder(type), bytes) as SqlValue)).toEqual(
          plain(outcome(exactBareDecoder(type), bytes) as SqlValue),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('on arrays nested without end', () => {
    check([
      `{"other":${'['.repeat(20_000)}`,
      `{"s":${'{"a":'.repeat(20_000)}`,
      `{"other":${'['.repeat(300)}${']'.repeat(300)}}`,
    ])
  })
})

test('names of columns never become code', () => {
  const hostile = [
    '"] }; throw 1; //',
    '`${1}`',
    "'+alert()+'",
    '\\',
    '\u2028',
    '__proto__',
    'constructor',
    'a\nb',
  ]
  const columns = hostile.map((name) => column(name, SqlTypes.INTEGER))
  const serde = createValueSerde({ format: 'JSON', columns })
  const Row = rowClass(columns)
  const bytes = serialize(serde, Row.from(hostile.map((_, i) => i)))!
  expect(bytes.toString()).toBe(`{${hostile.map((name, i) => `${JSON.stringify(name)}:${i}`).join(',')}}`)
  expect(deserialize(serde, bytes)!.toArray()).toEqual(hostile.map((_, i) => i))
})
