import type { TimestampExtractor } from '../../streams/index.js'
import { SqlError } from '../errors.js'
import { columnsScope } from '../expression/scope.js'
import type { TimestampColumn } from '../metastore.js'
import type { PlanColumn, SourceNode } from '../plan/plan-node.js'
import type { CompilerOptions } from './compiler-context.js'
import { compileFunction } from './expression-compiler.js'

/** From a record to ms since the epoch. Throws where the column has no time. */
export type TimestampReader = (key: unknown, value: unknown) => number

interface TimestampedColumns {
  readonly keys: readonly PlanColumn[]
  readonly columns: readonly PlanColumn[]
  readonly windowed: boolean
}

export function timestampReader(
  { keys, columns, windowed }: TimestampedColumns,
  timestamp: TimestampColumn,
  options: Pick<CompilerOptions, 'functions' | 'customType'>,
): TimestampReader {
  const index = columns.findIndex((c) => c.name === timestamp.column)
  const keyIndex = keys.findIndex((c) => c.name === timestamp.column)
  const type = (columns[index] ?? keys[keyIndex]!).type
  const field = `c${index}` as const
  const ofKey = (key: unknown): unknown => {
    const plain = windowed && key !== null ? (key as { key: unknown }).key : key
    return keys.length === 1 || plain === null ? plain : (plain as readonly unknown[])[keyIndex]
  }
  const read = (key: unknown, value: unknown): unknown =>
    index === -1 ? ofKey(key) : (value as Record<string, unknown>)[field]
  if (type.kind !== 'STRING') {
    return (key, value) => {
      const time = read(key, value)
      if (time === null) throw new SqlError(`Failed to extract timestamp: column ${timestamp.column} is null`)
      return Number(time)
    }
  }
  const parse = textParser(timestamp, options)
  return (key, value) => {
    const text = read(key, value)
    const time = text === null ? null : parse(text)
    if (time === null) {
      throw new SqlError(`Unable to parse string timestamp from column ${timestamp.column}: ${String(text)}`)
    }
    return Number(time)
  }
}

/** The same parser that SQL has: STRINGTOTIMESTAMP(text, pattern). */
function textParser(
  timestamp: TimestampColumn,
  { functions, customType }: Pick<CompilerOptions, 'functions' | 'customType'>,
): (text: unknown) => unknown {
  const scope = columnsScope(
    functions,
    new Map([['TEXT', { type: { kind: 'STRING' as const }, accessor: 'text' }]]),
    { customType },
  )
  const { fn } = compileFunction<[unknown]>(
    {
      kind: 'call',
      name: 'PARSE_TIMESTAMP',
      args: [
        { kind: 'column', name: 'TEXT', location: null },
        { kind: 'string', value: timestamp.format ?? '', location: null },
      ],
      star: false,
      location: null,
    },
    scope,
    ['text'],
  )
  return fn
}

/** Takes the event time of a source from one of its columns; a record without a valid one is left out. */
export function timestampExtractor(
  node: SourceNode,
  timestamp: TimestampColumn,
  options: CompilerOptions,
): TimestampExtractor {
  const read = timestampReader(
    { keys: node.schema.key, columns: node.schema.value, windowed: node.window !== null },
    timestamp,
    options,
  )
  return (record) => {
    if (record.value === null) return record.timestamp
    try {
      const time = read(record.key, record.value)
      if (time < 0 && options.throwOnInvalidTimestamp) {
        throw new SqlError(`Timestamp ${time} of column ${timestamp.column} is negative`)
      }
      return time
    } catch (error) {
      if (options.throwOnInvalidTimestamp) throw error
      const { topic, partition, offset } = record
      options.log({ queryId: options.queryId, step: 'Timestamp', topic, partition, offset, error })
      return -1
    }
  }
}
