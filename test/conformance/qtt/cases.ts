import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Json, NumberText, parseExact, printExact } from '../exact-json.js'

/** The case files as they are; see the cases' README for the meaning of each field. */

export interface RecordSpec {
  readonly topic: string
  readonly key: Json
  readonly value: Json
  /** Absent in an output: any. */
  readonly timestamp: number | null
  readonly window: { readonly start: number; readonly end: number; readonly type: 'time' | 'session' } | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly schemas: readonly SchemaSpec[]
}

export interface SchemaSpec {
  readonly role: 'key' | 'value'
  readonly format: string
  readonly text: string
  /** The id it must get. */
  readonly id: number | null
  readonly references: readonly { readonly name: string; readonly format: string; readonly text: string }[]
}

export interface Case {
  readonly id: string
  readonly suite: Suite
  readonly statements: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  readonly topics: readonly TopicSpec[]
  readonly inputs: readonly RecordSpec[]
  readonly outputs: readonly RecordSpec[]
  /** `expectedException` of qtt cases, `expectedError` of the others. */
  readonly expectedError: ExpectedError | null
  readonly post: Json
  readonly responses: readonly { readonly [name: string]: Json }[]
  readonly waitForActivePushQuery: boolean
  readonly verifyOrder: boolean
}

export type Suite = 'qtt' | 'rest' | 'sql'

export interface ExpectedError {
  readonly type: string | null
  readonly message: string | null
  readonly status: number | null
}

export interface CaseFile {
  readonly name: string
  readonly suite: Suite
  readonly cases: readonly Case[]
}

export function readCaseFiles(directory: string): CaseFile[] {
  return (['qtt', 'rest', 'sql'] as const).flatMap((suite) =>
    jsonFilesBelow(join(directory, suite)).map((path): CaseFile => {
      const file = object(parseExact(readFileSync(path, 'utf8')))
      return { name: text(file.file), suite, cases: list(file.cases).map((c) => readCase(suite, object(c))) }
    }),
  )
}

function jsonFilesBelow(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name)
      if (statSync(path).isDirectory()) return jsonFilesBelow(path)
      return name.endsWith('.json') ? [path] : []
    })
}

function readCase(suite: Suite, c: { [name: string]: Json }): Case {
  const error = c.expectedException ?? c.expectedError ?? null
  const conditions = object(c.inputConditions ?? {})
  return {
    id: text(c.id),
    suite,
    statements: typeof c.statements === 'string' ? [c.statements] : list(c.statements).map(text),
    properties: Object.fromEntries(
      Object.entries(object(c.properties ?? {})).map(([k, v]) => [k, String(v)]),
    ),
    topics: list(c.topics ?? []).map((t) => readTopic(object(t))),
    inputs: list(c.inputs ?? []).map((r) => readRecord(object(r))),
    outputs: list(c.outputs ?? []).map((r) => readRecord(object(r))),
    expectedError: error === null ? null : readError(object(error)),
    post: c.post ?? null,
    responses: list(c.responses ?? []).map(object),
    waitForActivePushQuery: conditions.waitForActivePushQuery === true,
    verifyOrder: object(c.outputConditions ?? {}).verifyOrder === true,
  }
}

function readError(e: { [name: string]: Json }): ExpectedError {
  return { type: textOrNull(e.type), message: textOrNull(e.message), status: numberOrNull(e.status) }
}

function readTopic(t: { [name: string]: Json }): TopicSpec {
  return {
    name: text(t.name),
    partitions: numberOrNull(t.partitions) ?? 1,
    schemas: [...readSchema('key', t), ...readSchema('value', t)],
  }
}

function readSchema(role: 'key' | 'value', t: { [name: string]: Json }): SchemaSpec[] {
  const schema = t[`${role}Schema`] ?? null
  if (schema === null) return []
  const format = text(t[`${role}Format`])
  const references = list(t[`${role}SchemaReferences`] ?? []).map((r) => {
    const { name, format: kind, schema: written } = object(r)
    return { name: text(name), format: text(kind), text: schemaText(text(kind), written!) }
  })
  return [
    { role, format, text: schemaText(format, schema), id: numberOrNull(t[`${role}SchemaId`]), references },
  ]
}

function schemaText(format: string, schema: Json): string {
  return format === 'PROTOBUF' ? text(schema) : printExact(schema)
}

function readRecord(r: { [name: string]: Json }): RecordSpec {
  return {
    topic: text(r.topic),
    key: r.key ?? null,
    value: r.value ?? null,
    timestamp: numberOrNull(r.timestamp),
    window: r.window == null ? null : readWindow(object(r.window)),
    headers: list(r.headers ?? []).map((h) => {
      const { KEY, VALUE } = object(h)
      return { key: text(KEY), value: VALUE == null ? null : Buffer.from(text(VALUE), 'base64') }
    }),
  }
}

function readWindow(w: { [name: string]: Json }): RecordSpec['window'] {
  return {
    start: Number(String(w.start)),
    end: Number(String(w.end)),
    type: text(w.type).toLowerCase() === 'session' ? 'session' : 'time',
  }
}

export function object(value: Json | undefined): { [name: string]: Json } {
  if (value == null || typeof value !== 'object' || Array.isArray(value) || value instanceof NumberText) {
    throw new Error(`a JSON object was expected, found ${JSON.stringify(value)}`)
  }
  return value
}

export function list(value: Json | undefined): Json[] {
  if (!Array.isArray(value)) throw new Error(`a JSON array was expected, found ${JSON.stringify(value)}`)
  return value
}

export function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Error(`a JSON string was expected, found ${JSON.stringify(value)}`)
  return value
}

function textOrNull(value: Json | undefined): string | null {
  return value == null ? null : String(value)
}

function numberOrNull(value: Json | undefined): number | null {
  return value == null ? null : Number(String(value))
}
