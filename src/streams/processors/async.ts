import { Observable } from 'rxjs'
import { type Random, randomBelow, type Timer } from '../../common/index.js'
import type { StateStore } from '../../state/index.js'
import type { AsyncOptions, AsyncOrdering, AsyncRetry } from '../async-options.js'
import { type AnyBatch, BatchBuilder } from '../batch.js'
import { messageOf, TimeoutError, TopologyError } from '../errors.js'
import type { KeyIdentity } from '../key-identity.js'
import type { AsyncContext, BatchOperator, NodeContext, PendingWork } from '../node.js'
import { RunningCall } from './async-call.js'
import { InFlightRecords } from './in-flight-records.js'

/** What one of the asynchronous operators does with a record, and with the answer. */
export interface AsyncStep {
  call(key: unknown, value: unknown, call: RunningCall): unknown
  emit(out: BatchBuilder<unknown, unknown>, answer: unknown, batch: AnyBatch, row: number): void
}

export interface ResolvedAsyncOptions {
  readonly concurrency: number
  readonly ordering: AsyncOrdering
  readonly timeoutMs: number
  readonly retry: Required<AsyncRetry>
  readonly onError: AsyncOptions['onError']
}

/** Records a node holds for each call that may run: those behind others of their key, or of their partition. */
const heldPerCall = 4

/** One record between its arrival and its results' departure. */
interface Held {
  readonly batch: AnyBatch
  readonly row: number
  /** Those of one key, this one first; null where nothing waits for it. */
  line: Held[] | null
  identity: unknown
  attempt: number
  /** The call that runs now; null during a pause between two, and at the end. */
  call: RunningCall | null
  timer: Timer | null
  state: 'waiting' | 'answered' | 'left-out'
  answer: unknown
  /** Position in the order of arrival, over restarts. */
  readonly sequence: number
  /** A commit has kept it in the store. */
  stored: boolean
}

/**
 * An operator whose function answers later.
 *
 *     input ─▶ line of its key ─▶ ready ─▶ call ⇄ pause ─▶ (turn in the partition) ─▶ finished ─▶ output
 *                                 └── at most `concurrency` ──┘                        one batch a microtask
 *
 * The task takes no more input while `room` is 0. A commit either waits until nothing is held, or, under exactly-once,
 * keeps what is held in a store: the store's changes, the results, and the offsets of the input are then one transaction, so that each record
 * is either in the store or has its results written. A restart begins with the store.
 *
 *     take ─▶ held ─┬─ commit ─▶ stored ─┬─▶ answered ─▶ results, and out of the store: both in the next commit
 *                   └────────────────────┘
 *
 * Nothing happens here while a commit is under way; answers that come then are taken behind it.
 */
export function asyncOperator(
  step: AsyncStep,
  options: ResolvedAsyncOptions,
  identity: KeyIdentity,
  storeName: string | null,
): BatchOperator {
  return (context) => {
    const later = context.async
    if (later === undefined) {
      throw new TopologyError('asynchronous operators need a task that waits for them', {
        place: { taskId: context.taskId, node: context.nodeName },
      })
    }
    return (source) =>
      new Observable((subscriber) => {
        const store =
          storeName === null ? null : new InFlightRecords(context.stateStore<InFlightStore>(storeName))
        const work = new AsyncWork(context, later, step, options, identity, store, {
          next: (batch) => subscriber.next(batch),
          fail: (error) => subscriber.error(error),
        })
        later.register(work)
        context.onFlush(() => work.keep())
        context.onClose(() => work.close())
        work.restore()
        return source.subscribe({
          next: (batch) => work.take(batch),
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        })
      })
  }
}

type InFlightStore = ConstructorParameters<typeof InFlightRecords>[0] & StateStore

interface Output {
  next(batch: AnyBatch): void
  fail(error: unknown): void
}

class AsyncWork implements PendingWork {
  readonly #context: NodeContext
  readonly #later: AsyncContext
  readonly #step: AsyncStep
  readonly #options: ResolvedAsyncOptions
  readonly #identity: KeyIdentity
  readonly #store: InFlightRecords | null
  /** Commits keep what is held in the store. */
  readonly #keeps: boolean
  readonly #output: Output
  readonly #heldMax: number
  /** May be called as soon as there is a place. */
  readonly #ready: Held[] = []
  /** With order by key: by key, the records that are held. */
  readonly #lines = new Map<unknown, Held[]>()
  /** With order by partition: every record that is held, in the order of arrival. */
  readonly #arrived: Held[] = []
  /** Called, and not answered for good. */
  readonly #open = new Set<Held>()
  #finished: Held[] = []
  /** Records between arrival and departure, in the order of arrival. */
  readonly #held = new Set<Held>()
  #sequence = 0
  /** Records that take one of the places: calls and pauses. */
  #running = 0
  #calls = 0
  #emitting = false
  #over = false
  #drained: { promise: Promise<void>; resolve: () => void } | null = null

