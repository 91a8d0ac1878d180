import type { AnalyzedSource } from '../analyzer/analysis.js'
import { SqlTypes } from '../types.js'
import type { PlanColumn, SourceNode } from './plan-node.js'

const pseudoColumns: readonly PlanColumn[] = [
  { name: 'ROWTIME', type: SqlTypes.BIGINT },
  { name: 'ROWPARTITION', type: SqlTypes.INTEGER },
  { name: 'ROWOFFSET', type: SqlTypes.BIGINT },
]

export const windowColumns: readonly PlanColumn[] = [
  { name: 'WINDOWSTART', type: SqlTypes.BIGINT },
  { name: 'WINDOWEND', type: SqlTypes.BIGINT },
]

export function planSource({ alias, source, values }: AnalyzedSource): SourceNode {
  const plain = (c: PlanColumn): PlanColumn => ({ name: c.name, type: c.type })
  return {
    kind: 'source',
    name: source.name,
    alias,
    topic: source.topic,
    schema: source.schema,
    keyFormat: source.keyFormat,
    valueFormat: source.valueFormat,
    timestamp: source.timestamp,
    usedColumns: null,
    output: source.kind,
    key: source.schema.key.map(plain),
    columns: source.schema.value.map(plain),
    window: source.window,
    ...(values === undefined ? {} : { values }),
    virtual: [
      ...(values === undefined ? pseudoColumns : []),
      ...(source.window === null ? [] : windowColumns),
      ...source.schema.headers.map(plain),
    ],
  }
}
