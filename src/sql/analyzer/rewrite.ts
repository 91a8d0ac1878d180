import type { Expression } from '../ast.js'

/** The direct children of an expression, in the order in which they are written. */
export function children(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case 'dereference':
      return [e.base]
    case 'subscript':
      return [e.base, e.index]
    case 'unary':
    case 'not':
    case 'isNull':
    case 'cast':
      return [e.operand]
    case 'binary':
    case 'comparison':
    case 'logical':
      return [e.left, e.right]
    case 'between':
      return [e.value, e.low, e.high]
    case 'in':
      return [e.value, ...e.items]
    case 'like':
      return [e.value, e.pattern]
    case 'searchedCase':
    case 'simpleCase': {
      const whens = e.whens.flatMap((w) => [w.condition, w.result])
      const operand = e.kind === 'simpleCase' ? [e.operand] : []
      return [...operand, ...whens, ...(e.otherwise === null ? [] : [e.otherwise])]
    }
    case 'call':
      return e.args
    case 'array':
      return e.items
    case 'map':
      return e.entries.flatMap((entry) => [entry.key, entry.value])
    case 'struct':
      return e.fields.map((field) => field.value)
    case 'lambda':
      return [e.body]
    case 'atTimeZone':
      return [e.operand, e.zone]
    default:
      return []
  }
}

/** The expression with `f` applied to each direct child. */
export function mapChildren(e: Expression, f: (child: Expression) => Expression): Expression {
  switch (e.kind) {
    case 'dereference':
      return { ...e, base: f(e.base) }
    case 'subscript':
      return { ...e, base: f(e.base), index: f(e.index) }
    case 'unary':
    case 'not':
    case 'isNull':
    case 'cast':
      return { ...e, operand: f(e.operand) }
    case 'binary':
    case 'comparison':
    case 'logical':
      return { ...e, left: f(e.left), right: f(e.right) }
    case 'between':
      return { ...e, value: f(e.value), low: f(e.low), high: f(e.high) }
    case 'in':
      return { ...e, value: f(e.value), items: e.items.map(f) }
    case 'like':
      return { ...e, value: f(e.value), pattern: f(e.pattern) }
    case 'searchedCase':
      return { ...e, whens: mapWhens(e.whens, f), otherwise: e.otherwise && f(e.otherwise) }
    case 'simpleCase':
      return {
        ...e,
        operand: f(e.operand),
        whens: mapWhens(e.whens, f),
        otherwise: e.otherwise && f(e.otherwise),
      }
    case 'call':
      return { ...e, args: e.args.map(f) }
    case 'array':
      return { ...e, items: e.items.map(f) }
    case 'map':
      return { ...e, entries: e.entries.map((entry) => ({ key: f(entry.key), value: f(entry.value) })) }
    case 'struct':
      return { ...e, fields: e.fields.map((field) => ({ name: field.name, value: f(field.value) })) }
    case 'lambda':
      return { ...e, body: f(e.body) }
    case 'atTimeZone':
      return { ...e, operand: f(e.operand), zone: f(e.zone) }
    default:
      return e
  }
}

function mapWhens(
  whens: readonly { readonly condition: Expression; readonly result: Expression }[],
  f: (child: Expression) => Expression,
) {
  return whens.map((w) => ({ condition: f(w.condition), result: f(w.result) }))
}

/** Bottom-up unless `f` returns something for the node itself: then its children are left alone. */
export function rewrite(e: Expression, f: (node: Expression) => Expression | undefined): Expression {
  return f(e) ?? mapChildren(e, (child) => rewrite(child, f))
}

export function walk(e: Expression, visit: (node: Expression) => void): void {
  visit(e)
  for (const child of children(e)) walk(child, visit)
}

/** Names of the plain columns in an expression whose names have been resolved, in order of appearance. */
export function columnsIn(e: Expression): Set<string> {
  const names = new Set<string>()
  walk(e, (node) => {
    if (node.kind === 'column') names.add(node.name)
  })
  return names
}

/** Whether both say the same, wherever they stand in the text. */
export function sameExpression(a: Expression, b: Expression): boolean {
  return structure(a) === structure(b)
}

const structures = new WeakMap<Expression, string>()

/** A text that is equal exactly for equal expressions. */
export function structure(e: Expression): string {
  let text = structures.get(e)
  if (text === undefined) {
    text = JSON.stringify(e, (name, value: unknown) =>
      name === 'location' ? undefined : typeof value === 'bigint' ? `${value}n` : value,
    )
    structures.set(e, text)
  }
  return text
}
