import type { SqlType } from '../types.js'
import type { FormatColumn } from './format-contract.js'

/*
 * The Protobuf schema of SQL columns, as ksqlDB derives it: one message, a message inside it for each STRUCT and each
 * MAP's entries, numbered in the order in which they are met.
 */

/** How a scalar that may be null is written; null: it is not, null becomes 0, false or empty. */
export type NullableRepresentation = 'optional' | 'wrapper' | null

export interface ProtobufDerivation {
  readonly nullable: NullableRepresentation
  readonly fullName?: string | undefined
}

interface Message {
  readonly name: string
  readonly fields: string[]
  readonly nested: Message[]
}

export function deriveProtobuf(
  columns: readonly FormatColumn[],
  { nullable, fullName }: ProtobufDerivation,
): string {
  const derivation = new Derivation(nullable)
  const dot = fullName?.lastIndexOf('.') ?? -1
  const message = derivation.message(columns, fullName?.slice(dot + 1))
  const imports = [...derivation.imports].sort().map((file) => `import "${file}";\n`)
  const lines = ['syntax = "proto3";\n']
  if (dot > 0) lines.push(`package ${fullName!.slice(0, dot)};\n`)
  if (imports.length > 0) lines.push(imports.join(''))
  return `${lines.join('\n')}\n${print(message, '')}`
}

function print({ name, fields, nested }: Message, indent: string): string {
  const inner = `${indent}  `
  const body = fields.map((field) => `${inner}${field};\n`).join('')
  const messages = nested.map((message) => `\n${print(message, inner)}`).join('')
  return `${indent}message ${name} {\n${body}${messages}${indent}}\n`
}

const scalars: Readonly<
  Partial<Record<SqlType['kind'], { readonly name: string; readonly wrapper: string }>>
> = {
  BOOLEAN: { name: 'bool', wrapper: 'BoolValue' },
  INTEGER: { name: 'int32', wrapper: 'Int32Value' },
  BIGINT: { name: 'int64', wrapper: 'Int64Value' },
  DOUBLE: { name: 'double', wrapper: 'DoubleValue' },
  STRING: { name: 'string', wrapper: 'StringValue' },
  BYTES: { name: 'bytes', wrapper: 'BytesValue' },
}

class Derivation {
  readonly imports = new Set<string>()
  readonly #nullable: NullableRepresentation
  #messages = 0

  constructor(nullable: NullableRepresentation) {
    this.#nullable = nullable
  }

  message(columns: readonly FormatColumn[], name?: string): Message {
    const message = this.#newMessage('', name)
    for (const [i, { name: column, type }] of columns.entries())
      this.#field(protobufName(column), type, i + 1, message)
    return message
  }

  #newMessage(suffix: string, name?: string): Message {
    this.#messages++
    return { name: name ?? `ConnectDefault${this.#messages}${suffix}`, fields: [], nested: [] }
  }

  #field(name: string, type: SqlType, number: number, message: Message): void {
    if (type.kind === 'ARRAY') {
      message.fields.push(`repeated ${this.#elementType(type.element, message)} ${name} = ${number}`)
    } else if (type.kind === 'MAP') {
      message.fields.push(`repeated ${this.#entryType(type, message)} ${name} = ${number}`)
    } else if (type.kind in scalars && this.#nullable === 'optional') {
      message.fields.push(`optional ${this.#typeName(type, message)} ${name} = ${number}`)
    } else if (type.kind in scalars && this.#nullable === 'wrapper') {
      this.imports.add('google/protobuf/wrappers.proto')
      message.fields.push(`google.protobuf.${scalars[type.kind]!.wrapper} ${name} = ${number}`)
    } else {
      message.fields.push(`${this.#typeName(type, message)} ${name} = ${number}${this.#options(type)}`)
    }
  }

  /** What is repeated cannot be repeated in itself: a list of lists is one of messages that hold a list. */
  #elementType(type: SqlType, message: Message): string {
    return type.kind === 'ARRAY' || type.kind === 'MAP'
      ? this.#listType(type, message)
      : this.#typeName(type, message)
  }

  #listType(type: SqlType, message: Message): string {
    const list = this.#newMessage('List')
    message.nested.push(list)
    this.#field('value', type, 1, list)
    return list.name
  }

  #entryType(type: Extract<SqlType, { kind: 'MAP' }>, message: Message): string {
    const entry = this.#newMessage('Entry')
    message.nested.push(entry)
    this.#field('key', type.key, 1, entry)
    this.#field('value', type.value, 2, entry)
    return entry.name
  }

  #typeName(type: SqlType, message: Message): string {
    switch (type.kind) {
      case 'DECIMAL':
        return this.#imported('confluent/type/decimal.proto', 'confluent.type.Decimal')
      case 'DATE':
        return this.#imported('google/type/date.proto', 'google.type.Date')
      case 'TIME':
        return this.#imported('google/type/timeofday.proto', 'google.type.TimeOfDay')
      case 'TIMESTAMP':
        return this.#imported('google/protobuf/timestamp.proto', 'google.protobuf.Timestamp')
      case 'STRUCT': {
        const struct = this.message(type.fields)
        message.nested.push(struct)
        return struct.name
      }
      default:
        return scalars[type.kind]!.name
    }
  }

  #imported(file: string, name: string): string {
    this.imports.add(file)
    return name
  }

  #options(type: SqlType): string {
    if (type.kind !== 'DECIMAL') return ''
    this.imports.add('confluent/meta.proto')
    const param = (key: string, value: number): string => `{ key: "${key}", value: "${value}" }`
    const params = [param('precision', type.precision), param('scale', type.scale)].join(', ')
    return ` [(confluent.field_meta) = { params: [${params}] }]`
  }
}

/**
 * What is no letter, digit or underscore becomes the hexadecimal codes of its UTF-8 bytes, each after an underscore. The
 * library keeps fields by name in a plain object, where `__proto__` is none.
 */
export function protobufName(name: string): string {
  const safe = [...name]
    .map((c) =>
      /\w/.test(c)
        ? c
        : c === '.'
          ? '_'
          : [...Buffer.from(c)].map((b) => `_${b.toString(16).toUpperCase()}`).join(''),
    )
    .join('')
  return /^[A-Za-z_]/.test(safe) && safe !== '__proto__' ? safe : `x${safe}`
}

/** Two names that would be one field; null when all differ. */
export function clashingNames(fields: readonly FormatColumn[]): readonly [string, string] | null {
  const seen = new Map<string, string>()
  for (const { name } of fields) {
    const other = seen.get(protobufName(name))
    if (other !== undefined) return [other, name]
    seen.set(protobufName(name), name)
  }
  return null
}
