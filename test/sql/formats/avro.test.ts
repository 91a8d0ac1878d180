import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serialize } from '../../../src/serde/index.js'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
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
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'
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

function derived(
  columns: readonly FormatColumn[],
  options: Partial<Parameters<typeof checkFormat>[0]> = {},
): unknown {
  const { schemas } = findFormat('AVRO')
  return JSON.parse(schemas!.derive({ format: 'AVRO', columns, role: 'value', ...options }).text)
}

const connect = (name: string) => ({
  'connect.version': 1,
  'connect.name': `org.apache.kafka.connect.data.${name}`,
})

describe('the Avro schema of columns', () => {
  it('is a record of unions with null, under the name ksqlDB gives it', () => {
    const columns = [
      { name: 'B', type: BOOLEAN },
      { name: 'I', type: INTEGER },
      { name: 'L', type: BIGINT },
      { name: 'D', type: DOUBLE },
      { name: 'S', type: STRING },
      { name: 'Y', type: BYTES },
    ]
    const types = ['boolean', 'int', 'long', 'double', 'string', 'bytes']
    expect(derived(columns)).toEqual({
      type: 'record',
      name: 'KsqlDataSourceSchema',
      namespace: 'io.confluent.ksql.avro_schemas',
      fields: columns.map(({ name }, i) => ({ name, type: ['null', types[i]], default: null })),
      'connect.name': 'io.confluent.ksql.avro_schemas.KsqlDataSourceSchema',
    })
  })

  it('has the logical types of Kafka Connect', () => {
    const only = (type: SqlType): unknown =>
      (derived([{ name: 'A', type }]) as { fields: { type: unknown[] }[] }).fields[0]!.type[1]
    expect(only(DATE)).toEqual({ type: 'int', logicalType: 'date', ...connect('Date') })
    expect(only(TIME)).toEqual({ type: 'int', logicalType: 'time-millis', ...connect('Time') })
    expect(only(TIMESTAMP)).toEqual({
      type: 'long',
      logicalType: 'timestamp-millis',
      ...connect('Timestamp'),
    })
    expect(only(decimal(9, 2))).toEqual({
      type: 'bytes',
      logicalType: 'decimal',
      precision: 9,
      scale: 2,
      'connect.parameters': { scale: '2', 'connect.decimal.precision': '9' },
      ...connect('Decimal'),
    })
  })

  it('names what is nested by the path to it', () => {
    const type = struct([{ name: 'X', type: array(map(STRING, struct([{ name: 'Y', type: INTEGER }]))) }])
    const text = JSON.stringify(derived([{ name: 'A', type }]))
    const names = [...text.matchAll(/"name":"(KsqlDataSourceSchema\w*)"/g)].map((m) => m[1])
    expect(names).toEqual([
      'KsqlDataSourceSchema',
      'KsqlDataSourceSchema_A',
      'KsqlDataSourceSchema_A_X',
      'KsqlDataSourceSchema_A_X_MapValue',
    ])
    expect(() => avro.Type.forSchema(JSON.parse(text))).not.toThrow()
  })

  it('of a single key column is that of the column', () => {
    const key = { role: 'key', properties: { fullSchemaName: 'a.b.OutputKey' } } as const
    expect(derived([{ name: 'K', type: BIGINT }], key)).toEqual({ type: 'long' })
    expect(derived([{ name: 'K', type: struct([{ name: 'F', type: INTEGER }]) }], key)).toEqual({
      type: 'record',
      name: 'OutputKey',
      namespace: 'a.b',
      fields: [{ name: 'F', type: ['null', 'int'], default: null }],
      'connect.name': 'a.b.OutputKey',
    })
  })

  it.each([
    ['1A', 'Illegal initial character: 1A'],
    ['A B', 'Illegal character in: A B'],
  ])('cannot have a field named %s', (name, reason) => {
    const check = (columns: FormatColumn[]) => () => checkFormat({ format: 'AVRO', columns, role: 'value' })
    const message = `Schema is not compatible with Avro: ${reason}`
    expect(check([{ name, type: INTEGER }])).toThrow(message)
    expect(check([{ name: 'A', type: array(struct([{ name, type: INTEGER }])) }])).toThrow(message)
  })

  it('cannot have maps of other keys than text', () => {
    const columns = [{ name: 'M', type: map(INTEGER, STRING) }]
    expect(() => checkFormat({ format: 'AVRO', columns, role: 'value' })).toThrow(
      'Avro only supports MAPs with STRING keys',
    )
  })
})

/** Without 64-bit numbers, which the library does not keep beyond 2^52. */
const libraryTypes = [
  BOOLEAN,
  INTEGER,
  DOUBLE,
  STRING,
  BYTES,
  DATE,
  TIME,
  array(STRING),
  struct([{ name: 'F', type: DOUBLE }]),
]

