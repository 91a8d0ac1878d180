import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { serialize } from '../../../src/serde/index.js'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
import { civilDate, epochDay } from '../../../src/sql/formats/civil-date.js'
import {
  checkFormat,
  createKeySerde,
  createValueSerde,
  type FormatColumn,
  findFormat,
  rowClass,
  type SqlValue,
} from '../../../src/sql/formats/index.js'
import { MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { SqlTypes } from '../../../src/sql/types.js'
import { columnsOf, plain, valuesOf } from './sql-values.js'

const {
  struct,
  array,
  map,
  decimal,
  STRING,
  INTEGER,
  BIGINT,
  DOUBLE,
  BOOLEAN,
  BYTES,
  DATE,
  TIME,
  TIMESTAMP,
} = SqlTypes

function derived(columns: readonly FormatColumn[], properties: Record<string, string> = {}): string {
  return findFormat('PROTOBUF').schemas!.derive({ format: 'PROTOBUF', columns, role: 'value', properties })
    .text
}

const scalarColumns = [
  { name: 'I', type: INTEGER },
  { name: 'L', type: BIGINT },
  { name: 'D', type: DOUBLE },
  { name: 'B', type: BOOLEAN },
  { name: 'S', type: STRING },
  { name: 'Y', type: BYTES },
]

describe('the Protobuf schema of columns', () => {
  it('is one message', () => {
    expect(derived(scalarColumns)).toBe(`syntax = "proto3";

message ConnectDefault1 {
  int32 I = 1;
  int64 L = 2;
  double D = 3;
  bool B = 4;
  string S = 5;
  bytes Y = 6;
}
`)
  })

  it('tells null from zero by optional fields or by wrappers, where asked to', () => {
    const columns = scalarColumns.slice(0, 2)
    expect(derived(columns, { nullableRepresentation: 'optional' })).toContain(
      '  optional int32 I = 1;\n  optional int64 L = 2;\n',
    )
    expect(derived(columns, { nullableRepresentation: 'wrapper' })).toBe(`syntax = "proto3";

import "google/protobuf/wrappers.proto";

message ConnectDefault1 {
  google.protobuf.Int32Value I = 1;
  google.protobuf.Int64Value L = 2;
}
`)
  })

  it('holds messages for what is nested, numbered as they are met', () => {
    const columns = [
      { name: 'S', type: struct([{ name: 'F', type: array(INTEGER) }]) },
      { name: 'M', type: map(STRING, struct([{ name: 'G', type: STRING }])) },
      { name: 'LL', type: array(array(INTEGER)) },
    ]
    expect(derived(columns)).toBe(`syntax = "proto3";

message ConnectDefault1 {
  ConnectDefault2 S = 1;
  repeated ConnectDefault3Entry M = 2;
  repeated ConnectDefault5List LL = 3;

  message ConnectDefault2 {
    repeated int32 F = 1;
  }

  message ConnectDefault3Entry {
    string key = 1;
    ConnectDefault4 value = 2;

    message ConnectDefault4 {
      string G = 1;
    }
  }

  message ConnectDefault5List {
    repeated int32 value = 1;
  }
}
`)
  })

  it('takes dates, times and decimals from the types everybody has', () => {
    const columns = [
      { name: 'A', type: DATE },
      { name: 'B', type: TIME },
      { name: 'C', type: TIMESTAMP },
      { name: 'D', type: decimal(4, 2) },
    ]
    const text = derived(columns, { fullSchemaName: 'a.b.Row' })
    expect(text).toContain('package a.b;\n')
    expect(text).toContain('message Row {\n')
    expect(text).toContain(
      '  google.type.Date A = 1;\n  google.type.TimeOfDay B = 2;\n  google.protobuf.Timestamp C = 3;\n',
    )
    expect(text).toContain('import "confluent/type/decimal.proto";\n')
    expect(text).toMatch(
      /confluent.type.Decimal D = 4 \[\(confluent.field_meta\) = .*key: "scale", value: "2"/,
    )
  })

  it('gives names that Protobuf does not know a spelling it knows, unless two would be one', () => {
    expect(derived([{ name: 'A-é', type: INTEGER }])).toContain('int32 A_2D_C3_A9 = 1;')
    expect(derived([{ name: '1A', type: INTEGER }])).toContain('int32 x1A = 1;')
    const columns = [
      { name: 'a.b', type: INTEGER },
      { name: 'a_b', type: INTEGER },
    ]
    expect(() => checkFormat({ format: 'PROTOBUF', columns, role: 'value' })).toThrow(
      'a.b and a_b would be one field',
    )
  })

  it('cannot have maps of other keys than text', () => {
    const columns = [{ name: 'M', type: map(INTEGER, STRING) }]
    expect(() => checkFormat({ format: 'PROTOBUF', columns, role: 'value' })).toThrow(
      'PROTOBUF format only supports MAP types with STRING keys',
    )
  })
})

describe('Protobuf records', () => {
  const types = [
    INTEGER,
    DOUBLE,
    BOOLEAN,
    STRING,
    BYTES,
    array(INTEGER),
    array(STRING),
    array(DOUBLE),
    struct([{ name: 'F', type: STRING }]),
  ]
  const named = columnsOf(fc.constantFrom(...types), 6).map((columns) =>
    columns.map((c, i) => ({ ...c, name: `C${i}` })),
  )

  it('are what an independent library reads and writes', () => {
    fc.assert(
      fc.property(
        named.chain((columns) => fc.tuple(fc.constant(columns), valuesOf(columns))),
        ([columns, values]) => {
          const type = protobuf.parse(derived(columns), { keepCase: true }).root.lookupType('ConnectDefault1')
          const serde = createValueSerde({ format: 'PROTOBUF', columns })
          const bytes = serialize(serde, rowClass(columns).from(values))!
          expect([...bytes.subarray(0, 6)]).toEqual([0, 0, 0, 0, 0, 0])
          const message = type.decode(bytes.subarray(6))
          expect(type.verify(message)).toBeNull()
          const written = Buffer.concat([bytes.subarray(0, 6), type.encode(message).finish()])
          const direct = serde.read(bytes, 0, bytes.length).toArray().map(plain)
          expect(serde.read(written, 0, written.length).toArray().map(plain)).toEqual(direct)
        },
      ),
    )
  })

  const bytesOf = (
    column: FormatColumn,
    value: SqlValue,
    properties: Record<string, string> = {},
  ): number[] => [
    ...serialize(
      createValueSerde({ format: 'PROTOBUF_NOSR', columns: [column], properties }),
      rowClass([column]).from([value]),
    )!,
  ]

  it('leave out zeros, and write them where null is another thing', () => {
    const column = { name: 'A', type: INTEGER }
    expect(bytesOf(column, 0)).toEqual([])
    expect(bytesOf(column, 0, { nullableRepresentation: 'optional' })).toEqual([8, 0])
    expect(bytesOf(column, 0, { nullableRepresentation: 'wrapper' })).toEqual([10, 0])
    expect(bytesOf(column, 300)).toEqual([8, 0xac, 2])
    expect(bytesOf(column, -1)).toEqual([8, ...Array(9).fill(0xff), 1])
  })

  it('pack lists of numbers', () => {
    expect(bytesOf({ name: 'A', type: array(INTEGER) }, [1, 2, 300])).toEqual([10, 4, 1, 2, 0xac, 2])
    expect(bytesOf({ name: 'A', type: array(STRING) }, ['a', ''])).toEqual([10, 1, 0x61, 10, 0])
  })

  it('spell dates, times and decimals as messages', () => {
    // 2024-02-29
    expect(bytesOf({ name: 'A', type: DATE }, 19_782)).toEqual([10, 7, 8, 0xe8, 15, 16, 2, 24, 29])
    expect(bytesOf({ name: 'A', type: TIME }, 3_661_000)).toEqual([10, 6, 8, 1, 16, 1, 24, 1])
    expect(bytesOf({ name: 'A', type: TIMESTAMP }, 2000)).toEqual([10, 2, 8, 2])
    expect(bytesOf({ name: 'A', type: decimal(4, 2) }, new SqlDecimal('1.28'))).toEqual([
      10, 8, 10, 2, 0, 0x80, 16, 4, 24, 2,
    ])
  })

  it('of long texts and lists have long lengths', () => {
    for (const length of [126, 127, 128, 16_383, 16_384, 70_000]) {
      const columns = [{ name: 'A', type: struct([{ name: 'F', type: STRING }]) }]
      const serde = createValueSerde({ format: 'PROTOBUF', columns })
      const bytes = serialize(serde, rowClass(columns).from([['x'.repeat(length)]]))!
      expect((serde.read(bytes, 0, bytes.length).c0 as string[])[0]).toHaveLength(length)
    }
  })

  it('as keys of one column are messages too', () => {
    const serde = createKeySerde({ format: 'PROTOBUF', columns: [{ name: 'K', type: STRING }] })
    expect([...serialize(serde, 'x')!]).toEqual([0, 0, 0, 0, 0, 0, 10, 1, 0x78])
    expect(serde.isAbsent?.(null)).toBe(true)
  })
})

describe('Protobuf records of other programs', () => {
  const text = `syntax = "proto3";
    package p;
    message First { int32 a = 1; message Inner { string b = 2; } }
    enum Suit { SPADES = 0; HEARTS = 1; }
    message Second {
      reserved 4;
      sint32 zig = 1; fixed64 wide = 2; uint32 unsigned = 3; float real = 5;
      Suit suit = 6; map<string, int64> counts = 7; google.protobuf.StringValue name = 8;
      oneof choice { string x = 9; int32 y = 10; } repeated int32 loose = 11 [packed = false];
    }`
  const type = (name: string): protobuf.Type => {
    const wrappers = 'syntax = "proto3"; package google.protobuf; message StringValue { string value = 1; }'
    const { root } = protobuf.parse(text, { keepCase: true })
    protobuf.parse(wrappers, root)
    return root.lookupType(name)
  }

  function read(name: string, indexes: number[], value: object, columns: readonly FormatColumn[]): unknown[] {
    const registry = new MemorySchemaRegistry()
    const { id } = registry.register('t-value', { type: 'PROTOBUF', text }).schema
    const message = type(name)
    const body = message.encode(message.fromObject(value)).finish()
    const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, id, ...indexes]), body])
    const serde = createValueSerde({ format: 'PROTOBUF', columns, topic: 't', registry })
    return serde.read(bytes, 0, bytes.length).toArray().map(plain)
  }

  it('are found by their place in the file', () => {
    expect(read('p.First', [0], { a: 7 }, [{ name: 'A', type: INTEGER }])).toEqual([7])
    expect(read('p.First.Inner', [4, 0, 0], { b: 'x' }, [{ name: 'B', type: STRING }])).toEqual(['x'])
    expect(read('p.Second', [2, 2], { zig: -3 }, [{ name: 'ZIG', type: INTEGER }])).toEqual([-3])
    expect(() => read('p.First', [2, 18], {}, [])).toThrow('no message at [9]')
  })

  it('may use all types of numbers, enums, maps, wrappers and choices', () => {
    const columns = [
      { name: 'ZIG', type: INTEGER },
      { name: 'WIDE', type: BIGINT },
      { name: 'UNSIGNED', type: BIGINT },
      { name: 'REAL', type: DOUBLE },
      { name: 'SUIT', type: STRING },
      { name: 'COUNTS', type: map(STRING, BIGINT) },
      { name: 'NAME', type: STRING },
      { name: 'X', type: STRING },
      { name: 'Y', type: INTEGER },
      { name: 'LOOSE', type: array(INTEGER) },
    ]
    const value = {
      zig: -2,
      wide: 5,
      unsigned: 4_000_000_000,
      real: 0.5,
      suit: 1,
      counts: { a: 1 },
      name: { value: '' },
      y: 0,
      loose: [1, 2],
    }
    expect(read('p.Second', [2, 2], value, columns)).toEqual([
      -2,
      5,
      4_000_000_000,
      0.5,
      'HEARTS',
      { map: [['a', 1]] },
      '',
      null,
      0,
      [1, 2],
    ])
    expect(read('p.Second', [2, 2], {}, columns)).toEqual([
      0,
      0,
      0,
      0,
      'SPADES',
      { map: [] },
      null,
      null,
      null,
      [],
    ])
  })

  it('give their columns by inference', () => {
    const infer = (fullName?: string) =>
      findFormat('PROTOBUF').schemas!.infer(
        { type: 'PROTOBUF', text },
        { role: 'value', unwrapped: false, rename: (n) => n.toUpperCase(), references: new Map(), fullName },
      )
    expect(infer()).toEqual([{ name: 'A', type: INTEGER }])
    expect(infer('Second').map((c) => [c.name, c.type.kind])).toEqual([
      ['ZIG', 'INTEGER'],
      ['WIDE', 'BIGINT'],
      ['UNSIGNED', 'BIGINT'],
      ['REAL', 'DOUBLE'],
      ['SUIT', 'STRING'],
      ['COUNTS', 'MAP'],
      ['NAME', 'STRING'],
      ['X', 'STRING'],
      ['Y', 'INTEGER'],
      ['LOOSE', 'ARRAY'],
    ])
    expect(() => infer('Third')).toThrow('Schema full name Third not found in the Protobuf schema.')
  })

  it('are written as the message that was chosen', () => {
    const registry = new MemorySchemaRegistry()
    const { id: schemaId } = registry.register('s', { type: 'PROTOBUF', text }).schema
    const columns = [{ name: 'zig', type: INTEGER }]
    const options = { format: 'PROTOBUF', columns, topic: 't', registry, schemaId }
    const serde = createValueSerde({ ...options, properties: { fullSchemaName: 'Second' } })
    expect([...serialize(serde, rowClass(columns).from([-1]))!]).toEqual([0, 0, 0, 0, schemaId, 2, 2, 8, 1])
    expect(() => serialize(createValueSerde(options), rowClass(columns).from([1]))).toThrow(
      'misses field with name: zig',
    )
  })
})

