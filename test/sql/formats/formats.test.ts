import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deserialize, SerializationError, serialize } from '../../../src/serde/index.js'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
import {
  checkFormat,
  createKeySerde,
  createValueSerde,
  type FormatColumn,
  findFormat,
  parseDelimiter,
  rowClass,
  type SqlValue,
} from '../../../src/sql/formats/index.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'
import { columnsOf, leafTypes, plain, presentValueOf, valuesOf } from './sql-values.js'

const column = (name: string, type: SqlType): FormatColumn => ({ name, type })
const A = column('A', SqlTypes.INTEGER)
const B = column('B', SqlTypes.STRING)

describe('rows', () => {
  test('of equal columns have one class, of others another', () => {
    expect(rowClass([A, B])).toBe(rowClass([{ ...A }, { ...B }]))
    expect(rowClass([A, B])).not.toBe(rowClass([B, A]))
  })

  test('hold their columns in order', () => {
    const Row = rowClass([A, B])
    expect(Row.width).toBe(2)
    expect(Object.entries(new Row(1, 'x'))).toEqual([
      ['c0', 1],
      ['c1', 'x'],
    ])
    expect(Row.from([2, null]).toArray()).toEqual([2, null])
  })
})

describe('DELIMITED', () => {
  const serdeOf = (columns: FormatColumn[], delimiter?: string) =>
    createValueSerde({ format: 'DELIMITED', columns, delimiter })
  const line = (columns: FormatColumn[], values: SqlValue[], delimiter?: string): string =>
    serialize(serdeOf(columns, delimiter), rowClass(columns).from(values))!.toString()
  const values = (columns: FormatColumn[], text: string, delimiter?: string): SqlValue[] =>
    deserialize(serdeOf(columns, delimiter), Buffer.from(text))!.toArray()

  test.each<[SqlValue[], string]>([
    [[1, 'x'], '1,x'],
    [[null, null], ','],
    [[-10, 'x'], '"-10",x'],
    [[1, 'a,b'], '1,"a,b"'],
    [[1, 'say "hi"'], '1,"say ""hi"""'],
    [[1, '!'], '1,"!"'],
    [[1, 'end '], '1,"end "'],
    [[1, '-5'], '1,-5'],
    [[1, ''], '1,'],
    [[1, 'é'], '1,é'],
    [[1, 'a\nb'], '1,"a\nb"'],
  ])('%j is written %s', (row, text) => {
    expect(line([A, B], row)).toBe(text)
  })

  test('values are written as ksqlDB writes them', () => {
    const columns = [
      SqlTypes.DOUBLE,
      SqlTypes.decimal(6, 3),
      SqlTypes.BYTES,
      SqlTypes.BOOLEAN,
      SqlTypes.TIMESTAMP,
    ].map((type, i) => column(`C${i}`, type))
    expect(line(columns, [1e7, new SqlDecimal('1.5'), Buffer.from([1, 2]), true, 1600000000000])).toBe(
      '1.0E7,1.500,AQI=,true,1600000000000',
    )
  })

  test.each<[string, SqlValue[]]>([
    ['1,x', [1, 'x']],
    ['"22","a,b"', [22, 'a,b']],
    [' 7 , x ', [7, ' x ']],
    [',', [null, null]],
    ['1,say "hi"', [1, 'say "hi"']],
    ['1,"say ""hi"""', [1, 'say "hi"']],
    ['\n1,x\n2,y', [1, 'x']],
    ['1,"x" ', [1, 'x']],
  ])('%j is read as %j', (text, row) => {
    expect(values([A, B], text)).toEqual(row)
  })

  test.each(['', '1', '1,2,3', 'x,y', '1,"open', '1,"a"b', '1.5,x'])('refuses %j', (text) => {
    expect(() => values([A, B], text)).toThrow(SerializationError)
  })

  test('other delimiters', () => {
    expect(line([A, B], [1, 'a|b'], '|')).toBe('1|"a|b"')
    expect(values([A, B], '1\tx y', 'TAB')).toEqual([1, 'x y'])
    expect(values([A, B], '1 x', 'space')).toEqual([1, 'x'])
    expect(() => parseDelimiter('<~>')).toThrow(
      "Invalid delimiter value: '<~>'. Delimiter must be a single character or TAB,SPACE\nExample valid value: ';'",
    )
    expect(() => parseDelimiter(' ')).toThrow('Delimiter cannot be empty')
  })

  test('keys of one and of several columns', () => {
    const one = createKeySerde({ format: 'DELIMITED', columns: [B] })
    expect(deserialize(one, Buffer.from('"x"'))).toBe('x')
    const two = createKeySerde({ format: 'DELIMITED', columns: [B, A] })
    expect(serialize(two, ['x', 3])?.toString()).toBe('x,3')
    expect(deserialize(two, Buffer.from('"x","3"'))).toEqual(['x', 3])
  })

  test('what is written reads back; empty text comes back as null', () => {
    const cases = columnsOf(fc.constantFrom(...leafTypes)).chain((columns) =>
      fc.tuple(fc.constant(columns), valuesOf(columns)),
    )
    const delimiter = fc.constantFrom(undefined, ';', 'TAB', 'SPACE', '|')
    fc.assert(
      fc.property(cases, delimiter, ([columns, row], d) => {
        // A line of one null field is empty, and an empty line has no fields.
        fc.pre(columns.length > 1 || row[0] !== null)
        const expected = row.map((value) =>
          value === '' || (value instanceof Uint8Array && value.length === 0) ? null : value,
        )
        expect(values(columns, line(columns, row, d), d).map(plain)).toEqual(expected.map(plain))
      }),
      { numRuns: 500 },
    )
  })
})

