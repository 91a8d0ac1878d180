import { checkSchema, incompatibilities } from './compatibility.js'
import {
  type CompatibilityLevel,
  compatibilityLevels,
  IncompatibleSchemaError,
  type RegisteredSchema,
  type Schema,
  type SchemaReference,
  type SchemaRegistry,
  SchemaRegistryError,
  type SchemaType,
  type SubjectVersion,
} from './schema-registry.js'

/*
 * The requests of Confluent's Schema Registry, answered from a registry of this process:
 * https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 * Pure but for what is registered: whoever serves HTTP passes method, path and body on, and the answer back.
 */

export interface RegistryRequest {
  readonly method: string
  /** With its query, as in `/subjects/orders-value/versions?normalize=true`. */
  readonly path: string
  /** What the JSON of the body says. */
  readonly body?: unknown
}

export interface RegistryResponse {
  readonly status: number
  /** To be sent as JSON. */
  readonly body: unknown
}

/** A request that is refused. The status is the first three digits of the code. */
class RequestError extends Error {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.errorCode = errorCode
  }

  get status(): number {
    return this.errorCode < 1000 ? this.errorCode : Math.floor(this.errorCode / 100)
  }
}

interface Call {
  readonly registry: SchemaRegistry
  /** What stands in the path where the route has a `:name`, decoded. */
  readonly parameters: readonly string[]
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

type Answer = (call: Call) => unknown | Promise<unknown>

const routes: readonly (readonly [method: string, route: string, answer: Answer])[] = [
  ['GET', '/', () => ({})],
  ['GET', '/subjects', ({ registry, query }) => withPrefix(registry.subjects(), query)],
  ['POST', '/subjects/:subject', lookUp],
  ['DELETE', '/subjects/:subject', deleteSubject],
  ['GET', '/subjects/:subject/versions', (call) => existing(call).map((v) => v.version)],
  ['POST', '/subjects/:subject/versions', register],
  ['GET', '/subjects/:subject/versions/:version', (call) => described(versionOf(call))],
  ['DELETE', '/subjects/:subject/versions/:version', deleteVersion],
  ['GET', '/subjects/:subject/versions/:version/schema', (call) => parsed(versionOf(call).schema)],
  ['GET', '/subjects/:subject/versions/:version/referencedby', referencedBy],
  ['GET', '/schemas', allSchemas],
  ['GET', '/schemas/types', () => ['JSON', 'PROTOBUF', 'AVRO']],
  ['GET', '/schemas/ids/:id', (call) => schemaFields(schemaById(call))],
  ['GET', '/schemas/ids/:id/schema', (call) => parsed(schemaById(call))],
  ['GET', '/schemas/ids/:id/subjects', (call) => [...new Set(usesOf(call).map((v) => v.subject))]],
  [
    'GET',
    '/schemas/ids/:id/versions',
    (call) => usesOf(call).map(({ subject, version }) => ({ subject, version })),
  ],
  ['GET', '/config', ({ registry }) => ({ compatibilityLevel: registry.compatibility(null) })],
  ['PUT', '/config', (call) => setLevel(call, null)],
  [
    'GET',
    '/config/:subject',
    ({ registry, parameters }) => ({ compatibilityLevel: registry.compatibility(parameters[0]!) }),
  ],
  ['PUT', '/config/:subject', (call) => setLevel(call, call.parameters[0]!)],
  [
    'POST',
    '/compatibility/subjects/:subject/versions',
    (call) => compatible(call, call.registry.versions(call.parameters[0]!)),
  ],
  [
    'POST',
    '/compatibility/subjects/:subject/versions/:version',
    (call) => compatible(call, [versionOf(call)]),
  ],
  ['GET', '/mode', () => ({ mode: 'READWRITE' })],
]

/** Answers a request; never throws but for faults of the program. */
export async function answerRegistryRequest(
  registry: SchemaRegistry,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  try {
    return { status: 200, body: await dispatch(registry, request) }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === null) throw error
    return { status: refusal.status, body: { error_code: refusal.errorCode, message: refusal.message } }
  }
}

function refusalOf(error: unknown): RequestError | null {
  if (error instanceof RequestError) return error
  if (!(error instanceof SchemaRegistryError)) return null
  return new RequestError(error instanceof IncompatibleSchemaError ? 409 : 42201, error.message)
}

function dispatch(registry: SchemaRegistry, { method, path, body }: RegistryRequest): unknown {
  const url = new URL(path, 'http://registry')
  const parts = url.pathname.replace(/(?<=.)\/$/, '').split('/')
  let known = false
  for (const [verb, route, answer] of routes) {
    const parameters = matched(route.split('/'), parts)
    if (parameters === null) continue
    known = true
    if (verb !== method.toUpperCase()) continue
    const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
    return answer({ registry, parameters, query: url.searchParams, body: fields })
  }
  throw known
    ? new RequestError(405, 'HTTP 405 Method Not Allowed')
    : new RequestError(404, 'HTTP 404 Not Found')
}

function matched(route: readonly string[], parts: readonly string[]): string[] | null {
  if (route.length !== parts.length) return null
  const parameters: string[] = []
  for (const [i, part] of route.entries()) {
    if (part.startsWith(':')) parameters.push(decoded(parts[i]!))
    else if (part !== parts[i]) return null
  }
  return parameters
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new RequestError(400, `The path holds a malformed escape: ${part}`)
  }
}

// ------------------------------------------------------------------------------------------------- subjects

function withPrefix(subjects: readonly string[], query: URLSearchParams): string[] {
  const prefix = query.get('subjectPrefix') ?? ''
  return subjects.filter((subject) => subject.startsWith(prefix)).sort()
}