describe('broken Protobuf bytes', () => {
  const columns = [
    { name: 'S', type: STRING },
    { name: 'I', type: INTEGER },
  ]

  it.each([
    ['a text that is cut off', [10, 5, 0x61], 'the bytes end inside a value'],
    ['a number that is cut off', [16, 0x80], 'the bytes end inside a value'],
    ['a number without end', [16, ...Array(11).fill(0xff)], 'a varint of more than 10 bytes'],
    ['another wire type', [18, 1, 0x61], 'wire type 2 where 0 is expected'],
    ['an unknown wire type', [31], 'unknown Protobuf wire type 7'],
  ])('with %s are refused', (_what, bytes, message) => {
    const serde = createValueSerde({ format: 'PROTOBUF_NOSR', columns })
    const buffer = Buffer.from([...bytes, 0x61, 0x61, 0x61, 0x61, 0x61])
    expect(() => serde.read(buffer, 0, bytes.length)).toThrow(message)
  })
})

describe('calendar dates', () => {
  it('agree with the platform, and come back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -50_000_000, max: 50_000_000 }), (day) => {
        const date = new Date(day * 86_400_000)
        const expected = {
          year: date.getUTCFullYear(),
          month: date.getUTCMonth() + 1,
          day: date.getUTCDate(),
        }
        expect(civilDate(day)).toEqual(expected)
        expect(epochDay(expected)).toBe(day)
      }),
    )
    fc.assert(
      fc.property(fc.integer(), (day) => {
        expect(epochDay(civilDate(day))).toBe(day)
      }),
    )
  })
})
