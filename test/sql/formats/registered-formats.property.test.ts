import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Serde, serialize } from '../../../src/serde/index.js'
import {
  createKeySerde,
  createValueSerde,
  type FormatColumn,
  findFormat,
  type KeyValue,
  rowClass,
  type SqlValue,
} from '../../../src/sql/formats/index.js'
import { MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'
import { columnsOf, leafTypes, plain, valuesOf } from './sql-values.js'

/* Every value of every type comes back as it was; in Protobuf, null in what has no null comes back as its default. */

const avroFieldName = fc.constantFrom('A', 'B', 'id', 'ID', 'é', '_x1', 'LONG_NAME')

const nested: fc.Arbitrary<SqlType> = fc.letrec<{ type: SqlType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 4, arbitrary: fc.constantFrom(...leafTypes) },
    { weight: 1, arbitrary: tie('type').map((element) => SqlTypes.array(element)) },
    { weight: 1, arbitrary: tie('type').map((value) => SqlTypes.map(SqlTypes.STRING, value)) },
    {
      weight: 1,
      arbitrary: fc
        .uniqueArray(fc.record({ name: avroFieldName, type: tie('type') }), {
          minLength: 1,
          maxLength: 3,
          selector: (f) => f.name,
        })
        .map((fields) => SqlTypes.struct(fields)),
    },
  ),
})).type

function avroColumns(minLength = 1): fc.Arbitrary<FormatColumn[]> {
  return fc.uniqueArray(fc.record({ name: avroFieldName, type: nested }), {
    minLength,
    maxLength: 6,
    selector: (c) => c.name,
  })
}

const withRow = (columns: fc.Arbitrary<FormatColumn[]>) =>
  columns.chain((c) => fc.tuple(fc.constant(c), valuesOf(c)))

function throughBytes<T>(serde: Serde<T>, value: T): T {
  const padded = Buffer.concat([Buffer.from('before'), serialize(serde, value)!, Buffer.from('after')])
  return serde.read(padded, 6, padded.length - 5)
}

/** What Protobuf makes of null: lists, maps and scalars have none, and nothing in a list has. */
function withoutNulls(value: SqlValue, type: SqlType, inList = false): SqlValue {
  switch (type.kind) {
    case 'ARRAY':
      // A list inside a list is held by a message, which is empty for null and for the empty list.
      return ((value ?? []) as readonly SqlValue[]).map((item) => withoutNulls(item, type.element, true))
    case 'MAP':
      return new Map(
        [...((value ?? new Map()) as ReadonlyMap<SqlValue, SqlValue>)].map(([k, v]) => [
          k,
          withoutNulls(v, type.value),
        ]),
      )
    case 'STRUCT':
      if (value === null && !inList) return null
      return type.fields.map((f, i) =>
        withoutNulls(((value ?? []) as readonly SqlValue[])[i] ?? null, f.type),
      )
    case 'BOOLEAN':
      return value ?? false
    case 'STRING':
      return value ?? ''
    case 'BYTES':
      return value ?? new Uint8Array(0)
    case 'INTEGER':
    case 'BIGINT':
    case 'DOUBLE':
      return value ?? 0
    default:
      return value
  }
}

/** Null dates and decimals in a list are what an empty message says. */
const hasAwkwardList = (type: SqlType): boolean => {
  switch (type.kind) {
    case 'ARRAY':
      return (
        ['DATE', 'TIME', 'TIMESTAMP', 'DECIMAL'].includes(type.element.kind) || hasAwkwardList(type.element)
      )
    case 'MAP':
      return hasAwkwardList(type.value)
    case 'STRUCT':
      return type.fields.some((f) => hasAwkwardList(f.type))
    default:
      return false
  }
}

const registered = ['AVRO', 'JSON_SR', 'PROTOBUF', 'PROTOBUF_NOSR'] as const

