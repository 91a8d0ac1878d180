import { Subject } from 'rxjs'
import type { Clock } from '../../common/index.js'
import type { StateStore } from '../../state/index.js'

import { type AnyBatch, originRow } from '../batch.js'
import type { ResolvedConfig } from '../config.js'

import { InvalidStateError, messageOf, ProcessingError, StreamsError, TopologyError } from '../errors.js'
import type {
  Cancellable,
  DroppedReason,
  KeptTime,
  PendingWork,
  ProcessorNode,
  PunctuationType,
  SinkNode,
  SourceNode,
  TopologyNode,
  WindowBounds,
} from '../node.js'
import { recordAtATimeSources } from './batch-safety.js'
import { TaskNodeContext } from './node-context.js'
import { PunctuationQueue } from './punctuation.js'
import { sliceBatch } from './run.js'

/** What a graph needs of the task that owns it. */
export interface TaskHost {
  readonly applicationId: string
  readonly taskId: string
  readonly partition: number
  readonly clock: Clock
  readonly config: ResolvedConfig
  readonly emitEveryUpdate: boolean
  stateStore(name: string): StateStore | undefined
  globalStore(name: string): StateStore | undefined
  /** Takes the records that reached a sink. */
  send(sink: SinkNode, batch: AnyBatch): void
  dropped(
    node: string,
    reason: DroppedReason,
    batch: AnyBatch,
    row: number,
    window: WindowBounds | null,
  ): void
  processingError(node: string, error: unknown, batch: AnyBatch, row: number): void
  /** The error to stop with. */
  processingFailure(node: string, error: unknown, batch: AnyBatch, row: number): Error
  deadLetter(node: string, topic: string, error: unknown, batch: AnyBatch, row: number): void
  keptTime(node: string): KeptTime
  requestCommit(): void
  /** A node sent something, or failed, while nothing was being processed: an answer it had waited for. */
  asyncActivity(): void
}

type RunningNode = RunningSource | RunningProcessor | RunningSink

interface RunningSource {
  readonly node: SourceNode
  readonly children: RunningNode[]
}

interface RunningProcessor {
  readonly node: ProcessorNode
  readonly children: RunningNode[]
  readonly context: TaskNodeContext
  readonly input: Subject<AnyBatch>
}

interface RunningSink {
  readonly node: SinkNode
}

/**
 * The nodes of a sub-topology, instantiated once for a task.
 *
 *     source ──▶ input Subject ─▶ operator(context) ─▶ output ──▶ children, in the order they were attached
 *
 * Everything runs synchronously inside `process`, depth first. The first error poisons the graph: what is still on its
 * way is let go, and the call that caused it throws. The owner must then close the graph and start afresh from the last
 * commit.
 */
export class TaskGraph {
  /** Stream time of the task, ms: set before the record, or the run, that moved it is processed. */
  streamTimeMs = -1
  readonly #nodes = new Map<string, RunningNode>()
  readonly #host: TaskHost
  readonly #recordAtATime: ReadonlySet<string>
  readonly #streamTimePunctuators = new PunctuationQueue()
  readonly #wallClockPunctuators = new PunctuationQueue()
  /** By node: punctuators scheduled before the first record. */
  readonly #scheduled = new Map<string, number>()
  #started = false
  #failure: unknown = null
  #closed = false
  /** Inside a call of the owner; what nodes send outside of one, they send on their own account. */
  #busy = false
  /** Of nodes that answer later. */
  readonly #pending: PendingWork[] = []
  #onFailure: (() => void) | null = null
  /** Not null during a commit: what nodes send on their own account then belongs to the next one. */
  #held: (() => void)[] | null = null
  readonly #afterCommit: (() => void)[] = []

  constructor(nodes: readonly TopologyNode[], host: TaskHost) {
    this.#host = host
    this.#recordAtATime = recordAtATimeSources(nodes)
    for (const node of nodes) this.#add(node)
    this.#busy = true
    for (const running of this.#nodes.values()) {
      if (running.node.kind === 'processor') this.#start(running as RunningProcessor)
    }
    this.#busy = false
    this.#started = true
    this.#throwFailure()
  }

