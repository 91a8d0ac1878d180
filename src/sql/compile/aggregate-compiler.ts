import { rowClass } from '../formats/row-class.js'
import type { AggregateFunction } from '../functions/registry.js'
import type { AggregateNode, PlanColumn } from '../plan/plan-node.js'
import type { CompilerContext } from './compiler-context.js'
import { Bindings, instantiate } from './expression-compiler.js'

/** The functions of one aggregation. States are rows with one field for each aggregate function. */
export interface CompiledAggregation {
  /** Columns of the state. */
  readonly state: readonly PlanColumn[]
  readonly initialize: () => unknown
  readonly add: (key: unknown, value: unknown, state: unknown) => unknown
  readonly merge: (key: unknown, first: unknown, second: unknown) => unknown
  /** Null where a function cannot take values back. */
  readonly subtract: ((key: unknown, value: unknown, state: unknown) => unknown) | null
  /** State to row of results. */
  readonly result: (state: unknown) => unknown
}

export function compileAggregation(node: AggregateNode, context: CompilerContext): CompiledAggregation {
  const functions = node.aggregates.map((a) => instantiateAggregate(a, context))
  const bindings = new Bindings()
  const names = functions.map((f) => bindings.bind(f))
  const state = node.aggregates.map(({ name, stateType }) => ({ name, type: stateType }))
  const stateRow = bindings.bind(rowClass(state))
  const resultRow = bindings.bind(rowClass(node.columns))
  const make = <F>(parameters: readonly string[], row: string, field: (fn: string, i: number) => string): F =>
    instantiate(parameters, `'use strict'\nreturn new ${row}(${names.map(field).join(', ')})`, bindings)
  const update = (method: string) => (fn: string, i: number) =>
    `${fn}.${method}(${[`state.c${i}`, ...node.aggregates[i]!.inputs.map((c) => `value.c${c}`)].join(', ')})`
  return {
    state,
    initialize: make([], stateRow, (fn) => `${fn}.initialize()`),
    add: make(['key', 'value', 'state'], stateRow, update('aggregate')),
    merge: make(['key', 'first', 'second'], stateRow, (fn, i) => `${fn}.merge(first.c${i}, second.c${i})`),
    subtract: functions.every((f) => f.undo !== undefined)
      ? make(['key', 'value', 'state'], stateRow, update('undo'))
      : null,
    result: make(['state'], resultRow, (fn, i) => `${fn}.map(state.c${i})`),
  }
}

function instantiateAggregate(
  { call, argumentTypes, constants }: AggregateNode['aggregates'][number],
  { functions }: CompilerContext,
): AggregateFunction {
  const constantTypes = call.args.slice(argumentTypes.length)
  const resolved = functions.resolveAggregate(call.name, [
    ...argumentTypes.map((type) => ({ kind: 'type', type }) as const),
    ...constantTypes.map((e) => constantArgument(e)),
  ])
  return resolved.instantiate(constants, functions.environment)
}

function constantArgument(expression: AggregateNode['aggregates'][number]['call']['args'][number]) {
  switch (expression.kind) {
    case 'integer':
      return { kind: 'type', type: { kind: 'INTEGER' } } as const
    case 'long':
      return { kind: 'type', type: { kind: 'BIGINT' } } as const
    case 'double':
      return { kind: 'type', type: { kind: 'DOUBLE' } } as const
    case 'boolean':
      return { kind: 'type', type: { kind: 'BOOLEAN' } } as const
    case 'string':
      return { kind: 'type', type: { kind: 'STRING' } } as const
    case 'unary':
      return { kind: 'type', type: { kind: 'INTEGER' } } as const
    default:
      return { kind: 'null' } as const
  }
}
