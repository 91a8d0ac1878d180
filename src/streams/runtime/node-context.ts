import type { StateStore } from '../../state/index.js'
import type { AnyBatch } from '../batch.js'
import type { ResolvedConfig } from '../config.js'
import { TopologyError } from '../errors.js'
import type {
  AsyncContext,
  Cancellable,
  DroppedReason,
  KeptTime,
  NodeContext,
  ProcessorNode,
  PunctuationType,
  WindowBounds,
} from '../node.js'
import type { TaskGraph, TaskHost } from './task-graph.js'

/** What one node of one task sees. */
export class TaskNodeContext implements NodeContext {
  readonly applicationId: string
  readonly taskId: string
  readonly nodeName: string
  readonly partition: number
  readonly appConfigs: ResolvedConfig
  readonly emitEveryUpdate: boolean
  readonly flushCallbacks: (() => void)[] = []
  readonly closeCallbacks: (() => void)[] = []
  readonly #node: ProcessorNode
  readonly #graph: TaskGraph
  readonly #host: TaskHost

  constructor(node: ProcessorNode, graph: TaskGraph, host: TaskHost) {
    this.applicationId = host.applicationId
    this.taskId = host.taskId
    this.nodeName = node.name
    this.partition = host.partition
    this.appConfigs = host.config
    this.emitEveryUpdate = host.emitEveryUpdate
    this.#node = node
    this.#graph = graph
    this.#host = host
  }

  stateStore<S extends StateStore>(name: string): S {
    const store = this.#node.stores.includes(name)
      ? this.#host.stateStore(name)
      : this.#host.globalStore(name)
    if (store === undefined) {
      throw new TopologyError(
        `store ${name} is not connected to this node; name it in the processor's stores, or make it a global store`,
        { place: { taskId: this.taskId, node: this.nodeName } },
      )
    }
    return store as S
  }

  currentStreamTimeMs(): number {
    return this.#graph.streamTimeMs
  }

  currentSystemTimeMs(): number {
    return this.#host.clock.now()
  }

  forward(batch: AnyBatch, child?: string | null): void {
    this.#graph.forward(this.nodeName, batch, child ?? null)
  }

  schedule(
    intervalMs: number,
    type: PunctuationType,
    callback: (timestamp: number) => void,
    startTimeMs?: number,
  ): Cancellable {
    return this.#graph.schedule(this.nodeName, intervalMs, type, callback, startTimeMs)
  }

  onFlush(callback: () => void): void {
    this.flushCallbacks.push(callback)
  }

  onClose(callback: () => void): void {
    this.closeCallbacks.push(callback)
  }

  dropped(reason: DroppedReason, batch: AnyBatch, row: number, window?: WindowBounds): void {
    this.#host.dropped(this.nodeName, reason, batch, row, window ?? null)
  }

  processingError(error: unknown, batch: AnyBatch, row: number): void {
    this.#host.processingError(this.nodeName, error, batch, row)
  }

  keptTime(name?: string): KeptTime {
    return this.#host.keptTime(name === undefined ? this.nodeName : `${this.nodeName}/${name}`)
  }

  requestCommit(): void {
    this.#host.requestCommit()
  }

  get async(): AsyncContext {
    const graph = this.#graph
    const host = this.#host
    return {
      clock: host.clock,
      register: (work) => graph.register(work),
      progressed: () => host.asyncActivity(),
      failure: (error, batch, row) => host.processingFailure(this.nodeName, error, batch, row),
      outsideCommit: (action) => graph.outsideCommit(action),
      afterCommit: (action) => graph.afterCommit(action),
      random: host.config.random,
      deadLetter: (topic, error, batch, row) => host.deadLetter(this.nodeName, topic, error, batch, row),
    }
  }
}
