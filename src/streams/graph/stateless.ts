import type { OperatorFunction } from 'rxjs'
import type { StoreSpec } from '../../state/index.js'
import type { KeyValue, KeyValueMapper, Predicate, ValueMapper } from '../functions.js'
import type { BatchOperator } from '../node.js'
import type { Grouped } from '../options.js'
import type { ProcessOptions } from '../processor-api.js'
import { filter as filterOperator } from '../processors/filter.js'
import { flatMap as flatMapOperator, flatMapValues as flatMapValuesOperator } from '../processors/flat-map.js'
import { map as mapOperator } from '../processors/map.js'
import { mapValues as mapValuesOperator } from '../processors/map-values.js'
import { passThrough } from '../processors/pass-through.js'
import { peek as peekOperator } from '../processors/peek.js'
import { pipe as pipeOperator } from '../processors/pipe.js'
import { selectKey as selectKeyOperator } from '../processors/select-key.js'
import { checkName, GraphNode } from './graph.js'
import type { GroupedHandle, StreamHandle } from './handles.js'

/** What an operator does to the records, as far as the graph must know. */
export interface Effect {
  readonly key?: 'changed'
  readonly value?: 'changed'
  readonly stores?: readonly (string | StoreSpec)[]
  readonly recordAtATime?: boolean
  readonly deadLetterTopic?: string
}

/** Adds one processor below a stream. */
export function attach(
  stream: StreamHandle,
  name: string,
  operator: BatchOperator,
  effect: Effect = {},
): StreamHandle {
  const { graph } = stream
  const { stores = [], recordAtATime = false, deadLetterTopic } = effect
  const node = graph.add(
    stream.node,
    new GraphNode(
      name,
      (topology) => {
        topology.addProcessor({
          name,
          parents: [stream.name],
          operator,
          stores,
          recordAtATime,
          ...(deadLetterTopic === undefined ? {} : { deadLetterTopic }),
        })
      },
      { changesKey: effect.key === 'changed', changesValue: effect.value === 'changed' },
    ),
  )
  return {
    ...stream,
    name,
    node,
    keySerde: effect.key === 'changed' ? null : stream.keySerde,
    valueSerde: effect.value === 'changed' ? null : stream.valueSerde,
    repartition: stream.repartition || effect.key === 'changed',
  }
}

export function filter(
  stream: StreamHandle,
  predicate: Predicate<never, never>,
  not: boolean,
  name: string | undefined,
): StreamHandle {
  const operator = filterOperator(predicate as Predicate<unknown, unknown>, not)
  return attach(stream, stream.graph.named(name, 'KSTREAM-FILTER-'), operator)
}

export function map(
  stream: StreamHandle,
  mapper: KeyValueMapper<never, never, KeyValue<unknown, unknown>>,
  name: string | undefined,
): StreamHandle {
  const operator = mapOperator(mapper as KeyValueMapper<unknown, unknown, KeyValue<unknown, unknown>>)
  return attach(stream, stream.graph.named(name, 'KSTREAM-MAP-'), operator, {
    key: 'changed',
    value: 'changed',
  })
}

export function mapValues(
  stream: StreamHandle,
  mapper: ValueMapper<never, never, unknown>,
  name: string | undefined,
): StreamHandle {
  const operator = mapValuesOperator(mapper as ValueMapper<unknown, unknown, unknown>)
  return attach(stream, stream.graph.named(name, 'KSTREAM-MAPVALUES-'), operator, { value: 'changed' })
}

export function flatMap(
  stream: StreamHandle,
  mapper: KeyValueMapper<never, never, Iterable<KeyValue<unknown, unknown>>>,
  name: string | undefined,
): StreamHandle {
  const operator = flatMapOperator(
    mapper as KeyValueMapper<unknown, unknown, Iterable<KeyValue<unknown, unknown>>>,
  )
  return attach(stream, stream.graph.named(name, 'KSTREAM-FLATMAP-'), operator, {
    key: 'changed',
    value: 'changed',
  })
}

