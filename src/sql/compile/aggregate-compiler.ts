import { rowClass } from '../formats/row-class.js'
import { stateIsResult } from '../functions/definitions.js'
import type { AggregateFunction } from '../functions/registry.js'
import type { AggregateNode, PlanColumn } from '../plan/plan-node.js'
import type { CompilerContext } from './compiler-context.js'
import { Bindings, instantiate } from './expression-compiler.js'

/** The functions of one aggregation. States are rows with one field for each aggregate function. */
export interface CompiledAggregation {
  /** Columns of the state. */
  readonly state: readonly PlanColumn[]
  readonly initialize: () => unknown
  readonly add: ((key: unknown, value: unknown, state: unknown) => unknown) & {
    /** Changes a state that nobody else has. */
    readonly inPlace: (key: unknown, value: unknown, state: unknown) => void
  }
  readonly merge: (key: unknown, first: unknown, second: unknown) => unknown
  /** Null where a function cannot take values back. */
  readonly subtract: ((key: unknown, value: unknown, state: unknown) => unknown) | null
  /** State to row of results. */
  readonly result: (state: unknown) => unknown
  /** For each function, whether its state is its result. */
  readonly stateIsResult: readonly boolean[]
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
  const add = make<(key: unknown, value: unknown, state: unknown) => unknown>(
    ['key', 'value', 'state'],
    stateRow,
    update('aggregate'),
  )
  return {
    state,
    initialize: make([], stateRow, (fn) => `${fn}.initialize()`),
    add: Object.assign(add, { inPlace: addInPlace(names, update('aggregate'), bindings) }),
    merge: make(['key', 'first', 'second'], stateRow, (fn, i) => `${fn}.merge(first.c${i}, second.c${i})`),
    subtract: functions.every((f) => f.undo !== undefined)
      ? make(['key', 'value', 'state'], stateRow, update('undo'))
      : null,
    result: make(['state'], resultRow, (fn, i) => `${fn}.map(state.c${i})`),
    stateIsResult: functions.map((f) => f.map === stateIsResult),
  }
}

/** Changes the state only once all functions have taken the value: one of them may throw. */
function addInPlace(
  names: readonly string[],
  update: (fn: string, i: number) => string,
  bindings: Bindings,
): (key: unknown, value: unknown, state: unknown) => void {
  const body = [
    ...names.map((fn, i) => `const n${i} = ${update(fn, i)}`),
    ...names.map((_, i) => `state.c${i} = n${i}`),
  ]
  return instantiate(['key', 'value', 'state'], body.join('\n'), bindings)
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
