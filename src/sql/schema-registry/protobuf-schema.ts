import protobuf from 'protobufjs'
import { wellKnownFiles } from './protobuf-files.js'
import { SchemaRegistryError } from './schema-registry.js'

/* Protobuf schemas, parsed. A message that holds itself is a cycle of objects. */

export interface ProtoFile {
  /** The messages of the file itself, imports left out, in their order. */
  readonly messages: readonly ProtoMessage[]
}

export interface ProtoMessage {
  /** With its package and the messages around it: `google.protobuf.Timestamp`. */
  readonly fullName: string
  readonly name: string
  readonly fields: readonly ProtoField[]
  readonly nested: readonly ProtoMessage[]
}

export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly type: ProtoType
  readonly repeated: boolean
  readonly required: boolean
  /** Absent and default are two things: `optional` fields, those of a oneof, and messages. */
  readonly hasPresence: boolean
  /** The name of its oneof, without those made for `optional`. */
  readonly oneof: string | null
  /** Of repeated numbers: all in one run of bytes. Readers take both. */
  readonly packed: boolean
  /** Confluent's `field_meta` parameters, such as a decimal's precision. */
  readonly params: Readonly<Record<string, string>>
}

export type ScalarName =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

export type ProtoType =
  | { readonly kind: 'scalar'; readonly name: ScalarName }
  | { readonly kind: 'enum'; readonly name: string; readonly values: ReadonlyMap<string, number> }
  | { readonly kind: 'message'; readonly message: ProtoMessage }
  /** `map<K, V>`: on the wire repeated messages of a key, field 1, and a value, field 2. */
  | { readonly kind: 'map'; readonly key: ProtoType; readonly value: ProtoType }

const parseOptions = { keepCase: true }

/**
 * @param references texts of files that this one imports, by the names it imports them by
 * @throws SchemaRegistryError
 */
export function parseProtobuf(text: string, references: ReadonlyMap<string, string> = new Map()): ProtoFile {
  try {
    const root = new protobuf.Root()
    const parsed = protobuf.parse(text, root, parseOptions)
    const own = typesOf(parsed.package === undefined ? root : root.lookup(parsed.package))
    // Google's and Confluent's types count as imported whether the file says so or not.
    for (const file of new Map([...wellKnownFiles, ...references]).values())
      protobuf.parse(file, root, parseOptions)
    root.resolveAll()
    const known = new Map<protobuf.Type, ProtoMessage>()
    return { messages: own.map((type) => messageOf(type, known)) }
  } catch (cause) {
    if (cause instanceof SchemaRegistryError) throw cause
    throw new SchemaRegistryError(`Not a Protobuf schema: ${(cause as Error).message}`, { cause })
  }
}

function typesOf(container: protobuf.ReflectionObject | null): protobuf.Type[] {
  if (!(container instanceof protobuf.Namespace)) return []
  return container.nestedArray.filter((nested) => nested instanceof protobuf.Type)
}

function messageOf(type: protobuf.Type, known: Map<protobuf.Type, ProtoMessage>): ProtoMessage {
  const found = known.get(type)
  if (found !== undefined) return found
  const fields: ProtoField[] = []
  const nested: ProtoMessage[] = []
  const message: ProtoMessage = {
    fullName: type.fullName.replace(/^\./, ''),
    name: type.name,
    fields,
    nested,
  }
  known.set(type, message)
  for (const field of type.fieldsArray) fields.push(fieldOf(field, known))
  for (const inner of typesOf(type)) nested.push(messageOf(inner, known))
  return message
}

function fieldOf(field: protobuf.Field, known: Map<protobuf.Type, ProtoMessage>): ProtoField {
  const oneof = field.partOf
  const isOptional = oneof?.name === `_${field.name}` && oneof.oneof.length === 1
  const type: ProtoType =
    field instanceof protobuf.MapField
      ? { kind: 'map', key: scalarOf(field.keyType), value: typeOf(field, known) }
      : typeOf(field, known)
  return {
    name: field.name,
    number: field.id,
    type,
    repeated: field.repeated,
    required: field.required,
    hasPresence: oneof != null || field.required || (type.kind === 'message' && !field.repeated),
    oneof: oneof == null || isOptional ? null : oneof.name,
    packed: field.repeated && field.packed,
    params: paramsOf(field),
  }
}