describe.each(registered)('%s rows', (format) => {
  const isProtobuf = format.startsWith('PROTOBUF')

  it('come back as they were', () => {
    fc.assert(
      fc.property(withRow(avroColumns()), fc.boolean(), ([columns, values], inTopic) => {
        if (isProtobuf && columns.some((c) => hasAwkwardList(c.type))) return
        const place = inTopic ? { topic: 't', registry: new MemorySchemaRegistry() } : {}
        const serde = createValueSerde({ format, columns, ...place })
        const row = throughBytes(serde, rowClass(columns).from(values))
        const expected = isProtobuf ? values.map((v, i) => withoutNulls(v, columns[i]!.type)) : values
        expect(row.toArray().map(plain)).toEqual(expected.map(plain))
      }),
      { numRuns: 300 },
    )
  })

  it('leave columns null that nobody reads', () => {
    fc.assert(
      fc.property(withRow(avroColumns(2)), fc.nat(), ([columns, values], seed) => {
        if (isProtobuf && columns.some((c) => hasAwkwardList(c.type))) return
        const wanted = seed % columns.length
        const whole = createValueSerde({ format, columns })
        const some = createValueSerde({ format, columns, usedColumns: new Set([wanted]) })
        const bytes = serialize(whole, rowClass(columns).from(values))!
        const all = whole.read(bytes, 0, bytes.length).toArray()
        const row = some.read(bytes, 0, bytes.length).toArray()
        expect(row.map(plain)).toEqual(all.map((v, i) => (i === wanted ? plain(v) : null)))
      }),
    )
  })

  it('as keys come back bare for one column and frozen for several', () => {
    fc.assert(
      fc.property(withRow(columnsOf(fc.constantFrom(...leafTypes), 3)), ([columns, values]) => {
        const named = columns.map((c, i) => ({ ...c, name: `K${i}` }))
        const present = values.map((v, i) => withoutNulls(v, named[i]!.type))
        const value: KeyValue = named.length === 1 ? present[0]! : present
        const serde = createKeySerde({ format, columns: named })
        if (named.length === 1 && value === null) {
          expect(serde.isAbsent?.(value)).toBe(true)
          return
        }
        const key = throughBytes(serde, value)
        expect(plain(key as SqlValue)).toEqual(plain(value as SqlValue))
        if (named.length > 1) expect(Object.isFrozen(key)).toBe(true)
      }),
    )
  })
})

describe.each(['AVRO', 'JSON_SR'] as const)('%s without a wrapper', (format) => {
  it('is the value itself, and nothing for null', () => {
    fc.assert(
      fc.property(withRow(avroColumns().map((c) => c.slice(0, 1))), ([columns, values]) => {
        const serde = createValueSerde({ format, columns, wrapSingle: false })
        const row = rowClass(columns).from(values)
        if (values[0] === null) expect(serde.isAbsent?.(row)).toBe(true)
        else expect(plain(throughBytes(serde, row).c0)).toEqual(plain(values[0]))
      }),
    )
  })
})

describe.each(['optional', 'wrapper'])(
  'PROTOBUF with the nullable representation %s',
  (nullableRepresentation) => {
    it('keeps null in scalars', () => {
      fc.assert(
        fc.property(withRow(columnsOf(fc.constantFrom(...leafTypes))), ([columns, values]) => {
          const named = columns.map((c, i) => ({ ...c, name: `C${i}` }))
          const serde = createValueSerde({
            format: 'PROTOBUF',
            columns: named,
            properties: { nullableRepresentation },
          })
          const row = throughBytes(serde, rowClass(named).from(values))
          expect(row.toArray().map(plain)).toEqual(values.map(plain))
        }),
      )
    })
  },
)

describe.each(['AVRO', 'JSON_SR', 'PROTOBUF'] as const)('the schema that %s derives', (format) => {
  it('gives the columns back', () => {
    fc.assert(
      fc.property(avroColumns(), (columns) => {
        const simple =
          format === 'PROTOBUF' ? columns.map((c) => ({ ...c, name: asciiName(c.name) })) : columns
        if (format === 'PROTOBUF' && simple.some((c) => losesDetail(c.type))) return
        const { schemas } = findFormat(format)
        const schema = schemas!.derive({ format, columns: simple, role: 'value' })
        const found = schemas!.infer(schema, {
          role: 'value',
          unwrapped: false,
          rename: (name) => name,
          references: new Map(),
        })
        expect(found).toEqual(simple)
      }),
    )
  })

  function asciiName(name: string): string {
    return name === 'é' ? 'e' : name
  }

  /** Lists of lists are messages, decimals inside lists and maps do not tell their precision. */
  function losesDetail(type: SqlType): boolean {
    const inside = (t: SqlType): boolean => ['ARRAY', 'MAP', 'DECIMAL'].includes(t.kind) || losesDetail(t)
    if (type.kind === 'ARRAY') return inside(type.element)
    if (type.kind === 'MAP') return type.value.kind !== 'DECIMAL' ? losesDetail(type.value) : false
    if (type.kind === 'STRUCT') return type.fields.some((f) => f.name === 'é' || losesDetail(f.type))
    return false
  }
})
