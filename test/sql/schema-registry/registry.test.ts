import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/common/index.js'
import { Log } from '../../../src/log/index.js'
import { jsonSerde } from '../../../src/serde/index.js'
import {
  type CompatibilityLevel,
  LogSchemaRegistry,
  MemorySchemaRegistry,
  referencedTexts,
  type Schema,
  type SchemaRegistry,
} from '../../../src/sql/schema-registry/index.js'

const avro = (...fields: unknown[]): Schema => ({
  type: 'AVRO',
  text: JSON.stringify({ type: 'record', name: 'r', fields }),
})
const json = (schema: object): Schema => ({ type: 'JSON', text: JSON.stringify(schema) })
const proto = (body: string): Schema => ({ type: 'PROTOBUF', text: `syntax = "proto3"; ${body}` })

const A = { name: 'a', type: 'int' }
const B = { name: 'b', type: 'string' }
const B_DEFAULT = { ...B, default: '' }

const kinds: readonly (readonly [string, () => Promise<SchemaRegistry>])[] = [
  ['in memory', async () => new MemorySchemaRegistry()],
  ['in a log', () => LogSchemaRegistry.open(Log.memory())],
]

describe.each(kinds)('a schema registry %s', (_where, open) => {
  it('gives versions to subjects and ids to schemas', async () => {
    const registry = await open()
    expect(registry.latest('s-value')).toBeNull()
    const first = registry.register('s-value', avro(A))
    const second = registry.register('s-value', avro(A, B_DEFAULT))
    expect([first.version, first.schema.id, second.version, second.schema.id]).toEqual([1, 1, 2, 2])
    expect(registry.versions('s-value')).toEqual([first, second])
    expect(registry.latest('s-value')).toEqual(second)
    expect(registry.byId(1)).toMatchObject(avro(A))
    expect(registry.byId(3)).toBeNull()
    expect(registry.subjects()).toEqual(['s-value'])
  })

  it('knows a schema again, whatever its spaces, and gives it one id in all subjects', async () => {
    const registry = await open()
    const first = registry.register('s', avro(A))
    const spaced = { type: 'AVRO', text: JSON.stringify(JSON.parse(avro(A).text), null, 2) } as const
    expect(registry.register('s', spaced)).toEqual(first)
    expect(registry.register('other', spaced)).toMatchObject({ version: 1, schema: { id: 1 } })
    expect(registry.find('s', spaced)).toEqual(first)
    expect(registry.find('s', avro(A, B_DEFAULT))).toBeNull()
  })

  it('takes an id that it is told, but not that of another schema', async () => {
    const registry = await open()
    expect(registry.register('s', avro(A), { id: 40 }).schema.id).toBe(40)
    expect(registry.register('s', avro(A, B_DEFAULT)).schema.id).toBe(41)
    expect(() => registry.register('t', avro(B), { id: 40 })).toThrow(
      'The schema id 40 is already that of another schema.',
    )
  })

  it('refuses what is no schema', async () => {
    const registry = await open()
    expect(() => registry.register('s', { type: 'AVRO', text: '{"type":"recor"}' })).toThrow(
      'there is no type named recor',
    )
    expect(() => registry.register('s', { type: 'PROTOBUF', text: 'massage M {}' })).toThrow(
      'Not a Protobuf schema',
    )
    expect(() => registry.register('s', { type: 'JSON', text: '{' })).toThrow('Invalid JSON schema')
    expect(registry.subjects()).toEqual([])
  })

  it('forgets a subject, but neither its schemas nor its version numbers', async () => {
    const registry = await open()
    registry.register('s', avro(A))
    registry.deleteSubject('s')
    expect(registry.subjects()).toEqual([])
    expect(registry.byId(1)).toMatchObject(avro(A))
    expect(registry.register('s', avro(B))).toMatchObject({ version: 2, schema: { id: 2 } })
    expect(registry.register('s', avro(B))).toMatchObject({ version: 2 })
  })

  it('finds what a schema refers to', async () => {
    const registry = await open()
    registry.register('inner', { type: 'AVRO', text: '{"type":"record","name":"x.Inner","fields":[]}' })
    const schema: Schema = {
      ...avro({ name: 'i', type: 'x.Inner' }),
      references: [{ name: 'x.Inner', subject: 'inner', version: 1 }],
    }
    registry.register('outer', schema)
    expect([...referencedTexts(registry, schema).keys()]).toEqual(['x.Inner'])
    const missing = { ...schema, references: [{ name: 'x.Inner', subject: 'inner', version: 7 }] }
    expect(() => registry.register('outer', missing)).toThrow('version 7 of inner, which does not exist')
  })
})

