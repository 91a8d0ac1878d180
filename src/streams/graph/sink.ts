import type { DynamicTopic } from '../functions.js'
import type { StreamPartitioner, TopicNameExtractor } from '../node.js'
import type { Produced } from '../options.js'
import { GraphNode } from './graph.js'
import type { StreamHandle } from './handles.js'

export function sinkTo(
  stream: StreamHandle,
  topic: string | DynamicTopic<never, never>,
  options: Produced<unknown, unknown>,
): void {
  const name = stream.graph.named(options.name, 'KSTREAM-SINK-')
  stream.graph.add(
    stream.node,
    new GraphNode(name, (topology) => {
      topology.addSink({
        name,
        parents: [stream.name],
        topic: topic as string | TopicNameExtractor,
        keySerde: options.keySerde ?? stream.keySerde,
        valueSerde: options.valueSerde ?? stream.valueSerde,
        partitioner: (options.partitioner as StreamPartitioner | undefined) ?? null,
      })
    }),
  )
}
