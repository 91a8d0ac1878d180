import { runtime, type Subtopology, type TopologyModel } from '../streams/index.js'

/**
 * How input has to be given to a topology so that the order in which it is taken does not depend on how fast it comes.
 *
 * - `free`: records of one topic in any bundles; of several topics in bundles, as long as time moves on between two topics
 * - `stepwise`: each record waits until everything before it has been processed: a step of the topology reads what
 *   another one writes beside other input, or two write the same topic, so that their records mix as they come
 */
export type InputPace = 'free' | 'stepwise'

export function paceOf(topology: TopologyModel): InputPace {
  const steps = topology.subtopologies.filter(({ global }) => !global)
  const written = steps.map(topicsWritten)
  const all = new Set(written.flatMap((topics) => [...topics]))
  const mixesWriters = written.some((topics, i) =>
    written.some((others, j) => j > i && [...topics].some((topic) => others.has(topic))),
  )
  const writesAnywhere = steps.some(writesDynamically)
  if (mixesWriters || (writesAnywhere && steps.length > 1)) return 'stepwise'
  return steps.some((step) => mixesInput(step, all)) ? 'stepwise' : 'free'
}

function topicsWritten({ nodes }: Subtopology): Set<string> {
  return new Set(
    nodes.flatMap((node) => (node.kind === 'sink' && typeof node.topic === 'string' ? [node.topic] : [])),
  )
}

function writesDynamically({ nodes }: Subtopology): boolean {
  return nodes.some((node) => node.kind === 'sink' && typeof node.topic !== 'string')
}

function mixesInput({ nodes }: Subtopology, written: ReadonlySet<string>): boolean {
  const sources = runtime.sourcesOf(nodes)
  const topics = sources.flatMap((source) => (source.topics instanceof RegExp ? [] : [...source.topics]))
  const patterns = sources.length > 0 && sources.some((source) => source.topics instanceof RegExp)
  if (topics.length < 2 && !patterns) return false
  return (
    sources.some((source) => source.timestampExtractor !== null) || topics.some((topic) => written.has(topic))
  )
}