interface Change {
  readonly what: string
  readonly before: Schema
  readonly after: Schema
  /** Levels, other than NONE, that allow it. */
  readonly allowed: readonly CompatibilityLevel[]
}

const changes: readonly Change[] = [
  {
    what: 'a new Avro field with a default',
    before: avro(A),
    after: avro(A, B_DEFAULT),
    allowed: ['BACKWARD', 'FORWARD', 'FULL'],
  },
  { what: 'a new Avro field without a default', before: avro(A), after: avro(A, B), allowed: ['FORWARD'] },
  {
    what: 'a removed Avro field without a default',
    before: avro(A, B),
    after: avro(A),
    allowed: ['BACKWARD'],
  },
  {
    what: 'a wider Avro number',
    before: avro(A),
    after: avro({ ...A, type: 'long' }),
    allowed: ['BACKWARD'],
  },
  { what: 'another Avro type', before: avro(A), after: avro({ ...A, type: 'string' }), allowed: [] },
  {
    what: 'an Avro field that may be null now',
    before: avro(A),
    after: avro({ ...A, type: ['null', 'int'] }),
    allowed: ['BACKWARD'],
  },
  {
    what: 'a new symbol of an Avro enum',
    before: avro({ name: 'e', type: { type: 'enum', name: 'E', symbols: ['X'] } }),
    after: avro({ name: 'e', type: { type: 'enum', name: 'E', symbols: ['X', 'Y'] } }),
    allowed: ['BACKWARD'],
  },
  {
    what: 'a field inside an Avro list',
    before: avro({ name: 'l', type: { type: 'array', items: { type: 'record', name: 'i', fields: [] } } }),
    after: avro({ name: 'l', type: { type: 'array', items: { type: 'record', name: 'i', fields: [B] } } }),
    allowed: ['FORWARD'],
  },
  {
    what: 'another name of an Avro record',
    before: avro(A),
    after: { type: 'AVRO', text: avro(A).text.replace('"r"', '"q"') },
    allowed: [],
  },
  {
    what: 'a new Protobuf field',
    before: proto('message M { int32 a = 1; }'),
    after: proto('message M { int32 a = 1; string b = 2; }'),
    allowed: ['BACKWARD', 'FORWARD', 'FULL'],
  },
  {
    what: 'a renamed Protobuf field',
    before: proto('message M { int32 a = 1; }'),
    after: proto('message M { int64 z = 1; }'),
    allowed: ['BACKWARD', 'FORWARD', 'FULL'],
  },
  {
    what: 'another Protobuf type',
    before: proto('message M { int32 a = 1; }'),
    after: proto('message M { string a = 1; }'),
    allowed: [],
  },
  {
    what: 'a removed Protobuf message',
    before: proto('message M {} message N {}'),
    after: proto('message M {}'),
    allowed: ['FORWARD'],
  },
  {
    what: 'a new optional JSON property',
    before: json({ type: 'object', properties: { a: { type: 'integer' } } }),
    after: json({ type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } }),
    allowed: ['BACKWARD', 'FORWARD', 'FULL'],
  },
  {
    what: 'a new required JSON property',
    before: json({ type: 'object', properties: {} }),
    after: json({ type: 'object', properties: { b: { type: 'string' } }, required: ['b'] }),
    allowed: ['FORWARD'],
  },
  {
    what: 'a wider JSON number',
    before: json({ type: 'integer' }),
    after: json({ type: 'number' }),
    allowed: ['BACKWARD'],
  },
  {
    what: 'JSON that may be null now',
    before: json({ type: 'integer' }),
    after: json({ oneOf: [{ type: 'null' }, { type: 'integer' }] }),
    allowed: ['BACKWARD'],
  },
  { what: 'another kind of schema', before: avro(A), after: json({ type: 'object' }), allowed: [] },
]