  #add(node: TopologyNode): void {
    let running: RunningNode
    if (node.kind === 'source') running = { node, children: [] }
    else if (node.kind === 'sink') running = { node }
    else {
      const context = new TaskNodeContext(node, this, this.#host)
      running = { node, children: [], context, input: new Subject<AnyBatch>() }
    }
    this.#nodes.set(node.name, running)
    if (node.kind === 'source') return
    for (const name of node.parents) {
      const parent = this.#nodes.get(name)
      if (parent === undefined || !('children' in parent)) {
        throw new TopologyError(
          `node ${node.name} names ${name} as its parent, which does not come before it`,
        )
      }
      parent.children.push(running)
    }
  }

  #start(running: RunningProcessor): void {
    const { node, context, input, children } = running
    input.pipe(node.operator(context)).subscribe({
      next: (batch) => this.#emit(children, batch),
      error: (error) => this.#fail(node.name, error),
    })
  }

  #begin(): void {
    this.#throwFailure()
    this.#busy = true
  }

  #end(): void {
    this.#busy = false
    this.#throwFailure()
  }

  /** Takes a run of source records through the graph; returns when everything that follows from it has happened. */
  process(source: string, batch: AnyBatch): void {
    this.#begin()
    const running = this.#nodes.get(source) as RunningSource
    const single = this.#recordAtATime.has(source)
    let from = 0
    while (from < batch.size) {
      const to = single ? from + 1 : this.#untilPunctuation(batch, from)
      this.streamTimeMs = streamTimeAt(batch, to - 1)
      this.#emit(running.children, sliceBatch(batch, from, to))
      if (this.#failure !== null) break
      this.#streamTimePunctuators.punctuate(this.streamTimeMs)
      from = to
    }
    this.#end()
  }

  /** A stream-time punctuator fires between two records: the batch is cut behind the one that makes it due. */
  #untilPunctuation(batch: AnyBatch, from: number): number {
    const due = this.#streamTimePunctuators.nextDue
    if (due > streamTimeAt(batch, batch.size - 1)) return batch.size
    let to = from
    while (streamTimeAt(batch, to) < due) to++
    return to + 1
  }

  punctuateWallClock(): boolean {
    this.#begin()
    const fired = this.#wallClockPunctuators.punctuate(this.#host.clock.now())
    this.#end()
    return fired
  }

  /** Wall-clock time at which a punctuator is due next, ms; infinity without one. */
  get nextWallClockPunctuation(): number {
    return this.#wallClockPunctuators.nextDue
  }

  /** Lets nodes send what they hold back until a commit, parents before children. */
  flush(): void {
    this.#begin()
    for (const running of this.#nodes.values()) {
      if (!('context' in running)) continue
      for (const callback of running.context.flushCallbacks) {
        if (this.#failure === null) this.#guard(running.node.name, callback)
      }
    }
    this.#end()
  }

  register(work: PendingWork): void {
    this.#pending.push(work)
  }

  /** How many records nodes that answer later can take now. */
  get room(): number {
    let room = Number.POSITIVE_INFINITY
    for (const work of this.#pending) room = Math.min(room, work.room)
    return room
  }

  /** Whether nodes are at work that has not ended. */
  get inFlight(): boolean {
    return this.#pending.some((work) => work.drained() !== undefined)
  }

  /** All that is in flight goes on only when time passes. */
  get waitsForClock(): boolean {
    return this.#pending.every((work) => work.drained() === undefined || work.waitsForClock)
  }

  /**
   * Flushes, and waits until nothing is in flight that a commit has to wait for, or with `all` nothing at all: what one
   * node sends may occupy another. Throws what a node throws.
   */
  async settle(all: boolean): Promise<void> {
    this.flush()
    for (let i = 0; i < this.#pending.length; ) {
      const work = this.#pending[i]!
      const drained = work.survivesCommits && !all ? undefined : work.drained()
      if (drained === undefined) {
        i++
        continue
      }
      await Promise.race([drained, this.#failed()])
      // By a failure, or the end of the log, while it waited: nothing will ever be drained.
      if (this.#closed) throw new InvalidStateError('the task was closed before its calls were answered')
      this.flush()
      i = 0
    }
  }

  #failed(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFailure = resolve
    })
  }

  /** From here to `release` nothing that nodes send on their own account goes on. */
  hold(): void {
    this.#held = []
  }

  outsideCommit(action: () => void): void {
    if (this.#held === null) action()
    else this.#held.push(action)
  }

  afterCommit(action: () => void): void {
    this.#afterCommit.push(action)
  }

  release(): void {
    const held = [...this.#afterCommit.splice(0), ...(this.#held ?? [])]
    this.#held = null
    for (const send of held) send()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#onFailure?.()
    this.#busy = true
    for (const running of this.#nodes.values()) {
      if (!('context' in running)) continue
      for (const callback of running.context.closeCallbacks) this.#guard(running.node.name, callback)
      running.input.complete()
    }
    this.#busy = false
  }

  forward(from: string, batch: AnyBatch, child: string | null): void {
    const children = (this.#nodes.get(from) as RunningProcessor).children
    if (child === null) {
      this.#emit(children, batch)
      return
    }
    const target = children.find((c) => c.node.name === child)
    if (target === undefined) {
      throw new TopologyError(`node ${from} forwards to ${child}, which is not one of its children`, {
        place: { taskId: this.#host.taskId, node: from },
      })
    }
    this.#emit([target], batch)
  }

  schedule(
    node: string,
    intervalMs: number,
    type: PunctuationType,
    callback: (timestamp: number) => void,
    startTimeMs?: number,
  ): Cancellable {
    if (!(intervalMs >= 1)) {
      throw new TopologyError(`the interval of a punctuator must be at least 1 ms, found ${intervalMs}`, {
        place: { taskId: this.#host.taskId, node },
      })
    }
    const guarded = (timestamp: number) => {
      if (this.#failure === null) this.#guard(node, () => callback(timestamp))
    }
    if (type === 'WALL_CLOCK_TIME') {
      const first = startTimeMs ?? this.#host.clock.now() + intervalMs
      return this.#wallClockPunctuators.schedule(first, intervalMs, guarded)
    }
    // Aligned to 0, so that the first record fires; after a restart it goes on as if there had been none.
    const kept = this.#keptPunctuation(node)
    const first = Math.max(startTimeMs ?? 0, kept?.ms ?? 0)
    return this.#streamTimePunctuators.schedule(first, intervalMs, guarded, kept)
  }

  /** Of the punctuators that a node schedules as it starts, in their order; others come and go with records. */
  #keptPunctuation(node: string): KeptTime | null {
    if (this.#started) return null
    const index = this.#scheduled.get(node) ?? 0
    this.#scheduled.set(node, index + 1)
    return this.#host.keptTime(`${node}/punctuator ${index}`)
  }

  #emit(children: readonly RunningNode[], batch: AnyBatch): void {
    if (batch.size === 0) return
    if (!this.#busy) {
      if (this.#held !== null) {
        this.#held.push(() => this.#emit(children, batch))
        return
      }
      this.#host.asyncActivity()
    }
    for (let i = 0; i < children.length; i++) this.#deliver(children[i]!, batch)
  }

  #deliver(child: RunningNode, batch: AnyBatch): void {
    if (this.#failure !== null || this.#closed) return
    if ('input' in child) {
      child.input.next(batch)
      return
    }
    try {
      this.#host.send(child.node as SinkNode, batch)
    } catch (error) {
      this.#fail(child.node.name, error)
    }
  }

  #guard(node: string, callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#fail(node, error)
    }
  }

  #fail(node: string, error: unknown): void {
    if (this.#failure !== null) return
    this.#failure =
      error instanceof StreamsError
        ? error
        : new ProcessingError(messageOf(error), { cause: error, place: { taskId: this.#host.taskId, node } })
    this.#onFailure?.()
    if (!this.#busy) this.#host.asyncActivity()
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure
  }
}

function streamTimeAt(batch: AnyBatch, row: number): number {
  return batch.origin!.streamTimes[originRow(batch, row)]!
}