export function flatMapValues(
  stream: StreamHandle,
  mapper: ValueMapper<never, never, Iterable<unknown>>,
  name: string | undefined,
): StreamHandle {
  const operator = flatMapValuesOperator(mapper as ValueMapper<unknown, unknown, Iterable<unknown>>)
  return attach(stream, stream.graph.named(name, 'KSTREAM-FLATMAPVALUES-'), operator, { value: 'changed' })
}

export function selectKey(
  stream: StreamHandle,
  mapper: KeyValueMapper<never, never, unknown>,
  name: string | undefined,
): StreamHandle {
  const operator = selectKeyOperator(mapper as KeyValueMapper<unknown, unknown, unknown>)
  return attach(stream, stream.graph.named(name, 'KSTREAM-KEY-SELECT-'), operator, { key: 'changed' })
}

export function peek(
  stream: StreamHandle,
  action: (key: never, value: never) => void,
  name: string | undefined,
): StreamHandle {
  const operator = peekOperator(action as (key: unknown, value: unknown) => void, true)
  return attach(stream, stream.graph.named(name, 'KSTREAM-PEEK-'), operator)
}

export function foreach(
  stream: StreamHandle,
  action: (key: never, value: never) => void,
  name: string | undefined,
): void {
  const operator = peekOperator(action as (key: unknown, value: unknown) => void, false)
  attach(stream, stream.graph.named(name, 'KSTREAM-FOREACH-'), operator)
}

export function print(
  stream: StreamHandle,
  options: { name?: string; label?: string; write?: (line: string) => void },
): void {
  const name = stream.graph.named(options.name, 'KSTREAM-PRINTER-')
  const label = options.label ?? stream.name
  const write = options.write ?? console.log
  attach(
    stream,
    name,
    peekOperator((key, value) => write(`[${label}]: ${text(key)}, ${text(value)}`), false),
  )
}

function text(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

export function pipe(
  stream: StreamHandle,
  operators: readonly OperatorFunction<never, unknown>[],
): StreamHandle {
  return attach(stream, stream.graph.newName('KSTREAM-PIPE-'), pipeOperator(operators), {
    key: 'changed',
    value: 'changed',
  })
}

export function processBatches(
  stream: StreamHandle,
  operator: BatchOperator,
  options: ProcessOptions & { changesKey?: boolean; changesValue?: boolean },
): StreamHandle {
  return attach(stream, stream.graph.named(options.name, 'KSTREAM-BATCHES-'), operator, {
    ...(options.changesKey ? { key: 'changed' } : {}),
    ...((options.changesValue ?? true) ? { value: 'changed' } : {}),
    stores: options.stores ?? [],
  })
}

export function merge(left: StreamHandle, right: StreamHandle, given: string | undefined): StreamHandle {
  const { graph } = left
  const name = graph.named(given, 'KSTREAM-MERGE-')
  const node = graph.add(
    [left.node, right.node],
    new GraphNode(
      name,
      (topology) => {
        topology.addProcessor({ name, parents: [left.name, right.name], operator: passThrough })
      },
      { merges: true },
    ),
  )
  return {
    graph,
    name,
    node,
    keySerde: null,
    valueSerde: null,
    sources: new Set([...left.sources, ...right.sources]),
    repartition: left.repartition || right.repartition,
  }
}

export function groupByKey(stream: StreamHandle, options: Grouped<unknown, unknown>): GroupedHandle {
  return {
    stream,
    name: options.name === undefined ? null : checkName(options.name),
    keySerde: options.keySerde ?? stream.keySerde,
    valueSerde: options.valueSerde ?? stream.valueSerde,
    shared: { repartition: null },
  }
}

export function groupBy(
  stream: StreamHandle,
  mapper: KeyValueMapper<never, never, unknown>,
  options: Grouped<unknown, unknown>,
): GroupedHandle {
  const selected = selectKey(stream, mapper, options.name)
  return { ...groupByKey(selected, options), keySerde: options.keySerde ?? null }
}
