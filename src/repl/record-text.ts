import type { ConsumerRecord, Header } from '../log/index.js'
import { UsageError } from './command-context.js'

/* Records as text: as JSON, and in the format strings that kcat knows. */

export type BytesRecord = ConsumerRecord<Uint8Array, Uint8Array>

/** What `produce --from-json` reads and `consume --json` prints; all but the value may be missing. */
export interface JsonRecord {
  readonly partition?: number
  readonly timestamp?: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

/** A record on one line. Bytes that are UTF-8 are text, others `{base64}`. */
export function recordToJson({
  topic,
  partition,
  offset,
  timestamp,
  key,
  value,
  headers,
}: BytesRecord): string {
  const shown = headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) }))
  return JSON.stringify({
    topic,
    partition,
    offset,
    timestamp,
    key: bytesToJson(key),
    value: bytesToJson(value),
    ...(shown.length === 0 ? {} : { headers: shown }),
  })
}

/** The partition of a record that was read from another topic does not count. Throws an Error that says what is wrong. */
export function recordFromJson(line: string, topic: string): JsonRecord {
  const json = JSON.parse(line) as Record<string, unknown>
  if (typeof json !== 'object' || json === null || !('value' in json)) {
    throw new Error(`not a JSON object with a value, such as {"key":"k","value":"v"}`)
  }
  const { partition, timestamp, key = null, value, headers = [] } = json
  if (!Array.isArray(headers)) throw new Error('headers are a list of {"key":"k","value":"v"}')
  const elsewhere = json['topic'] !== undefined && json['topic'] !== topic
  return {
    ...(partition === undefined || elsewhere ? {} : { partition: wholeNumberIn(partition, 'partition') }),
    ...(timestamp === undefined ? {} : { timestamp: wholeNumberIn(timestamp, 'timestamp') }),
    key: bytesFromJson(key, 'key'),
    value: bytesFromJson(value, 'value'),
    headers: headers.map(headerFromJson),
  }
}

function headerFromJson(header: unknown): Header {
  const { key, value = null } = (header ?? {}) as Record<string, unknown>
  if (typeof key !== 'string') throw new Error('a header is {"key":"k","value":"v"}')
  return { key, value: bytesFromJson(value, 'header value') }
}

function wholeNumberIn(value: unknown, name: string): number {
  if (Number.isSafeInteger(value)) return value as number
  throw new Error(`${name} is a whole number, not ${JSON.stringify(value)}`)
}

function bytesToJson(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null
  return utf8(bytes) ?? { base64: Buffer.from(bytes).toString('base64') }
}

/** Text, `{base64}` or null; what else JSON knows stands for its own text. */
function bytesFromJson(value: unknown, name: string): Uint8Array | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value === 'object' && 'base64' in value) {
    if (typeof value.base64 === 'string') return Buffer.from(value.base64, 'base64')
    throw new Error(`the base64 of the ${name} is no text`)
  }
  return Buffer.from(JSON.stringify(value))
}

/** For people: text where it is text, else hexadecimal. */
export function readable(bytes: Uint8Array | null): string {
  if (bytes === null) return 'NULL'
  return utf8(bytes) ?? `0x${Buffer.from(bytes).toString('hex')}`
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function utf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

const TOKENS: Readonly<Record<string, (record: BytesRecord) => string>> = {
  '%t': ({ topic }) => topic,
  '%p': ({ partition }) => String(partition),
  '%o': ({ offset }) => String(offset),
  '%T': ({ timestamp }) => String(timestamp),
  '%k': ({ key }) => readable(key),
  '%s': ({ value }) => readable(value),
  '%K': ({ key }) => String(key?.length ?? -1),
  '%S': ({ value }) => String(value?.length ?? -1),
  '%h': ({ headers }) => headers.map((h) => `${h.key}=${readable(h.value)}`).join(','),
  '%%': () => '%',
  '\\n': () => '\n',
  '\\t': () => '\t',
}

/** As kcat's -f. A line break at the end is implied. */
export function compileFormat(format: string): (record: BytesRecord) => string {
  for (const token of format.match(/%./g) ?? []) {
    if (TOKENS[token] === undefined) throw new UsageError(`--format does not know ${token}`)
  }
  return (record) => format.replaceAll(/%.|\\[nt]/g, (token) => TOKENS[token]!(record))
}