describe('compatibility', () => {
  it.each(changes)('$what is allowed by $allowed', ({ before, after, allowed }) => {
    for (const level of ['BACKWARD', 'FORWARD', 'FULL'] as const) {
      const registry = new MemorySchemaRegistry({ compatibility: level })
      registry.register('s', before)
      expect([level, registry.incompatibilities('s', after).length === 0]).toEqual([
        level,
        allowed.includes(level),
      ])
    }
    const open = new MemorySchemaRegistry({ compatibility: 'NONE' })
    open.register('s', before)
    expect(open.register('s', after).version).toBe(2)
  })

  it('is BACKWARD unless said otherwise, for one subject or for all', () => {
    const registry = new MemorySchemaRegistry()
    expect(registry.compatibility('s')).toBe('BACKWARD')
    registry.setCompatibility('s', 'NONE')
    registry.setCompatibility(null, 'FULL')
    expect([registry.compatibility('s'), registry.compatibility('t'), registry.compatibility(null)]).toEqual([
      'NONE',
      'FULL',
      'FULL',
    ])
  })

  it('looks at all versions where it is transitive', () => {
    const optional = { name: 'b', type: ['null', 'string'], default: null }
    const histories = { BACKWARD: true, BACKWARD_TRANSITIVE: false } as const
    for (const [level, allowed] of Object.entries(histories)) {
      const registry = new MemorySchemaRegistry({ compatibility: 'NONE' })
      registry.register('s', avro(A, { name: 'b', type: 'int' }))
      registry.register('s', avro(A))
      registry.setCompatibility('s', level as CompatibilityLevel)
      expect(registry.incompatibilities('s', avro(A, optional)).length === 0).toBe(allowed)
    }
  })

  it('says what is wrong and where', () => {
    const registry = new MemorySchemaRegistry()
    registry.register('s', avro(A))
    expect(() => registry.register('s', avro(A, B))).toThrow(
      'Schema being registered is incompatible with an earlier schema for subject "s": /: the new field b has no default for records written without it',
    )
  })
})

describe('a registry in a log', () => {
  it('comes back as it was', async () => {
    const log = Log.memory({ clock: new ManualClock(0) })
    const registry = await LogSchemaRegistry.open(log)
    registry.setCompatibility('s', 'NONE')
    registry.register('s', avro(A))
    registry.register('s', proto('message M {}'))
    registry.register('gone', json({ type: 'object' }))
    registry.deleteSubject('gone')
    await registry.close()
    const again = await LogSchemaRegistry.open(log)
    expect(again.versions('s')).toMatchObject([
      { version: 1, schema: { id: 1, type: 'AVRO' } },
      { version: 2, schema: { id: 2, type: 'PROTOBUF' } },
    ])
    expect(again.subjects()).toEqual(['s'])
    expect(again.byId(3)).toMatchObject({ type: 'JSON' })
    expect(again.compatibility('s')).toBe('NONE')
    expect(again.register('gone', avro(B))).toMatchObject({ version: 2, schema: { id: 4 } })
    await log.close()
  })

  it('makes its topic, compacted, when there is something to keep', async () => {
    const log = Log.memory()
    const registry = await LogSchemaRegistry.open(log)
    expect(await log.admin.listTopics()).toEqual([])
    registry.register('s', avro(A))
    await registry.flush()
    const [topic] = await log.admin.describeTopics(['_schemas'])
    expect([topic!.partitions.length, topic!.configs['cleanup.policy']]).toEqual([1, 'compact'])
    await registry.close()
    await log.close()
  })

  it('writes the records that other registries write', async () => {
    const log = Log.memory()
    const registry = await LogSchemaRegistry.open(log)
    registry.register('s-value', avro(A))
    registry.register('other', { ...proto('message M {}'), references: [] }, { id: 9 })
    registry.setCompatibility(null, 'FULL')
    await registry.flush()
    const consumer = log.consumer({
      keySerde: jsonSerde(),
      valueSerde: jsonSerde(),
      autoOffsetReset: 'earliest',
    })
    consumer.assign([{ topic: '_schemas', partition: 0 }])
    const records = await consumer.poll(100)
    expect(records.map(({ key, value }) => [key, value])).toEqual([
      [
        { keytype: 'SCHEMA', subject: 's-value', version: 1, magic: 1 },
        { subject: 's-value', version: 1, id: 1, schema: avro(A).text, references: [], deleted: false },
      ],
      [
        { keytype: 'SCHEMA', subject: 'other', version: 1, magic: 1 },
        {
          subject: 'other',
          version: 1,
          id: 9,
          schemaType: 'PROTOBUF',
          schema: proto('message M {}').text,
          references: [],
          deleted: false,
        },
      ],
      [{ keytype: 'CONFIG', subject: null, magic: 0 }, { compatibilityLevel: 'FULL' }],
    ])
    await consumer.close()
    await registry.close()
    await log.close()
  })
})
