import {
  mapOf,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
  type ProtoType,
} from './protobuf-schema.js'

/**
 * Why a reader with one Protobuf schema cannot read what another wrote; empty when it can. Fields are matched by their
 * numbers; they may come and go, but not change what their bytes mean.
 */
export function protobufIncompatibilities(reader: ProtoFile, writer: ProtoFile): string[] {
  const reasons: string[] = []
  for (const written of writer.messages) {
    const read = reader.messages.find((m) => m.name === written.name)
    if (read === undefined) reasons.push(`the message ${written.name} was removed`)
    else compare(read, written, read.name, reasons, new Set())
  }
  return reasons
}

function compare(
  reader: ProtoMessage,
  writer: ProtoMessage,
  path: string,
  reasons: string[],
  seen: Set<ProtoMessage>,
): void {
  if (seen.has(reader)) return
  seen.add(reader)
  for (const field of reader.fields) {
    const written = writer.fields.find((f) => f.number === field.number)
    const place = `${path}.${field.name}`
    if (written === undefined) {
      if (field.required) reasons.push(`${place}: a new field is required`)
      continue
    }
    compareFields(field, written, place, reasons, seen)
  }
}

function compareFields(
  reader: ProtoField,
  writer: ProtoField,
  place: string,
  reasons: string[],
  seen: Set<ProtoMessage>,
): void {
  const [readMap, writtenMap] = [mapOf(reader), mapOf(writer)]
  if (readMap !== null && writtenMap !== null) {
    compareFields(readMap.key, writtenMap.key, `${place}.key`, reasons, seen)
    compareFields(readMap.value, writtenMap.value, `${place}.value`, reasons, seen)
    return
  }
  const [expected, found] = [wireGroup(reader.type), wireGroup(writer.type)]
  if (expected !== found) reasons.push(`${place}: the reader expects ${expected}, found ${found}`)
  else if (reader.type.kind === 'message' && writer.type.kind === 'message') {
    compare(reader.type.message, writer.type.message, place, reasons, seen)
  }
}

const groups: Readonly<Record<string, string>> = {
  int32: 'integer',
  uint32: 'integer',
  int64: 'integer',
  uint64: 'integer',
  bool: 'integer',
  sint32: 'zigzag integer',
  sint64: 'zigzag integer',
  fixed32: '32 bits',
  sfixed32: '32 bits',
  fixed64: '64 bits',
  sfixed64: '64 bits',
  string: 'text or bytes',
  bytes: 'text or bytes',
}

/** Types of one group can stand for each other. */
function wireGroup(type: ProtoType): string {
  if (type.kind === 'scalar') return groups[type.name] ?? type.name
  return type.kind === 'enum' ? 'integer' : type.kind === 'map' ? 'map' : 'message'
}