describe('Avro records', () => {
  const named = columnsOf(fc.constantFrom(...libraryTypes)).map((columns) =>
    columns.map((c, i) => ({ ...c, name: `C${i}` })),
  )

  it('are what an independent library reads and writes', () => {
    fc.assert(
      fc.property(
        named.chain((columns) => fc.tuple(fc.constant(columns), valuesOf(columns))),
        ([columns, values]) => {
          const type = avro.Type.forSchema(derived(columns) as avro.Schema)
          const serde = createValueSerde({ format: 'AVRO', columns })
          const bytes = serialize(serde, rowClass(columns).from(values))!
          expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0])
          const record = type.fromBuffer(bytes.subarray(5))
          expect(type.toBuffer(record).equals(bytes.subarray(5))).toBe(true)
          const written = Buffer.concat([bytes.subarray(0, 5), type.toBuffer(record)])
          expect(serde.read(written, 0, written.length).toArray().map(plain)).toEqual(values.map(plain))
        },
      ),
    )
  })

  it('carry decimals as the bytes of their digits', () => {
    const serde = createValueSerde({ format: 'AVRO', columns: [{ name: 'A', type: decimal(6, 2) }] })
    const bytes = (text: string): number[] => [
      ...serialize(
        serde,
        rowClass([{ name: 'A', type: decimal(6, 2) }]).from([new SqlDecimal(text)]),
      )!.subarray(5),
    ]
    expect(bytes('1.28')).toEqual([2, 4, 0x00, 0x80])
    expect(bytes('-1.28')).toEqual([2, 2, 0x80])
    expect(bytes('0')).toEqual([2, 2, 0])
  })
})

interface Reading {
  readonly schema: unknown
  readonly value: unknown
  readonly columns: readonly FormatColumn[]
}

/** What columns see of a value that a program wrote with a schema of its own. */
function read({ schema, value, columns }: Reading): (SqlValue | undefined)[] {
  const registry = new MemorySchemaRegistry()
  const text = JSON.stringify(schema)
  const { id } = registry.register('t-value', { type: 'AVRO', text }).schema
  const frame = Buffer.alloc(5)
  frame.writeInt32BE(id, 1)
  const bytes = Buffer.concat([frame, avro.Type.forSchema(schema as avro.Schema).toBuffer(value)])
  return createValueSerde({ format: 'AVRO', columns, topic: 't', registry })
    .read(bytes, 0, bytes.length)
    .toArray()
}

describe('Avro records of other programs', () => {
  const record = (...fields: (readonly [name: string, type: unknown])[]) => ({
    type: 'record',
    name: 'other',
    fields: fields.map(([name, type]) => ({ name, type })),
  })

  it('are matched by names without case, in any order, with more and fewer fields', () => {
    const schema = record(
      ['extra', record(['deep', { type: 'map', values: ['null', 'long'] }])],
      ['b', 'string'],
      ['A', 'int'],
    )
    const value = { extra: { deep: { x: 1, y: null } }, b: 'text', A: 7 }
    const columns = [
      { name: 'A', type: INTEGER },
      { name: 'MISSING', type: STRING },
      { name: 'B', type: STRING },
    ]
    expect(
      read({
        schema: {
          ...schema,
          fields: schema.fields.map((f) =>
            f.name === 'extra'
              ? {
                  ...f,
                  type: { ...record(['deep', { type: 'map', values: ['null', 'long'] }]), name: 'inner' },
                }
              : f,
          ),
        },
        value,
        columns,
      }),
    ).toEqual([7, null, 'text'])
  })

  it('widen to the types of the columns', () => {
    const schema = record(
      ['L', 'int'],
      ['D', 'float'],
      ['S', 'long'],
      ['T', 'boolean'],
      ['E', { type: 'enum', name: 'e', symbols: ['X', 'Y'] }],
    )
    const columns = [
      { name: 'L', type: BIGINT },
      { name: 'D', type: DOUBLE },
      { name: 'S', type: STRING },
      { name: 'T', type: STRING },
      { name: 'E', type: STRING },
    ]
    expect(read({ schema, value: { L: 1, D: 0.5, S: 12, T: true, E: 'Y' }, columns })).toEqual([
      1,
      0.5,
      '12',
      'true',
      'Y',
    ])
  })

  it('fail where they do not fit', () => {
    const columns = [{ name: 'A', type: INTEGER }]
    expect(() => read({ schema: record(['A', 'string']), value: { A: 'x' }, columns })).toThrow(
      'Cannot deserialize type string as type INTEGER for path: ->A',
    )
  })

  it('may have unions of several types, as a struct of which one field is set', () => {
    const columns = [
      {
        name: 'U',
        type: struct([
          { name: 'INT', type: INTEGER },
          { name: 'STRING', type: STRING },
        ]),
      },
    ]
    const schema = record(['u', ['null', 'int', 'string']])
    expect(read({ schema, value: { u: 'x' }, columns })).toEqual([[null, 'x']])
    expect(read({ schema, value: { u: 3 }, columns })).toEqual([[3, null]])
    expect(read({ schema, value: { u: null }, columns })).toEqual([null])
  })

  it('may hold themselves', () => {
    const schema = {
      type: 'record',
      name: 'node',
      fields: [
        { name: 'next', type: ['null', 'node'] },
        { name: 'v', type: 'int' },
      ],
    }
    const value = { next: { next: null, v: 2 }, v: 1 }
    expect(read({ schema, value, columns: [{ name: 'V', type: INTEGER }] })).toEqual([1])
  })

  it('give their columns by inference, those without a SQL type left out', () => {
    const { schemas } = findFormat('AVRO')
    const schema = record(
      ['id', 'long'],
      ['at', { type: 'long', logicalType: 'timestamp-millis' }],
      ['price', ['null', { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }]],
      ['tags', { type: 'map', values: 'string' }],
      ['nothing', 'null'],
      ['hash', { type: 'fixed', name: 'h', size: 16 }],
    )
    const options = {
      role: 'value',
      unwrapped: false,
      rename: (n: string) => n.toUpperCase(),
      references: new Map(),
    } as const
    expect(schemas!.infer({ type: 'AVRO', text: JSON.stringify(schema) }, options)).toEqual([
      { name: 'ID', type: BIGINT },
      { name: 'AT', type: TIMESTAMP },
      { name: 'PRICE', type: decimal(4, 2) },
      { name: 'TAGS', type: map(STRING, STRING) },
      { name: 'HASH', type: BYTES },
    ])
  })
})

