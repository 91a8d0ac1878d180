import protobuf from 'protobufjs'

/* Protobuf's text form, as the cases have it; what a field is by default is left out. */

/** @param schema a `.proto` text whose first message is that of the bytes */
export function protobufText(bytes: Uint8Array, schema: string): string {
  const { root } = protobuf.parse(schema, { keepCase: true })
  root.resolveAll()
  const type = root.nestedArray.find((n) => n instanceof protobuf.Type) as protobuf.Type
  return textOf(type.decode(bytes) as unknown as Fields, type, '')
}

type Fields = { readonly [name: string]: unknown }

function textOf(message: Fields, type: protobuf.Type, indent: string): string {
  const fields = [...type.fieldsArray].sort((a, b) => a.id - b.id)
  return fields
    .flatMap((field): string[] => {
      const value = Object.hasOwn(message, field.name) ? message[field.name] : undefined
      if (value === undefined || value === null) return []
      if (!field.repeated) return isDefault(value) ? [] : [entry(field, value, indent)]
      // Entries of maps have no order of their own.
      return (value as unknown[]).map((item) => entry(field, item, indent)).sort()
    })
    .join('')
}

function isDefault(value: unknown): boolean {
  return (
    value === '' || value === false || String(value) === '0' || (value as { length?: number }).length === 0
  )
}

function entry(field: protobuf.Field, value: unknown, indent: string): string {
  const type = field.resolvedType
  if (type instanceof protobuf.Type) {
    return `${indent}${field.name} {\n${textOf(value as Fields, type, `${indent}  `)}${indent}}\n`
  }
  const isText = typeof value === 'string' || value instanceof Uint8Array
  return `${indent}${field.name}: ${isText ? JSON.stringify(Buffer.from(value as string).toString()) : String(value)}\n`
}

/** Blocks of a text in one order, as `protobufText` writes them. */
export function sortedBlocks(text: string): string {
  const blocks = text.match(/^\w+ \{\n(?: {2}.*\n)*\}\n|^\w+:.*\n/gm) ?? []
  const names = [...new Set(blocks.map((block) => /^\w+/.exec(block)![0]))]
  return names
    .map((name) =>
      blocks
        .filter((b) => b.startsWith(name))
        .sort()
        .join(''),
    )
    .join('')
}