describe('KAFKA', () => {
  test.each<[SqlType, SqlValue, string]>([
    [SqlTypes.INTEGER, 1, '00000001'],
    [SqlTypes.BIGINT, 2 ** 40, '0000010000000000'],
    [SqlTypes.DOUBLE, 1.5, '3ff8000000000000'],
    [SqlTypes.STRING, 'hé', '68c3a9'],
    [SqlTypes.BYTES, Buffer.from([1, 2]), '0102'],
  ])('%o', (type, value, hex) => {
    const serde = createKeySerde({ format: 'KAFKA', columns: [column('K', type)] })
    expect(serialize(serde, value)?.toString('hex')).toBe(hex)
    expect(deserialize(serde, Buffer.from(hex, 'hex'))).toEqual(value)
  })

  test('a value is a row of one column; null has no bytes', () => {
    const serde = createValueSerde({ format: 'KAFKA', columns: [A] })
    expect(deserialize(serde, Buffer.from('00000005', 'hex'))?.toArray()).toEqual([5])
    expect(serde.isAbsent?.(rowClass([A]).from([null]))).toBe(true)
    expect(() => deserialize(serde, Buffer.from('05', 'hex'))).toThrow(SerializationError)
  })

  test('any value reads back', () => {
    const types = [SqlTypes.INTEGER, SqlTypes.BIGINT, SqlTypes.DOUBLE, SqlTypes.BYTES]
    const cases = fc
      .constantFrom<SqlType>(...types)
      .chain((type) => fc.tuple(fc.constant(type), presentValueOf(type)))
    fc.assert(
      fc.property(cases, ([type, value]) => {
        const serde = createKeySerde({ format: 'KAFKA', columns: [column('K', type)] })
        expect(plain(deserialize(serde, serialize(serde, value)) as SqlValue)).toEqual(plain(value))
      }),
    )
  })
})

describe('what a format refuses', () => {
  test.each<[Parameters<typeof checkFormat>[0], string]>([
    [
      { format: 'KAFKA', columns: [column('K', SqlTypes.BOOLEAN)], role: 'key' },
      "Key format does not support schema.\nformat: KAFKA\nschema: Persistence{columns=[`K` BOOLEAN KEY], features=[]}\nreason: The 'KAFKA' format does not support type 'BOOLEAN'",
    ],
    [
      { format: 'DELIMITED', columns: [column('K', SqlTypes.array(SqlTypes.DOUBLE))], role: 'key' },
      "reason: The 'DELIMITED' format does not support type 'ARRAY', column: `K`",
    ],
    [
      { format: 'KAFKA', columns: [A, B], role: 'value' },
      "The 'KAFKA' format only supports a single field. Got: [`A` INTEGER, `B` STRING]",
    ],
    [
      { format: 'NONE', columns: [A], role: 'key' },
      "The 'NONE' format can only be used when no columns are defined. Got: [`A` INTEGER KEY]",
    ],
    [
      {
        format: 'JSON',
        columns: [column('M', SqlTypes.map(SqlTypes.INTEGER, SqlTypes.STRING))],
        role: 'value',
      },
      'JSON only supports MAP types with STRING keys',
    ],
    [
      { format: 'DELIMITED', columns: [A], role: 'value', wrapSingle: true },
      "Format 'DELIMITED' does not support 'WRAP_SINGLE_VALUE' set to 'true'.",
    ],
    [
      { format: 'JSON', columns: [A, B], role: 'value', wrapSingle: false },
      "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas",
    ],
    [
      { format: 'JSON', columns: [A], role: 'value', delimiter: ';' },
      'JSON does not support the following configs: [delimiter]',
    ],
    [{ format: 'foo', columns: [A], role: 'value' }, 'Unknown format: FOO'],
  ])('%o', (options, message) => {
    expect(() => checkFormat(options)).toThrow(message)
  })

  test('names are found in any case', () => {
    expect(findFormat('json').name).toBe('JSON')
  })
})
