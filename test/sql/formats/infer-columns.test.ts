import { describe, expect, it } from 'vitest'
import {
  checkSchemaColumns,
  type InferRequest,
  inferColumns,
  inferElements,
  registerSchemas,
  type SchemaSide,
} from '../../../src/sql/formats/index.js'
import { MemorySchemaRegistry, type Schema } from '../../../src/sql/schema-registry/index.js'
import { SqlTypes } from '../../../src/sql/types.js'

const { struct, STRING, INTEGER, BIGINT } = SqlTypes

const record = (...fields: unknown[]): Schema => ({
  type: 'AVRO',
  text: JSON.stringify({ type: 'record', name: 'r', fields }),
})
const id = { name: 'id', type: 'int' }
const name = { name: 'name', type: ['null', 'string'], default: null }

function registryWith(schemas: Readonly<Record<string, Schema>>): MemorySchemaRegistry {
  const registry = new MemorySchemaRegistry({ compatibility: 'NONE' })
  for (const [subject, schema] of Object.entries(schemas)) registry.register(subject, schema)
  return registry
}

function infer(schemas: Readonly<Record<string, Schema>>, request: Partial<InferRequest> = {}) {
  return inferColumns({
    topic: 't',
    role: 'value',
    format: 'AVRO',
    registry: registryWith(schemas),
    ...request,
  })
}

describe('columns from the registry', () => {
  it('are those of the latest schema of the topic, in upper case', () => {
    const registry = registryWith({ 't-value': record(id) })
    registry.register('t-value', record(id, name))
    expect(inferColumns({ topic: 't', role: 'value', format: 'avro', registry })).toEqual([
      { name: 'ID', type: INTEGER },
      { name: 'NAME', type: STRING },
    ])
  })

  it('are those of a schema chosen by its id, as they are written there', () => {
    expect(infer({ other: record(id), 't-value': record(name) }, { schemaId: 1 })).toEqual([
      { name: 'id', type: INTEGER },
    ])
  })

  it('are one column for a key, but in Protobuf a message of columns', () => {
    const role = 'key'
    expect(infer({ 't-key': { type: 'AVRO', text: '"long"' } }, { role })).toEqual([
      { name: 'ROWKEY', type: BIGINT },
    ])
    expect(infer({ 't-key': record(id) }, { role })).toEqual([
      { name: 'ROWKEY', type: struct([{ name: 'ID', type: INTEGER }]) },
    ])
    const message: Schema = { type: 'PROTOBUF', text: 'syntax = "proto3"; message M { int32 a = 1; }' }
    expect(infer({ 't-key': message }, { role, format: 'PROTOBUF' })).toEqual([{ name: 'A', type: INTEGER }])
  })

  it('are one column for a value that is not wrapped', () => {
    const bare: Schema = { type: 'AVRO', text: '{"type":"int"}' }
    expect(infer({ 't-value': bare }, { wrapSingle: false })).toEqual([{ name: 'ROWVAL', type: INTEGER }])
    expect(() => infer({ 't-value': bare })).toThrow("set 'WRAP_SINGLE_VALUE=false' in the WITH clause")
  })

  it('are none where the format has no schemas', () => {
    expect(infer({}, { format: 'JSON' })).toBeNull()
    expect(() => infer({}, { format: 'JSON', schemaId: 1 })).toThrow(
      'VALUE_FORMAT should support schema inference when VALUE_SCHEMA_ID is provided. Current format is JSON.',
    )
  })

  it('must be there, in the format that was said, and differ in more than case', () => {
    expect(() => infer({})).toThrow(
      "Schema for message values on topic 't' does not exist in the Schema Registry.\nSubject: t-value",
    )
    expect(() => infer({}, { schemaId: 9, role: 'key' })).toThrow('Schema Id: 9')
    expect(() => infer({ 't-value': record(id) }, { format: 'JSON_SR' })).toThrow(
      "You may want to set VALUE_FORMAT to 'AVRO'.",
    )
    expect(() => infer({ 't-value': record(id, { ...id, name: 'ID' }) })).toThrow(
      'Duplicate column names: `ID`',
    )
  })

  it('can be the elements of a statement', () => {
    const registry = registryWith({ 't-key': { type: 'AVRO', text: '"int"' } })
    expect(inferElements({ topic: 't', role: 'key', format: 'AVRO', registry }, 'PRIMARY KEY')).toEqual([
      { name: 'ROWKEY', type: { kind: 'type', type: INTEGER }, constraint: 'PRIMARY KEY', location: null },
    ])
  })
})

describe('what a stream or table registers', () => {
  const columns = [{ name: 'A', type: INTEGER }]
  const side = (more: Partial<SchemaSide> = {}): SchemaSide => ({
    role: 'value',
    format: 'AVRO',
    columns,
    properties: {},
    ...more,
  })

  it('is the schema of its columns, unless the topic has one', () => {
    const registry = registryWith({ 'u-value': record(id) })
    registerSchemas({ topic: 't', sides: [side(), side({ role: 'key', format: 'KAFKA' })] }, registry, false)
    registerSchemas({ topic: 'u', sides: [side()] }, registry, false)
    expect(registry.subjects()).toEqual(['u-value', 't-value'])
    expect(registry.versions('u-value')).toHaveLength(1)
    registerSchemas({ topic: 'u', sides: [side()] }, registry, true)
    expect(registry.versions('u-value')).toHaveLength(2)
  })

  it('is the schema that was chosen by its id', () => {
    const registry = registryWith({ other: record(id) })
    registerSchemas({ topic: 't', sides: [side({ schemaId: 1 })] }, registry, true)
    expect(registry.latest('t-value')).toMatchObject({ version: 1, schema: { id: 1 } })
  })

  it('must be compatible', () => {
    const registry = new MemorySchemaRegistry()
    registerSchemas({ topic: 't', sides: [side()] }, registry, true)
    const changed = side({ columns: [{ name: 'A', type: STRING }] })
    expect(() => registerSchemas({ topic: 't', sides: [changed] }, registry, true)).toThrow(
      'Could not register schema for topic: Schema being registered is incompatible',
    )
  })

  it('must begin as the schema does that was chosen by its id', () => {
    const registry = registryWith({ s: record({ name: 'A', type: 'int' }, name) })
    const check =
      (...names: string[]) =>
      () =>
        checkSchemaColumns(
          't',
          side({ schemaId: 1, columns: names.map((n) => ({ name: n, type: INTEGER })) }),
          registry,
        )
    expect(check('A')).not.toThrow()
    expect(check('B')).toThrow(
      'The following value columns are changed, missing or reordered: [`B` INTEGER]. ' +
        'Schema from schema registry is [`A` INTEGER, `name` STRING]',
    )
  })
})