  constructor(
    context: NodeContext,
    later: AsyncContext,
    step: AsyncStep,
    options: ResolvedAsyncOptions,
    identity: KeyIdentity,
    store: InFlightRecords | null,
    output: Output,
  ) {
    this.#context = context
    this.#later = later
    this.#step = step
    this.#options = options
    this.#identity = identity
    this.#store = store
    this.#keeps = store !== null && context.appConfigs.processingGuarantee === 'exactly_once_v2'
    this.#output = output
    this.#heldMax = options.concurrency * heldPerCall
  }

  get room(): number {
    return this.#heldMax - this.#held.size
  }

  get waitsForClock(): boolean {
    return this.#held.size > 0 && this.#calls === 0 && this.#finished.length === 0
  }

  get survivesCommits(): boolean {
    return this.#keeps
  }

  /** Takes up what an earlier run left without an answer. */
  restore(): void {
    for (const { sequence, batch } of this.#store?.restored() ?? []) {
      this.#sequence = sequence
      this.#enqueue(batch, 0, true)
    }
    this.#startReady()
  }

  /** Before a commit: what has no answer goes to the store. */
  keep(): void {
    if (!this.#keeps) return
    for (const held of this.#held) {
      if (held.stored) continue
      held.stored = true
      this.#store!.put(held.sequence, held.batch, held.row)
    }
  }

  drained(): Promise<void> | undefined {
    if (this.#held.size === 0) return undefined
    if (this.#drained === null) {
      let resolve = () => {}
      const promise = new Promise<void>((settle) => {
        resolve = settle
      })
      this.#drained = { promise, resolve }
    }
    return this.#drained.promise
  }

  take(batch: AnyBatch): void {
    if (this.#over) return
    try {
      for (let row = 0; row < batch.size; row++) this.#enqueue(batch, row, false)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#startReady()
  }

  close(): void {
    this.#over = true
    for (const held of this.#open) {
      held.timer?.cancel()
      held.call?.abort(new Error('the task has closed'))
      held.call = null
    }
    this.#drained?.resolve()
  }

  #enqueue(batch: AnyBatch, row: number, stored: boolean): void {
    const held: Held = {
      batch,
      row,
      line: null,
      identity: null,
      attempt: 0,
      call: null,
      timer: null,
      state: 'waiting',
      answer: undefined,
      sequence: this.#sequence++,
      stored,
    }
    this.#held.add(held)
    const { ordering } = this.#options
    if (ordering === 'partition') this.#arrived.push(held)
    const key = batch.keys[row]
    if (ordering !== 'key' || key === null || key === undefined) {
      this.#ready.push(held)
      return
    }
    held.identity = this.#identity(key)
    const line = this.#lines.get(held.identity)
    if (line !== undefined) {
      held.line = line
      line.push(held)
      return
    }
    held.line = [held]
    this.#lines.set(held.identity, held.line)
    this.#ready.push(held)
  }

  #startReady(): void {
    while (!this.#over && this.#running < this.#options.concurrency) {
      const held = this.#ready.shift()
      if (held === undefined) return
      this.#running++
      this.#open.add(held)
      this.#call(held)
    }
  }

  #call(held: Held): void {
    const { batch, row } = held
    held.attempt++
    const call = new RunningCall(this.#context, batch, row, held.attempt)
    held.call = call
    this.#calls++
    const { timeoutMs } = this.#options
    held.timer =
      timeoutMs === Number.POSITIVE_INFINITY
        ? null
        : this.#later.clock.setTimer(timeoutMs, () => this.#timedOut(held, call), true)
    let answer: unknown
    try {
      answer = this.#step.call(batch.keys[row], batch.values[row], call)
    } catch (error) {
      answer = Promise.reject(error)
    }
    Promise.resolve(answer).then(
      (value) => this.#ended(held, call, () => this.#answered(held, value)),
      (error) => this.#ended(held, call, () => this.#failed(held, error)),
    )
  }

  #timedOut(held: Held, call: RunningCall): void {
    this.#ended(held, call, () => {
      const error = new TimeoutError(`no answer within ${this.#options.timeoutMs} ms`)
      call.abort(error)
      this.#failed(held, error)
    })
  }

  /** Goes on with a record, unless its call is over for another reason. */
  #ended(held: Held, call: RunningCall, goOn: () => void): void {
    this.#later.outsideCommit(() => {
      if (held.call === call) goOn()
    })
  }

  #answered(held: Held, answer: unknown): void {
    this.#endCall(held)
    held.answer = answer
    this.#finish(held, 'answered')
  }

  #endCall(held: Held): void {
    held.call = null
    held.timer?.cancel()
    held.timer = null
    this.#calls--
  }

  #failed(held: Held, error: unknown): void {
    this.#endCall(held)
    try {
      const { attempts, retryIf } = this.#options.retry
      if (held.attempt < attempts && retryIf(error, held.attempt)) {
        held.timer = this.#later.clock.setTimer(this.#pauseMs(held.attempt), () => this.#again(held), true)
        this.#later.progressed()
        return
      }
      this.#giveUp(held, error)
    } catch (fatal) {
      this.#fail(fatal)
      return
    }
    this.#finish(held, 'left-out')
  }

  #pauseMs(attempt: number): number {
    const { backoffMs, maxBackoffMs, jitter } = this.#options.retry
    const pauseMs = Math.min(backoffMs * 2 ** (attempt - 1), maxBackoffMs)
    return jitter === 0 ? pauseMs : Math.ceil(pauseMs * (1 - jitter * randomShare(this.#later.random)))
  }

  #again(held: Held): void {
    this.#later.outsideCommit(() => {
      if (!this.#over) this.#call(held)
    })
  }

  /** Returns when the record may be left out; else throws. */
  #giveUp(held: Held, error: unknown): void {
    const { batch, row } = held
    const { onError } = this.#options
    if (onError === undefined) {
      this.#context.processingError(error, batch, row)
    } else if (onError === 'fail') {
      const text = `${messageOf(error)}, at the last of ${held.attempt} attempts`
      const last = held.attempt === 1 ? error : new Error(text, { cause: error })
      throw this.#later.failure(last, batch, row)
    } else {
      this.#context.dropped('processing', batch, row)
      if (onError !== 'skip') this.#later.deadLetter(onError.deadLetterTopic, error, batch, row)
    }
  }

  /** Nothing more happens here: the owner starts afresh from the last commit. */
  #fail(error: unknown): void {
    this.close()
    this.#output.fail(error)
  }

  #finish(held: Held, state: 'answered' | 'left-out'): void {
    held.state = state
    this.#open.delete(held)
    this.#running--
    if (this.#options.ordering === 'partition') this.#finishInTurn()
    else this.#finished.push(held)
    const { line } = held
    if (line !== null) {
      line.shift()
      if (line.length > 0) this.#ready.push(line[0]!)
      else this.#lines.delete(held.identity)
    }
    this.#startReady()
    if (this.#emitting || this.#finished.length === 0) return
    this.#emitting = true
    queueMicrotask(() => this.#later.outsideCommit(() => this.#emit()))
  }

  /** Without transactions a record leaves the store only after its results are safe. */
  #forget(sequence: number): void {
    if (this.#keeps) this.#store!.delete(sequence)
    else this.#later.afterCommit(() => this.#store!.delete(sequence))
  }

  #finishInTurn(): void {
    let count = 0
    while (count < this.#arrived.length && this.#arrived[count]!.state !== 'waiting') count++
    if (count > 0) this.#finished.push(...this.#arrived.splice(0, count))
  }

  /** Sends what has come together, as one batch for each run of input. */
  #emit(): void {
    this.#emitting = false
    if (this.#over) return
    const finished = this.#finished
    this.#finished = []
    for (let from = 0; from < finished.length; ) {
      const { batch } = finished[from]!
      const out = new BatchBuilder<unknown, unknown>()
      let to = from
      for (; to < finished.length && finished[to]!.batch.origin === batch.origin; to++) {
        const held = finished[to]!
        if (held.state === 'answered') this.#step.emit(out, held.answer, held.batch, held.row)
      }
      if (out.size > 0) this.#output.next(out.build(batch))
      from = to
    }
    for (const held of finished) {
      this.#held.delete(held)
      if (held.stored) this.#forget(held.sequence)
    }
    if (this.#held.size === 0) {
      this.#drained?.resolve()
      this.#drained = null
    }
    this.#later.progressed()
  }
}

/** From 0 up to 1. */
function randomShare(random: Random): number {
  return randomBelow(random, 0x1_0000) / 0x1_0000
}
