import { avroIncompatibilities } from './avro-compatibility.js'
import { parseAvro } from './avro-schema.js'
import { jsonIncompatibilities } from './json-compatibility.js'
import { protobufIncompatibilities } from './protobuf-compatibility.js'
import { parseProtobuf } from './protobuf-schema.js'
import {
  type CompatibilityLevel,
  referencedTexts,
  type Schema,
  type SchemaRegistry,
  SchemaRegistryError,
} from './schema-registry.js'

/** Why a schema may not follow the ones before, oldest first; empty when the level allows it. */
export function incompatibilities(
  schema: Schema,
  history: readonly Schema[],
  level: CompatibilityLevel,
  registry: SchemaRegistry,
): string[] {
  if (level === 'NONE' || history.length === 0) return []
  const transitive = level.endsWith('_TRANSITIVE')
  const direction = level.replace('_TRANSITIVE', '')
  return (transitive ? history : history.slice(-1)).flatMap((older) => {
    const reasons: string[] = []
    if (direction !== 'FORWARD') reasons.push(...unreadable(schema, older, registry))
    if (direction !== 'BACKWARD') reasons.push(...unreadable(older, schema, registry))
    return reasons
  })
}

/** Why a reader with the first schema cannot read what the second wrote. */
function unreadable(reader: Schema, writer: Schema, registry: SchemaRegistry): string[] {
  if (reader.type !== writer.type)
    return [`a schema of type ${reader.type} cannot follow one of type ${writer.type}`]
  switch (reader.type) {
    case 'AVRO':
      return avroIncompatibilities(parsedAvro(reader, registry), parsedAvro(writer, registry))
    case 'PROTOBUF':
      return protobufIncompatibilities(parsedProtobuf(reader, registry), parsedProtobuf(writer, registry))
    case 'JSON':
      return jsonIncompatibilities(JSON.parse(reader.text), JSON.parse(writer.text))
  }
}

function parsedAvro(schema: Schema, registry: SchemaRegistry) {
  return parseAvro(schema.text, referencedTexts(registry, schema).values())
}

function parsedProtobuf(schema: Schema, registry: SchemaRegistry) {
  return parseProtobuf(schema.text, referencedTexts(registry, schema))
}

/** @throws SchemaRegistryError for a text that is no schema of its type */
export function checkSchema(schema: Schema, registry: SchemaRegistry): void {
  try {
    if (schema.type === 'AVRO') parsedAvro(schema, registry)
    else if (schema.type === 'PROTOBUF') parsedProtobuf(schema, registry)
    else JSON.parse(schema.text)
  } catch (cause) {
    if (cause instanceof SchemaRegistryError) throw cause
    throw new SchemaRegistryError(`Invalid ${schema.type} schema: ${(cause as Error).message}`, { cause })
  }
}
