import type { DataSource, FormatInfo } from '../../../src/sql/metastore.js'
import { parseColumns } from '../../../src/sql/parse.js'
import { type SchemaRegistry, subjectOf } from '../../../src/sql/schema-registry/index.js'
import { formatType } from '../../../src/sql/types.js'
import type { Json } from '../exact-json.js'
import { list, object, text } from './cases.js'

/** The checks on catalogue and topics after a case (README section 7). Null when all hold. */
export function checkPost(
  post: Json,
  sources: readonly DataSource[],
  topicNames: readonly string[],
  registry: SchemaRegistry,
): string | null {
  if (post === null) return null
  const checks = object(post)
  for (const entry of list(checks.sources ?? [])) {
    const expected = object(entry)
    const named = sources.filter((s) => s.name === text(expected.name))
    const differences = named.map((source) => sourceDifference(expected, source))
    if (differences.includes(null)) continue
    return `post: source ${text(expected.name)}: ${differences[0] ?? 'there is none'}`
  }
  return topicsDifference(checks.topics ?? null, sources, topicNames, registry)
}

function sourceDifference(expected: { [name: string]: Json }, source: DataSource): string | null {
  const { type, schema, keyFormat, valueFormat, keyFeatures, valueFeatures, isSource } = expected
  if (type != null && text(type).toUpperCase() !== source.kind) return `is a ${source.kind}`
  if (schema != null) {
    const [found, wanted] = [columnsText(source), declaredText(text(schema))]
    if (found !== wanted) return `schema: expected ${wanted}, found ${found}`
  }
  if (keyFormat != null) {
    const difference = keyFormatDifference(object(keyFormat), source)
    if (difference !== null) return difference
  }
  if (valueFormat != null && text(valueFormat) !== source.valueFormat.name)
    return `value format is ${source.valueFormat.name}`
  if (isSource != null && isSource !== source.isSource) return `isSource is ${source.isSource}`
  return (
    featuresDifference('key', keyFeatures, source.keyFormat) ??
    featuresDifference('value', valueFeatures, source.valueFormat)
  )
}

function keyFormatDifference(expected: { [name: string]: Json }, source: DataSource): string | null {
  const { format, windowType, windowSize } = expected
  if (text(format) !== source.keyFormat.name) return `key format is ${source.keyFormat.name}`
  const type = windowType == null ? null : text(windowType)
  if (type !== (source.window?.type ?? null)) return `window type is ${source.window?.type ?? 'none'}`
  const size = windowSize == null ? null : Number(String(windowSize))
  return size === (source.window?.sizeMs ?? null) ? null : `window size is ${source.window?.sizeMs ?? 'none'}`
}

function featuresDifference(what: string, expected: Json | undefined, format: FormatInfo): string | null {
  if (expected == null) return null
  const wanted = list(expected).map(text).sort().join(', ')
  const found = [...format.features].sort().join(', ')
  return wanted === found ? null : `${what} features: expected [${wanted}], found [${found}]`
}

function columnsText({ schema }: DataSource): string {
  return schema.columns
    .map((c) => `${c.name} ${formatType(c.type)}${c.role === 'key' ? ' KEY' : ''}`)
    .join(', ')
}

function declaredText(schema: string): string {
  return parseColumns(schema)
    .map((e) => {
      const isKey = e.constraint === 'KEY' || e.constraint === 'PRIMARY KEY'
      return `${e.name} ${typeText(e.type)}${isKey ? ' KEY' : ''}`
    })
    .join(', ')
}

type Written = ReturnType<typeof parseColumns>[number]['type']

function typeText(type: Written): string {
  switch (type.kind) {
    case 'type':
      return formatType(type.type)
    case 'arrayType':
      return `ARRAY<${typeText(type.element)}>`
    case 'mapType':
      return `MAP<${typeText(type.key)}, ${typeText(type.value)}>`
    case 'structType':
      return `STRUCT<${type.fields.map((f) => `\`${f.name}\` ${typeText(f.type)}`).join(', ')}>`
    case 'customType':
      throw new Error(`${type.name} is not a plain type`)
  }
}

/**
 * Topic names against the blacklist, and the formats of the topics that sources stand on. Entries that name internal
 * topics of Kafka Streams are passed over: the README leaves that to the engine.
 */
function topicsDifference(
  topics: Json,
  sources: readonly DataSource[],
  topicNames: readonly string[],
  registry: SchemaRegistry,
): string | null {
  if (topics === null) return null
  const { blacklist, topics: entries } = object(topics)
  if (blacklist != null) {
    const pattern = new RegExp(text(blacklist))
    const hit = topicNames.find((name) => pattern.test(name))
    if (hit !== undefined) return `post: topic ${hit} must not exist`
  }
  for (const entry of list(entries ?? [])) {
    const { name, keyFormat, valueFormat } = object(entry)
    const named = sources.filter((s) => s.topic === text(name))
    if (named.length === 0) continue
    const wantedKey = object(keyFormat ?? {}).format ?? null
    const wantedValue = object(valueFormat ?? {}).format ?? null
    const fits = named.some(
      (s) =>
        (wantedKey === null || wantedKey === s.keyFormat.name) &&
        (wantedValue === null || wantedValue === s.valueFormat.name),
    )
    if (!fits)
      return `post: topic ${text(name)}: formats are ${named[0]!.keyFormat.name}/${named[0]!.valueFormat.name}`
    const found = schemaDifference(object(entry), named, registry)
    if (found !== null) return `post: topic ${text(name)}: ${found}`
  }
  return null
}

/** The properties of the formats, and the schemas registered last. */
function schemaDifference(
  entry: { [name: string]: Json },
  sources: readonly DataSource[],
  registry: SchemaRegistry,
): string | null {
  for (const role of ['key', 'value'] as const) {
    const formatName = `${role}Format` as const
    const wanted = entry[formatName] == null ? null : object(entry[formatName])
    if (wanted !== null) {
      const expected = sorted(object(wanted.properties ?? {}))
      const found = sources.map((s) => sorted(s[formatName].properties))
      if (!found.includes(expected)) return `${role} properties are ${found.join(' or ')}, not ${expected}`
    }
    const schema = entry[`${role}Schema`] ?? null
    if (schema === null) continue
    const latest = registry.latest(subjectOf(text(entry.name), role))?.schema.text ?? 'none'
    const same =
      typeof schema === 'string' ? schema === latest : sorted(schema) === sorted(JSON.parse(latest))
    if (!same) return `${role} schema is ${latest}, not ${sorted(schema)}`
  }
  return null
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
