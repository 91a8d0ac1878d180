import type { Decimal } from 'decimal.js'
import { encodeBase64 } from '../expression/base64.js'
import { formatDate, formatTime, formatTimestamp } from '../expression/date-time.js'
import { decimalToPlainText } from '../expression/decimal.js'
import { doubleToText } from '../expression/java-text.js'
import type { SqlType } from '../types.js'
import { formatJson, type JsonNode, parseJson, parseJsonPath } from './json-text.js'
import type { ScalarFunction } from './registry.js'

/** Text is given as it is, everything else as JSON. */
function textOf(node: JsonNode): string {
  return node.kind === 'string' ? node.value : formatJson(node)
}

function extractField(): (text: string, path: string) => string | null {
  let latestPath: string | null = null
  let steps: string[] = []
  return (text, path) => {
    if (path !== latestPath) {
      steps = parseJsonPath(path)
      latestPath = path
    }
    let node = parseJson(text)
    for (const step of steps) {
      if (node?.kind === 'array') node = /^\d+$/.test(step) ? (node.items[Number(step)] ?? null) : null
      else node = node?.kind === 'object' ? (node.fields.get(step) ?? null) : null
    }
    return node === null ? null : textOf(node)
  }
}

function isJson(text: string | null): boolean {
  if (text === null) return false
  try {
    return parseJson(text) !== null
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** Whole numbers equal INT and BIGINT, others DOUBLE; text equals STRING, and so on. */
function matches(node: JsonNode, value: unknown, type: SqlType | null): boolean {
  switch (node.kind) {
    case 'null':
      return value === null
    case 'boolean':
    case 'string':
      return node.value === value
    case 'number': {
      if (value === null) return false
      if (/^-?\d+$/.test(node.text)) {
        return (
          (type?.kind === 'INTEGER' || type?.kind === 'BIGINT') &&
          BigInt(node.text) === BigInt(value as number)
        )
      }
      return type?.kind === 'DOUBLE' && Number(node.text) === value
    }
    default:
      return false
  }
}

function arrayContains(type: SqlType | null): (text: string | null, value: unknown) => boolean | null {
  return (text, value) => {
    if (text === null) return null
    try {
      const node = parseJson(text)
      return node?.kind === 'array' && node.items.some((item) => matches(item, value, type))
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }
}

/** Objects only are merged, the last of a name counting; anything else is joined as one array. */
function concat(...texts: readonly string[]): string | null {
  const nodes: JsonNode[] = []
  for (const text of texts) {
    const node = parseJson(text)
    if (node === null) return null
    nodes.push(node)
  }
  if (nodes.length === 0) return null
  if (nodes.length === 1) return formatJson(nodes[0]!)
  if (nodes.every((node) => node.kind === 'object')) {
    return formatJson({ kind: 'object', fields: new Map(nodes.flatMap((node) => [...node.fields])) })
  }
  const items = nodes.flatMap((node) => (node.kind === 'array' ? node.items : [node]))
  return formatJson({ kind: 'array', items })
}

function fieldsOf(text: string): ReadonlyMap<string, JsonNode> | null {
  const node = parseJson(text)
  return node?.kind === 'object' ? node.fields : null
}

function records(text: string): Map<string, string> | null {
  const fields = fieldsOf(text)
  if (fields === null) return null
  return new Map([...fields].map(([name, node]) => [name, textOf(node)]))
}

/** @throws RangeError when it is not a JSON array */
function items(text: string): string[] {
  const node = parseJson(text)
  if (node?.kind !== 'array') throw new RangeError(`Invalid JSON format: ${text}`)
  return node.items.map(formatJson)
}

/** Fields and keys in alphabetical order. */
export function valueToJson(value: unknown, type: SqlType | null): string {
  if (value === null || type === null) return 'null'
  switch (type.kind) {
    case 'BOOLEAN':
    case 'INTEGER':
    case 'BIGINT':
      return String(value)
    case 'DOUBLE':
      return Number.isFinite(value) ? doubleToText(value as number) : `"${doubleToText(value as number)}"`
    case 'DECIMAL':
      return decimalToPlainText(value as Decimal, type.scale)
    case 'STRING':
      return JSON.stringify(value)
    case 'BYTES':
      return JSON.stringify(encodeBase64(value as Uint8Array))
    case 'DATE':
      return JSON.stringify(formatDate(value as number))
    case 'TIME':
      return JSON.stringify(formatTime(value as number))
    case 'TIMESTAMP':
      return JSON.stringify(formatTimestamp(value as number))
    case 'ARRAY':
      return `[${(value as unknown[]).map((item) => valueToJson(item, type.element)).join(',')}]`
    case 'MAP':
      return objectText(
        [...(value as Map<unknown, unknown>)].map(([k, v]) => [String(k), valueToJson(v, type.value)]),
      )
    case 'STRUCT':
      return objectText(
        type.fields.map((f, i) => [f.name, valueToJson((value as unknown[])[i] ?? null, f.type)]),
      )
  }
}

function objectText(entries: [string, string][]): string {
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
}

export const jsonFunctions: readonly ScalarFunction[] = [
  {
    name: 'extractjsonfield',
    variants: [{ parameters: 'STRING input, STRING path', returns: 'STRING', create: () => extractField() }],
  },
  {
    name: 'is_json_string',
    variants: [{ parameters: 'STRING input', returns: 'BOOLEAN', nulls: 'handled', fn: isJson }],
  },
  {
    name: 'json_array_contains',
    variants: [
      {
        parameters: 'STRING jsonArray, T val',
        returns: 'BOOLEAN',
        nulls: 'handled',
        create: ({ argumentTypes }) => arrayContains(argumentTypes[1] ?? null),
      },
    ],
  },
  {
    name: 'json_array_length',
    variants: [
      {
        parameters: 'STRING jsonArray',
        returns: 'INTEGER',
        fn: (text: string) => {
          const node = parseJson(text)
          return node?.kind === 'array' ? node.items.length : null
        },
      },
    ],
  },
  { name: 'json_concat', variants: [{ parameters: 'STRING... jsonStrings', returns: 'STRING', fn: concat }] },
  { name: 'json_items', variants: [{ parameters: 'STRING jsonItems', returns: 'ARRAY<STRING>', fn: items }] },
  {
    name: 'json_keys',
    variants: [
      {
        parameters: 'STRING jsonObj',
        returns: 'ARRAY<STRING>',
        fn: (text: string) => {
          const fields = fieldsOf(text)
          return fields === null ? null : [...fields.keys()]
        },
      },
    ],
  },
  {
    name: 'json_records',
    variants: [{ parameters: 'STRING jsonObj', returns: 'MAP<STRING, STRING>', fn: records }],
  },
  {
    name: 'to_json_string',
    variants: [
      {
        parameters: 'T val',
        returns: 'STRING',
        nulls: 'handled',
        create:
          ({ argumentTypes }) =>
          (value: unknown) =>
            valueToJson(value, argumentTypes[0] ?? null),
      },
    ],
  },
]