function typeOf(field: protobuf.Field, known: Map<protobuf.Type, ProtoMessage>): ProtoType {
  const resolved = field.resolvedType
  if (resolved instanceof protobuf.Type) return { kind: 'message', message: messageOf(resolved, known) }
  if (resolved instanceof protobuf.Enum) {
    return { kind: 'enum', name: resolved.name, values: new Map(Object.entries(resolved.values)) }
  }
  return scalarOf(field.type)
}

function scalarOf(name: string): ProtoType {
  return { kind: 'scalar', name: name as ScalarName }
}

/** `[(confluent.field_meta) = { params: [{ key: "scale", value: "2" }] }]` */
function paramsOf(field: protobuf.Field): Record<string, string> {
  const options = (field.parsedOptions ?? []) as readonly Readonly<Record<string, FieldMeta>>[]
  const params = options.flatMap((option) => [option['(confluent.field_meta)']?.params ?? []].flat())
  return Object.fromEntries(params.map(({ key, value }) => [key, String(value)]))
}

interface FieldMeta {
  readonly params?: FieldParam | readonly FieldParam[]
}

interface FieldParam {
  readonly key: string
  readonly value: string
}

/** The message to use: by its full name or by its last part, else the first. @throws SchemaRegistryError */
export function findMessage(file: ProtoFile, name: string | null | undefined): ProtoMessage {
  const found =
    name == null
      ? file.messages[0]
      : allMessages(file.messages).find((m) => m.fullName === name || m.name === name)
  if (found !== undefined) return found
  throw new SchemaRegistryError(
    name == null
      ? 'The Protobuf schema holds no message.'
      : `Schema full name ${name} not found in the Protobuf schema.`,
  )
}

function allMessages(messages: readonly ProtoMessage[]): ProtoMessage[] {
  return messages.flatMap((message) => [message, ...allMessages(message.nested)])
}

/** Its place among the messages of the file, then inside each. */
export function messageIndexes(file: ProtoFile, message: ProtoMessage): readonly number[] {
  const search = (messages: readonly ProtoMessage[]): number[] | null => {
    for (const [i, candidate] of messages.entries()) {
      if (candidate === message) return [i]
      const inside = search(candidate.nested)
      if (inside !== null) return [i, ...inside]
    }
    return null
  }
  return search(file.messages) ?? [0]
}

/** @throws SchemaRegistryError */
export function messageAt(file: ProtoFile, indexes: readonly number[]): ProtoMessage {
  let messages = file.messages
  let found: ProtoMessage | undefined
  for (const index of indexes) {
    found = messages[index]
    if (found === undefined)
      throw new SchemaRegistryError(`The Protobuf schema has no message at [${indexes.join(', ')}].`)
    messages = found.nested
  }
  return found ?? findMessage(file, null)
}

/** Key and value of the entries of a map: of `map<K, V>`, and of repeated messages `…Entry` of a key and a value. */
export function mapOf({
  type,
  repeated,
}: ProtoField): { readonly key: ProtoField; readonly value: ProtoField } | null {
  if (type.kind === 'map')
    return { key: entryField('key', 1, type.key), value: entryField('value', 2, type.value) }
  if (type.kind !== 'message' || !repeated || !type.message.name.endsWith('Entry')) return null
  const [key, value] = type.message.fields
  const isEntry = type.message.fields.length === 2 && key?.name === 'key' && value?.name === 'value'
  return isEntry ? { key, value } : null
}

function entryField(name: string, number: number, type: ProtoType): ProtoField {
  const hasPresence = type.kind === 'message'
  return {
    name,
    number,
    type,
    repeated: false,
    required: false,
    hasPresence,
    oneof: null,
    packed: false,
    params: {},
  }
}
