import { columnsIn } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { windowColumnNames } from '../schema.js'
import type { PlanNode, SourceNode } from './plan-node.js'

/**
 * Tells every source which of its columns are read. Sources of tables get the columns that come with a record
 * (ROWTIME, headers …) as columns of their rows, where they are read: a table's row outlives its record.
 */
export function withRequiredColumns<N extends PlanNode>(root: N): N {
  return visit(root, new Set(root.columns.map((c) => c.name))) as N
}

function visit(node: PlanNode, required: ReadonlySet<string>): PlanNode {
  switch (node.kind) {
    case 'source':
      return source(node, required)
    case 'filter': {
      const input = visit(node.input, adding(required, [node.predicate]))
      return { ...node, input, columns: input.columns }
    }
    case 'flatMap': {
      const input = visit(
        node.input,
        adding(
          required,
          node.calls.flatMap((c) => c.call.args),
        ),
      )
      return { ...node, input, columns: [...input.columns, ...node.calls] }
    }
    case 'project': {
      const keys = node.newKey === null || node.newKey === 'same' ? [] : node.newKey
      const expressions = [...node.expressions, ...keys].map((e) => e.expression)
      return { ...node, input: visit(node.input, adding(new Set(), expressions)) }
    }
    case 'aggregate':
      return { ...node, input: visit(node.input, names(node.input)) }
    case 'join':
      return {
        ...node,
        left: visit(node.left, names(node.left)),
        right: visit(node.right, names(node.right)),
      }
    case 'foreignKeyJoin':
    case 'pullJoin':
      return {
        ...node,
        left: visit(node.left, names(node.left)),
        right: visit(node.right, names(node.right)),
      }
  }
}

function source(node: SourceNode, required: ReadonlySet<string>): SourceNode {
  const usedColumns = new Set(node.columns.map((c) => c.name).filter((name) => required.has(name)))
  if (node.timestamp !== null) usedColumns.add(node.timestamp.column)
  if (node.output === 'STREAM') return { ...node, usedColumns }
  const carried = node.virtual.filter((c) => required.has(c.name) && !windowColumnNames.has(c.name))
  return {
    ...node,
    usedColumns,
    columns: [...node.columns, ...carried],
    virtual: node.virtual.filter((c) => !carried.includes(c)),
  }
}

function names(node: PlanNode): Set<string> {
  return new Set(node.columns.map((c) => c.name))
}

function adding(required: ReadonlySet<string>, expressions: readonly Expression[]): Set<string> {
  const all = new Set(required)
  for (const e of expressions) for (const name of columnsIn(e)) all.add(name)
  return all
}
