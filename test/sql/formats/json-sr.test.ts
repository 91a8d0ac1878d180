import { describe, expect, it } from 'vitest'
import { serialize } from '../../../src/serde/index.js'
import {
  createKeySerde,
  createValueSerde,
  type FormatColumn,
  findFormat,
  rowClass,
} from '../../../src/sql/formats/index.js'
import { MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { SqlTypes } from '../../../src/sql/types.js'

const { struct, array, map, decimal, STRING, INTEGER, BIGINT, DOUBLE, BOOLEAN, BYTES, DATE, TIMESTAMP } =
  SqlTypes

const derived = (columns: readonly FormatColumn[], role: 'key' | 'value' = 'value'): unknown =>
  JSON.parse(findFormat('JSON_SR').schemas!.derive({ format: 'JSON_SR', columns, role }).text)

const infer = (schema: object, unwrapped = false, references: ReadonlyMap<string, string> = new Map()) =>
  findFormat('JSON_SR').schemas!.infer(
    { type: 'JSON', text: JSON.stringify(schema) },
    { role: 'value', unwrapped, rename: (n) => n.toUpperCase(), references },
  )

const orNull = (schema: object) => ({ oneOf: [{ type: 'null' }, schema] })

describe('the JSON schema of columns', () => {
  it('says what Kafka Connect has to know', () => {
    const columns = [
      { name: 'I', type: INTEGER },
      { name: 'L', type: BIGINT },
      { name: 'D', type: DOUBLE },
      { name: 'S', type: STRING },
      { name: 'B', type: BOOLEAN },
      { name: 'Y', type: BYTES },
      { name: 'C', type: decimal(4, 2) },
      { name: 'T', type: DATE },
      { name: 'A', type: array(struct([{ name: 'F', type: STRING }])) },
      { name: 'M', type: map(STRING, BIGINT) },
    ]
    const types = [
      { type: 'integer', 'connect.type': 'int32' },
      { type: 'integer', 'connect.type': 'int64' },
      { type: 'number', 'connect.type': 'float64' },
      { type: 'string' },
      { type: 'boolean' },
      { type: 'string', 'connect.type': 'bytes' },
      {
        type: 'number',
        title: 'org.apache.kafka.connect.data.Decimal',
        'connect.version': 1,
        'connect.type': 'bytes',
        'connect.parameters': { scale: '2', 'connect.decimal.precision': '4' },
      },
      {
        type: 'integer',
        title: 'org.apache.kafka.connect.data.Date',
        'connect.version': 1,
        'connect.type': 'int32',
      },
      {
        type: 'array',
        items: orNull({
          type: 'object',
          properties: { F: { 'connect.index': 0, ...orNull({ type: 'string' }) } },
        }),
      },
      {
        type: 'object',
        'connect.type': 'map',
        additionalProperties: orNull({ type: 'integer', 'connect.type': 'int64' }),
      },
    ]
    const properties = columns.map(({ name }, i) => [name, { 'connect.index': i, ...orNull(types[i]!) }])
    expect(derived(columns)).toEqual({ type: 'object', properties: Object.fromEntries(properties) })
  })

  it('of a single key column is that of the column', () => {
    expect(derived([{ name: 'K', type: INTEGER }], 'key')).toEqual(
      orNull({ type: 'integer', 'connect.type': 'int32' }),
    )
  })
})

describe('the columns of a JSON schema', () => {
  it('are its properties, in the order of their indexes', () => {
    const schema = {
      type: 'object',
      properties: {
        second: { 'connect.index': 1, ...orNull({ type: 'number' }) },
        first: { 'connect.index': 0, type: 'integer' },
        third: { 'connect.index': 2, type: ['string', 'null'] },
        odd: { type: ['string', 'integer'] },
      },
    }
    expect(infer(schema)).toEqual([
      { name: 'FIRST', type: BIGINT },
      { name: 'SECOND', type: DOUBLE },
      { name: 'THIRD', type: STRING },
    ])
  })

  it('follow references inside the schema and to others, but not in circles', () => {
    const schema = {
      type: 'object',
      properties: { a: { $ref: '#/definitions/A' }, b: { $ref: 'b.json' }, self: { $ref: '#' } },
      definitions: { A: { type: 'string', title: 'x' } },
    }
    const references = new Map([
      [
        'b.json',
        '{"type":"object","properties":{"at":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp"}}}',
      ],
    ])
    expect(infer(schema, false, references)).toEqual([
      { name: 'A', type: STRING },
      { name: 'B', type: struct([{ name: 'AT', type: TIMESTAMP }]) },
    ])
  })

  it('are one for a bare value, and refused without WRAP_SINGLE_VALUE = false', () => {
    expect(infer({ type: 'integer' }, true)).toEqual([{ name: 'ROWVAL', type: BIGINT }])
    expect(() => infer({ type: 'integer' })).toThrow("set 'WRAP_SINGLE_VALUE=false'")
    expect(() => infer({ type: 'object', properties: {} })).toThrow('does not include any columns')
  })
})

describe('JSON_SR records', () => {
  it('are JSON after the id of their schema', () => {
    const registry = new MemorySchemaRegistry()
    const columns = [{ name: 'A', type: INTEGER }]
    const serde = createValueSerde({ format: 'JSON_SR', columns, topic: 't', registry })
    const bytes = serialize(serde, rowClass(columns).from([5]))!
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 1])
    expect(bytes.toString('utf8', 5)).toBe('{"A":5}')
    expect(registry.latest('t-value')?.schema.id).toBe(1)
    const key = createKeySerde({ format: 'JSON_SR', columns, topic: 't', registry })
    expect(serialize(key, 5)!.toString('utf8', 5)).toBe('5')
    expect(registry.latest('t-key')?.schema.id).toBe(2)
  })

  it('cannot have columns that a schema chosen by its id does not have', () => {
    const registry = new MemorySchemaRegistry()
    const text = '{"type":"object","properties":{"a":{"type":"integer"}}}'
    const { id: schemaId } = registry.register('s', { type: 'JSON', text }).schema
    const write = (name: string): string => {
      const columns = [{ name, type: INTEGER }]
      const serde = createValueSerde({ format: 'JSON_SR', columns, topic: 't', registry, schemaId })
      return serialize(serde, rowClass(columns).from([1]))!.toString('latin1')
    }
    expect(write('a')).toBe('\0\0\0\0\u0001{"a":1}')
    expect(() => write('b')).toThrow('Schema from Schema Registry misses field with name: b')
  })
})
