import { TopologyError } from '../errors.js'
import type { Predicate } from '../functions.js'
import { branch } from '../processors/branch.js'
import { passThrough } from '../processors/pass-through.js'
import { checkName, GraphNode } from './graph.js'
import type { StreamHandle } from './handles.js'

export interface SplitHandle {
  readonly stream: StreamHandle
  readonly name: string
  readonly node: GraphNode
  readonly branches: { readonly child: string; readonly predicate: Predicate<unknown, unknown> | null }[]
}

export function startSplit(stream: StreamHandle, given: string | undefined): SplitHandle {
  const { graph } = stream
  const name = graph.named(given, 'KSTREAM-BRANCH-')
  const branches: SplitHandle['branches'] = []
  const node = graph.add(
    stream.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [stream.name], operator: branch(branches) })
    }),
  )
  return { stream, name, node, branches }
}

/** A null predicate makes the default branch. */
export function addBranch(
  split: SplitHandle,
  predicate: Predicate<unknown, unknown> | null,
  given: string | undefined,
): StreamHandle {
  const { stream, branches } = split
  const { graph } = stream
  // Kafka Streams takes a number for each branch, though the branch is named after the split.
  graph.newName('KSTREAM-BRANCHCHILD-')
  const suffix = given === undefined ? String(predicate === null ? 0 : branches.length + 1) : checkName(given)
  const name = split.name + suffix
  if (branches.some((other) => other.child === name))
    throw new TopologyError(`there are two branches named "${name}"`)
  branches.push({ child: name, predicate })
  const node = graph.add(
    split.node,
    new GraphNode(name, (topology) => {
      topology.addProcessor({ name, parents: [split.name], operator: passThrough })
    }),
  )
  return { ...stream, name, node }
}
