import { type AvroNode, type AvroRecord, branchName } from './avro-schema.js'

/** Why a reader with one Avro schema cannot read what another wrote (Avro's schema resolution); empty when it can. */
export function avroIncompatibilities(reader: AvroNode, writer: AvroNode): string[] {
  const reasons: string[] = []
  compare(reader, writer, '', reasons, new Map())
  return reasons
}

const promotions: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
}

type Seen = Map<AvroNode, Set<AvroNode>>

function compare(reader: AvroNode, writer: AvroNode, path: string, reasons: string[], seen: Seen): void {
  if (writer.kind === 'union') {
    for (const branch of writer.branches) compare(reader, branch, path, reasons, seen)
    return
  }
  if (reader.kind === 'union') {
    const fits = reader.branches.some((branch) => {
      const found: string[] = []
      compare(branch, writer, path, found, seen)
      return found.length === 0
    })
    if (!fits) reasons.push(`${place(path)}: the reader's union has no branch for ${branchName(writer)}`)
    return
  }
  if (reader.kind !== writer.kind) {
    if (promotions[reader.kind]?.includes(writer.kind) === true) return
    reasons.push(`${place(path)}: the reader expects ${branchName(reader)}, found ${branchName(writer)}`)
    return
  }
  compareSameKind(reader, writer, path, reasons, seen)
}

function compareSameKind(
  reader: AvroNode,
  writer: AvroNode,
  path: string,
  reasons: string[],
  seen: Seen,
): void {
  if (reader.kind === 'array' && writer.kind === 'array') {
    compare(reader.items, writer.items, `${path}/items`, reasons, seen)
  } else if (reader.kind === 'map' && writer.kind === 'map') {
    compare(reader.values, writer.values, `${path}/values`, reasons, seen)
  } else if (reader.kind === 'fixed' && writer.kind === 'fixed') {
    if (reader.size !== writer.size)
      reasons.push(`${place(path)}: fixed of ${writer.size} bytes, not ${reader.size}`)
  } else if (reader.kind === 'enum' && writer.kind === 'enum') {
    const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol))
    if (missing.length > 0) reasons.push(`${place(path)}: the reader's enum misses ${missing.join(', ')}`)
  } else if (reader.kind === 'bytes' && writer.kind === 'bytes') {
    if (reader.decimal === null || writer.decimal === null) return
    if (reader.decimal.scale !== writer.decimal.scale) {
      reasons.push(`${place(path)}: decimals of scale ${writer.decimal.scale}, not ${reader.decimal.scale}`)
    }
  } else if (reader.kind === 'record' && writer.kind === 'record') {
    compareRecords(reader, writer, path, reasons, seen)
  }
}

function compareRecords(
  reader: AvroRecord,
  writer: AvroRecord,
  path: string,
  reasons: string[],
  seen: Seen,
): void {
  const before = seen.get(reader) ?? new Set()
  if (before.has(writer)) return
  seen.set(reader, before.add(writer))
  if (branchName(reader) !== branchName(writer)) {
    reasons.push(`${place(path)}: the record is named ${writer.name}, not ${reader.name}`)
  }
  for (const field of reader.fields) {
    const written = writer.fields.find((f) => f.name === field.name)
    if (written !== undefined) compare(field.type, written.type, `${path}/${field.name}`, reasons, seen)
    else if (field.defaultValue === undefined) {
      reasons.push(
        `${place(path)}: the new field ${field.name} has no default for records written without it`,
      )
    }
  }
}

function place(path: string): string {
  return path === '' ? '/' : path
}