function existing({ registry, parameters }: Call): readonly SubjectVersion[] {
  const [subject] = parameters
  const versions = registry.versions(subject!)
  if (versions.length > 0) return versions
  throw new RequestError(40401, `Subject '${subject}' not found.`)
}

function versionOf(call: Call): SubjectVersion {
  const versions = existing(call)
  const wanted = call.parameters[1]!
  if (wanted === 'latest' || wanted === '-1') return versions.at(-1)!
  if (!/^[1-9]\d{0,9}$/.test(wanted)) {
    throw new RequestError(
      42202,
      `The specified version '${wanted}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
    )
  }
  const found = versions.find((v) => v.version === Number(wanted))
  if (found !== undefined) return found
  throw new RequestError(40402, `Version ${wanted} not found.`)
}

function described({ subject, version, schema }: SubjectVersion) {
  const { id, ...fields } = { id: schema.id, ...schemaFields(schema) }
  return { subject, version, id, ...fields }
}

/** Avro is what a schema is when nothing else is said. */
function schemaFields({ type, text, references = [] }: Schema) {
  return {
    ...(type === 'AVRO' ? {} : { schemaType: type }),
    ...(references.length === 0 ? {} : { references }),
    schema: text,
  }
}

function parsed({ text, type }: Schema): unknown {
  return type === 'PROTOBUF' ? text : JSON.parse(text)
}

async function register(call: Call): Promise<unknown> {
  const { registry, parameters, body } = call
  const id = body['id']
  const options = typeof id === 'number' && id > 0 ? { id } : {}
  const { schema } = registry.register(parameters[0]!, schemaOf(body), options)
  await registry.flush()
  return { id: schema.id }
}

function lookUp(call: Call): unknown {
  existing(call)
  const found = call.registry.find(call.parameters[0]!, schemaOf(call.body))
  if (found === null) throw new RequestError(40403, 'Schema not found')
  return described(found)
}

async function deleteSubject(call: Call): Promise<unknown> {
  const versions = existing(call).map((v) => v.version)
  call.registry.deleteSubject(call.parameters[0]!)
  await call.registry.flush()
  return versions
}

async function deleteVersion(call: Call): Promise<unknown> {
  const { subject, version } = versionOf(call)
  call.registry.deleteVersion(subject, version)
  await call.registry.flush()
  return version
}

function schemaOf(body: Call['body']): Schema {
  const { schema, schemaType = 'AVRO', references = [] } = body
  if (typeof schema !== 'string' || schema.trim() === '') {
    throw new RequestError(42201, 'Invalid schema: the body must hold a schema, as text')
  }
  const type = String(schemaType).toUpperCase()
  if (!isSchemaType(type)) throw new RequestError(42201, `Invalid schema type: ${schemaType}`)
  if (!Array.isArray(references) || !references.every(isReference)) {
    throw new RequestError(42201, 'Invalid schema: references are a list of {name, subject, version}')
  }
  return { type, text: schema, references }
}

function isSchemaType(text: string): text is SchemaType {
  return text === 'AVRO' || text === 'PROTOBUF' || text === 'JSON'
}

function isReference(value: unknown): value is SchemaReference {
  if (typeof value !== 'object' || value === null) return false
  const { name, subject, version } = value as Partial<SchemaReference>
  return typeof name === 'string' && typeof subject === 'string' && Number.isInteger(version)
}

// -------------------------------------------------------------------------------------------------- schemas

function schemaById({ registry, parameters }: Call): RegisteredSchema {
  const [id] = parameters
  const found = /^\d+$/.test(id!) ? registry.byId(Number(id)) : null
  if (found !== null) return found
  throw new RequestError(40403, `Schema ${id} not found`)
}

function everyVersion(registry: SchemaRegistry): SubjectVersion[] {
  return registry.subjects().flatMap((subject) => registry.versions(subject))
}

function usesOf(call: Call): SubjectVersion[] {
  const { id } = schemaById(call)
  return everyVersion(call.registry).filter((v) => v.schema.id === id)
}

function allSchemas({ registry, query }: Call): unknown {
  const prefix = query.get('subjectPrefix') ?? ''
  const latestOnly = query.get('latestOnly') === 'true'
  return registry
    .subjects()
    .filter((subject) => subject.startsWith(prefix))
    .flatMap((subject) => (latestOnly ? registry.versions(subject).slice(-1) : registry.versions(subject)))
    .map(described)
}

/** Ids of the schemas that refer to a version. */
function referencedBy(call: Call): number[] {
  const { subject, version } = versionOf(call)
  const referring = everyVersion(call.registry).filter(({ schema }) =>
    schema.references?.some((r) => r.subject === subject && r.version === version),
  )
  return [...new Set(referring.map((v) => v.schema.id))]
}

// -------------------------------------------------------------------------------------------- compatibility

async function setLevel({ registry, body }: Call, subject: string | null): Promise<unknown> {
  const level = String(body['compatibility'] ?? '').toUpperCase()
  if (!(compatibilityLevels as readonly string[]).includes(level)) {
    throw new RequestError(
      42203,
      `Invalid compatibility level. Valid values are ${[...compatibilityLevels].sort().join(', ')}`,
    )
  }
  registry.setCompatibility(subject, level as CompatibilityLevel)
  await registry.flush()
  return { compatibility: level }
}

function compatible(
  { registry, parameters, body, query }: Call,
  against: readonly SubjectVersion[],
): unknown {
  const schema = schemaOf(body)
  checkSchema(schema, registry)
  const level = registry.compatibility(parameters[0]!)
  const history = against.map((v) => v.schema)
  const messages = incompatibilities(schema, history, level, registry)
  const verbose = query.get('verbose') === 'true'
  return { is_compatible: messages.length === 0, ...(verbose ? { messages } : {}) }
}
