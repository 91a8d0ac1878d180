import { beforeEach, describe, expect, it } from 'vitest'
import { answerRegistryRequest, MemorySchemaRegistry } from '../../../src/sql/schema-registry/index.js'

/* As Confluent's registry answers: status and body, with its error codes. */

let registry: MemorySchemaRegistry

beforeEach(() => {
  registry = new MemorySchemaRegistry()
})

async function ask(method: string, path: string, body?: unknown): Promise<unknown[]> {
  const response = await answerRegistryRequest(registry, {
    method,
    path,
    ...(body === undefined ? {} : { body }),
  })
  return [response.status, response.body]
}

const record = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'r', fields })
const a = { name: 'a', type: 'int' }
const first = { schema: record(a) }
const second = { schema: record(a, { name: 'b', type: 'string', default: '' }) }
const incompatible = { schema: record({ name: 'a', type: 'string' }) }
const proto = { schemaType: 'PROTOBUF', schema: 'syntax = "proto3"; message M { int32 a = 1; }' }

describe('subjects and versions', () => {
  it('are made by registering, and the same schema has one id', async () => {
    expect(await ask('POST', '/subjects/s-value/versions', first)).toEqual([200, { id: 1 }])
    expect(await ask('POST', '/subjects/s-value/versions', second)).toEqual([200, { id: 2 }])
    expect(await ask('POST', '/subjects/s-value/versions', first)).toEqual([200, { id: 1 }])
    expect(await ask('POST', '/subjects/other%2Fvalue/versions', first)).toEqual([200, { id: 1 }])
    expect(await ask('GET', '/subjects')).toEqual([200, ['other/value', 's-value']])
    expect(await ask('GET', '/subjects?subjectPrefix=s')).toEqual([200, ['s-value']])
    expect(await ask('GET', '/subjects/s-value/versions')).toEqual([200, [1, 2]])
    expect(await ask('GET', '/schemas/ids/1/subjects')).toEqual([200, ['s-value', 'other/value']])
  })

  it('tell what they are', async () => {
    await ask('POST', '/subjects/s/versions', first)
    await ask('POST', '/subjects/p/versions', proto)
    expect(await ask('GET', '/subjects/s/versions/1')).toEqual([
      200,
      { subject: 's', version: 1, id: 1, ...first },
    ])
    expect(await ask('GET', '/subjects/p/versions/latest')).toEqual([
      200,
      { subject: 'p', version: 1, id: 2, ...proto },
    ])
    expect(await ask('GET', '/subjects/s/versions/1/schema')).toEqual([200, JSON.parse(first.schema)])
    expect(await ask('GET', '/schemas/ids/2')).toEqual([200, proto])
    expect(await ask('GET', '/schemas/ids/1/versions')).toEqual([200, [{ subject: 's', version: 1 }]])
    expect(await ask('GET', '/schemas/types')).toEqual([200, ['JSON', 'PROTOBUF', 'AVRO']])
  })

  it('are found by their schema', async () => {
    await ask('POST', '/subjects/s/versions', first)
    expect(await ask('POST', '/subjects/s', first)).toEqual([
      200,
      { subject: 's', version: 1, id: 1, ...first },
    ])
    expect(await ask('POST', '/subjects/s', second)).toEqual([
      404,
      { error_code: 40403, message: 'Schema not found' },
    ])
  })

  it('refer to each other', async () => {
    await ask('POST', '/subjects/inner/versions', {
      schema: '{"type":"record","name":"x.Inner","fields":[]}',
    })
    const references = [{ name: 'x.Inner', subject: 'inner', version: 1 }]
    const outer = { schema: record({ name: 'i', type: 'x.Inner' }), references }
    expect(await ask('POST', '/subjects/outer/versions', outer)).toEqual([200, { id: 2 }])
    expect(await ask('GET', '/subjects/outer/versions/1')).toMatchObject([200, { references }])
    expect(await ask('GET', '/subjects/inner/versions/1/referencedby')).toEqual([200, [2]])
  })

  it('are deleted', async () => {
    await ask('POST', '/subjects/s/versions', first)
    await ask('POST', '/subjects/s/versions', second)
    expect(await ask('DELETE', '/subjects/s/versions/1')).toEqual([200, 1])
    expect(await ask('GET', '/subjects/s/versions')).toEqual([200, [2]])
    expect(await ask('DELETE', '/subjects/s')).toEqual([200, [2]])
    expect(await ask('GET', '/subjects')).toEqual([200, []])
    expect(await ask('GET', '/schemas/ids/1')).toMatchObject([200, first])
  })
})

describe('compatibility', () => {
  it('is set for all or for one subject', async () => {
    expect(await ask('GET', '/config')).toEqual([200, { compatibilityLevel: 'BACKWARD' }])
    expect(await ask('PUT', '/config/s', { compatibility: 'none' })).toEqual([200, { compatibility: 'NONE' }])
    expect(await ask('PUT', '/config', { compatibility: 'FULL_TRANSITIVE' })).toMatchObject([200, {}])
    expect(await ask('GET', '/config/s')).toEqual([200, { compatibilityLevel: 'NONE' }])
    expect(await ask('GET', '/config/t')).toEqual([200, { compatibilityLevel: 'FULL_TRANSITIVE' }])
  })

  it('is told without registering, with the reasons on request', async () => {
    await ask('POST', '/subjects/s/versions', first)
    const path = '/compatibility/subjects/s/versions'
    expect(await ask('POST', `${path}/latest`, second)).toEqual([200, { is_compatible: true }])
    expect(await ask('POST', `${path}/1?verbose=true`, incompatible)).toMatchObject([
      200,
      { is_compatible: false, messages: [expect.stringContaining('/a')] },
    ])
    expect(await ask('POST', path, incompatible)).toEqual([200, { is_compatible: false }])
    expect(await ask('POST', '/compatibility/subjects/new/versions', incompatible)).toEqual([
      200,
      { is_compatible: true },
    ])
    expect(await ask('GET', '/subjects/s/versions')).toEqual([200, [1]])
  })
})

describe('refusals', () => {
  beforeEach(async () => {
    await ask('POST', '/subjects/s/versions', first)
  })

  const refused: readonly (readonly [
    method: string,
    path: string,
    body: unknown,
    status: number,
    code: number,
  ])[] = [
    ['GET', '/subjects/none/versions', undefined, 404, 40401],
    ['GET', '/subjects/s/versions/7', undefined, 404, 40402],
    ['GET', '/subjects/s/versions/first', undefined, 422, 42202],
    ['GET', '/schemas/ids/99', undefined, 404, 40403],
    ['GET', '/schemas/ids/x', undefined, 404, 40403],
    ['POST', '/subjects/s/versions', incompatible, 409, 409],
    ['POST', '/subjects/s/versions', { schema: '{' }, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: 7 }, 422, 42201],
    ['POST', '/subjects/s/versions', undefined, 422, 42201],
    ['POST', '/subjects/s/versions', { ...first, schemaType: 'XML' }, 422, 42201],
    ['POST', '/subjects/s/versions', { ...first, references: [{}] }, 422, 42201],
    ['PUT', '/config', { compatibility: 'SIDEWAYS' }, 422, 42203],
    ['GET', '/nowhere', undefined, 404, 404],
    ['PATCH', '/config', undefined, 405, 405],
    ['GET', '/subjects/%E0%A4%A/versions', undefined, 400, 400],
  ]

  it.each(refused)('%s %s with %j gives %i and code %i', async (method, path, body, status, code) => {
    expect(await ask(method, path, body)).toEqual([status, { error_code: code, message: expect.any(String) }])
  })
})
