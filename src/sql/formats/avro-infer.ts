import { type AvroNode, branchName, mapEntryOf, nullable } from '../schema-registry/avro-schema.js'
import { type SqlType, SqlTypes } from '../types.js'

/**
 * The SQL type of an Avro schema; null where there is none. Fields without one are left out, as ksqlDB does.
 *
 * @param rename what becomes of field names
 */
export function sqlTypeOfAvro(schema: AvroNode, rename: (name: string) => string): SqlType | null {
  return convert(schema, rename, new Set())
}

type Open = ReadonlySet<AvroNode>

function convert(schema: AvroNode, rename: (name: string) => string, open: Open): SqlType | null {
  const { node } = nullable(schema)
  switch (node.kind) {
    case 'null':
      return null
    case 'boolean':
      return SqlTypes.BOOLEAN
    case 'int':
      return node.logical === 'date'
        ? SqlTypes.DATE
        : node.logical === 'time-millis'
          ? SqlTypes.TIME
          : SqlTypes.INTEGER
    case 'long':
      return node.logical === 'timestamp-millis' ? SqlTypes.TIMESTAMP : SqlTypes.BIGINT
    case 'float':
    case 'double':
      return SqlTypes.DOUBLE
    case 'string':
    case 'enum':
      return SqlTypes.STRING
    case 'bytes':
    case 'fixed':
      return node.decimal === null
        ? SqlTypes.BYTES
        : SqlTypes.decimal(node.decimal.precision, node.decimal.scale)
    case 'map': {
      const value = convert(node.values, rename, open)
      return value === null ? null : SqlTypes.map(SqlTypes.STRING, value)
    }
    case 'array': {
      const entry = mapEntryOf(node)
      if (entry !== null && convert(entry.key.type, rename, open)?.kind === 'STRING') {
        const value = convert(entry.value.type, rename, open)
        return value === null ? null : SqlTypes.map(SqlTypes.STRING, value)
      }
      const element = convert(node.items, rename, open)
      return element === null ? null : SqlTypes.array(element)
    }
    case 'record':
      return struct(node.fields, node, rename, open)
    case 'union': {
      // Each alternative is a field of a struct, and all but one of them null.
      const branches = node.branches.filter((branch) => branch.kind !== 'null')
      return struct(
        branches.map((type) => ({ name: branchName(type), type })),
        node,
        rename,
        open,
      )
    }
  }
}

function struct(
  fields: readonly { readonly name: string; readonly type: AvroNode }[],
  node: AvroNode,
  rename: (name: string) => string,
  open: Open,
): SqlType | null {
  // A record inside itself has no SQL type.
  if (open.has(node)) return null
  const inside = new Set([...open, node])
  const known = fields.flatMap((field) => {
    const type = convert(field.type, rename, inside)
    return type === null ? [] : [{ name: rename(field.name), type }]
  })
  return known.length === 0 ? null : SqlTypes.struct(known)
}