describe('writing with a schema chosen by its id', () => {
  const registry = new MemorySchemaRegistry()
  const columns = [{ name: 'a', type: INTEGER }]
  const register = (...fields: unknown[]): number =>
    registry.register('s', { type: 'AVRO', text: JSON.stringify({ type: 'record', name: 'r', fields }) })
      .schema.id
  const write = (schemaId: number, value: SqlValue): unknown[] => {
    const serde = createValueSerde({ format: 'AVRO', columns, topic: 't', registry, schemaId })
    return [...serialize(serde, rowClass(columns).from([value]))!]
  }
  registry.setCompatibility(null, 'NONE')

  it('fills in defaults for fields without a column and for null', () => {
    const id = register({ name: 'b', type: 'string', default: 'hi' }, { name: 'a', type: 'int', default: 9 })
    expect(write(id, 1)).toEqual([0, 0, 0, 0, id, 4, 0x68, 0x69, 2])
    expect(write(id, null)).toEqual([0, 0, 0, 0, id, 4, 0x68, 0x69, 18])
  })

  it('leaves optional fields null', () => {
    const id = register({ name: 'a', type: 'int' }, { name: 'b', type: ['null', 'string'] })
    expect(write(id, 1)).toEqual([0, 0, 0, 0, id, 2, 0])
  })

  it('refuses what the schema cannot hold', () => {
    const required = register({ name: 'a', type: 'int' }, { name: 'c', type: 'string' })
    expect(() => write(required, 1)).toThrow('Missing default value for required Avro field: [c]')
    expect(() => write(register({ name: 'a', type: 'int' }), null)).toThrow(
      'null, but the field is required: /a',
    )
    expect(() => write(register({ name: 'b', type: 'int' }), 1)).toThrow('misses field with name: a')
    expect(() => write(register({ name: 'a', type: 'string' }), 1)).toThrow(
      'A INTEGER cannot be written as string: /a',
    )
  })
})

describe('broken Avro bytes', () => {
  const columns = [{ name: 'S', type: STRING }]

  it.each([
    ['no frame', [], 'too few'],
    ['another first byte', [1, 0, 0, 0, 0], 'Unknown magic byte'],
    ['an id nobody registered', [0, 0, 0, 0, 7, 2], 'was written with the AVRO schema 7'],
    ['a text that is cut off', [0, 0, 0, 0, 0, 2, 20, 0x61], 'the bytes end inside a value'],
    ['a branch that is not there', [0, 0, 0, 0, 0, 8], 'has no branch 4'],
  ])('with %s are refused', (_what, bytes, message) => {
    const serde = createValueSerde({ format: 'AVRO', columns })
    const buffer = Buffer.from([...bytes, 0x61, 0x61])
    expect(() => serde.read(buffer, 0, bytes.length)).toThrow(message)
  })
})

it('Avro keys of several columns are a record', () => {
  const columns = [
    { name: 'A', type: INTEGER },
    { name: 'B', type: STRING },
  ]
  const serde = createKeySerde({ format: 'AVRO', columns })
  expect([...serialize(serde, [1, 'x'])!]).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2, 0x78])
})
