import { findFormat } from '../formats/index.js'
import type { FormatInfo } from '../metastore.js'
import type { JoinNode, PlanColumn, PlanNode } from '../plan/plan-node.js'

/*
 * In which format keys are written on internal topics and in stores. A record's partition follows from the bytes of
 * its key, so what is joined must be written in one format: that of the side which keeps its key.
 */

/** The format whose bytes placed the records of this node; null where it makes a new key, which may take any. */
export function partitionedBy(node: PlanNode): FormatInfo | null {
  switch (node.kind) {
    case 'source':
      return node.keyFormat.name === 'NONE' ? null : node.keyFormat
    case 'filter':
    case 'flatMap':
      return partitionedBy(node.input)
    case 'project':
      return node.newKey === 'same' ? partitionedBy(node.input) : null
    case 'aggregate':
      return node.sameKey ? partitionedBy(node.input) : null
    case 'join':
      return joinFormat(node)
    case 'foreignKeyJoin':
      return internal(partitionedBy(node.left), node.key)
    case 'pullJoin':
      return null
  }
}

/** The format in which the keys of this node are written. */
export function keyFormatOf(node: PlanNode): FormatInfo {
  return internal(partitionedBy(node), node.key) ?? freeFormat(node.key)
}

/**
 * Formats of the schema registry have no place on internal topics and in stores. Their bytes begin with a schema's id,
 * so that equal keys of two topics differ: whoever joins them must write them again.
 */
function internal(format: FormatInfo | null, key: readonly PlanColumn[]): FormatInfo | null {
  return format !== null && findFormat(format.name).schemas !== undefined ? freeFormat(key) : format
}

/** A table cannot be moved, so its format wins; then the left side's. Null where both sides make new keys. */
function joinFormat({ left, right, key }: JoinNode): FormatInfo | null {
  const [first, second] = right.output === 'TABLE' && left.output === 'STREAM' ? [right, left] : [left, right]
  return internal(partitionedBy(first) ?? partitionedBy(second), key)
}

const kafkaTypes: ReadonlySet<string> = new Set(['INTEGER', 'BIGINT', 'DOUBLE', 'STRING'])

/** KAFKA for one column of a plain type, whose serde is cheap and keeps keys apart by their value; else JSON. */
function freeFormat(columns: readonly PlanColumn[]): FormatInfo {
  const plain = columns.length === 1 && kafkaTypes.has(columns[0]!.type.kind)
  return { name: plain ? 'KAFKA' : 'JSON', properties: {}, features: [] }
}

export function sameFormat(a: FormatInfo, b: FormatInfo): boolean {
  return a.name === b.name && JSON.stringify(a.properties) === JSON.stringify(b.properties)
}
