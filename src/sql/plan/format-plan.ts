import { formatExpression } from '../format-sql.js'
import { formatType, quoteIdentifier } from '../types.js'
import type { PlanColumn, PlanNode, QueryPlan } from './plan-node.js'

/** A plan for people: one line a step, the last step first, inputs indented below. */
export function formatPlan({ root, sink }: QueryPlan): string {
  const lines =
    sink === null
      ? []
      : [
          ` > [ SINK ] ${sink.name} | topic ${sink.topic} | key ${sink.keyFormat.name}, value ${sink.valueFormat.name}`,
        ]
  write(root, lines, lines.length)
  return lines.join('\n')
}

function write(node: PlanNode, lines: string[], depth: number): void {
  lines.push(
    `${'\t'.repeat(depth)} > [ ${node.kind.replace(/([A-Z])/g, '_$1').toUpperCase()} ] ${schema(node)}${details(node)}`,
  )
  if (node.kind === 'join' || node.kind === 'foreignKeyJoin' || node.kind === 'pullJoin') {
    write(node.left, lines, depth + 1)
    write(node.right, lines, depth + 1)
  } else if (node.kind !== 'source') write(node.input, lines, depth + 1)
}

function schema(node: PlanNode): string {
  const text = (c: PlanColumn, mark: string): string =>
    `${quoteIdentifier(c.name)} ${formatType(c.type)}${mark}`
  return `${node.output} | ${[...node.key.map((c) => text(c, ' KEY')), ...node.columns.map((c) => text(c, ''))].join(', ')}`
}

function details(node: PlanNode): string {
  switch (node.kind) {
    case 'source':
      return ` | topic ${node.topic}${node.usedColumns === null ? '' : ` | reads ${[...node.usedColumns].join(', ') || 'keys only'}`}`
    case 'filter':
      return ` | ${node.clause} ${formatExpression(node.predicate)}`
    case 'flatMap':
      return ` | ${node.calls.map((c) => formatExpression(c.call)).join(', ')}`
    case 'project': {
      const changed = node.expressions.filter((e) => formatExpression(e.expression) !== e.name)
      const list = changed.map((e) => `${e.name} := ${formatExpression(e.expression)}`)
      const key =
        node.newKey === 'same'
          ? ''
          : ` | new key ${node.newKey === null ? 'none' : node.newKey.map((k) => formatExpression(k.expression)).join(', ')}`
      return `${list.length === 0 ? '' : ` | ${list.join(', ')}`}${key}`
    }
    case 'aggregate':
      return ` | ${node.aggregates.map((a) => formatExpression(a.call)).join(', ')}${node.windowing === null ? '' : ` | ${windowText(node.windowing)}`}${node.emit === 'FINAL' ? ' | EMIT FINAL' : ''}`
    case 'join':
      return ` | ${node.type}${node.within === null ? '' : ` | within ${node.within.beforeMs} ms before, ${node.within.afterMs} ms after`}`
    case 'pullJoin': {
      const condition = [...node.equalities.map((e) => e.written), ...node.residual]
      return ` | ${node.type} | on ${condition.map((e) => formatExpression(e)).join(' AND ')}`
    }
    case 'foreignKeyJoin':
      return ` | ${node.type} | on ${formatExpression(node.foreignKey)}`
  }
}

function windowText(w: NonNullable<Extract<PlanNode, { kind: 'aggregate' }>['windowing']>): string {
  const size = w.kind === 'session' ? `gap ${w.gapMs} ms` : `size ${w.sizeMs} ms, advance ${w.advanceMs} ms`
  return `${w.kind} ${size}, grace ${w.graceMs} ms`
}
