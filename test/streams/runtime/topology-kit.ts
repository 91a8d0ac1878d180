import { map, type OperatorFunction } from 'rxjs'
import { Serdes } from '../../../src/serde/index.js'
import type { StoreSpec } from '../../../src/state/index.js'
import type {
  AnyBatch,
  BatchOperator,
  ProcessorNode,
  SinkNode,
  SourceNode,
  TopologyModel,
  TopologyNode,
} from '../../../src/streams/index.js'

/* Topologies put together by hand, for what the DSL would not build. */

const text = Serdes.string() as SourceNode['keySerde']

export function source(
  name: string,
  topics: SourceNode['topics'],
  more: Partial<SourceNode> = {},
): SourceNode {
  return {
    kind: 'source',
    name,
    topics,
    keySerde: text,
    valueSerde: text,
    timestampExtractor: null,
    offsetReset: null,
    ...more,
  }
}

export function processor(
  name: string,
  parents: readonly string[],
  operator: BatchOperator,
  more: Partial<ProcessorNode> = {},
): ProcessorNode {
  return { kind: 'processor', name, parents, stores: [], operator, ...more }
}

export function sink(
  name: string,
  parents: readonly string[],
  topic: SinkNode['topic'],
  more: Partial<SinkNode> = {},
): SinkNode {
  return { kind: 'sink', name, parents, topic, keySerde: text, valueSerde: text, partitioner: null, ...more }
}

export const identity: BatchOperator = () => map((batch: AnyBatch) => batch)

/** Maps values one by one. */
export function mapping(change: (value: string, key: string) => string): BatchOperator {
  return () =>
    map((batch: AnyBatch) => ({
      ...batch,
      values: batch.values.map((value, row) => change(value as string, batch.keys[row] as string)),
    }))
}

/** Looks at every batch. */
export function watching(look: (batch: AnyBatch) => void): BatchOperator {
  return (): OperatorFunction<AnyBatch, AnyBatch> =>
    map((batch) => {
      look(batch)
      return batch
    })
}

export function model(nodes: readonly TopologyNode[], stores: readonly StoreSpec[] = []): TopologyModel {
  return {
    nodes: new Map(nodes.map((node) => [node.name, node])),
    stores: new Map(
      stores.map((spec) => [
        spec.name,
        {
          spec,
          global: false,
          sourceTopic: null,
          processors: nodes
            .filter((n) => n.kind === 'processor' && n.stores.includes(spec.name))
            .map((n) => n.name),
        },
      ]),
    ),
    repartitionTopics: new Map(),
    copartitionGroups: [],
    subtopologies: [{ id: 0, global: false, nodes, stores: stores.map((spec) => spec.name) }],
  }
}
