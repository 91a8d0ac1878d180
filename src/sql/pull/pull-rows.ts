import type { Row } from '../formats/row-class.js'
import type { PlanColumn, PlanNode } from '../plan/plan-node.js'

/** A row on its way through a pull query. Keys are there after GROUP BY only; elsewhere all columns are values. */
export interface PullRow {
  readonly key: unknown
  readonly value: Row
}

/** The columns of rows, as the functions that are generated for a node look for them. */
export type PullShape = PlanNode

/** Rows that can be read, again and again. */
export interface PullSource {
  readonly shape: PullShape
  rows(): Iterable<PullRow>
  /** How the rows are found, a line each, what it reads indented below. */
  explain(): string[]
}

/** The node with these columns and nothing else. */
export function flat(node: PlanNode, columns: readonly PlanColumn[]): PullShape {
  return { ...node, key: [], columns, window: null, virtual: [] } as PlanNode
}

export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}
