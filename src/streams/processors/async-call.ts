import type { Headers } from '../../log/index.js'
import type { StateStore } from '../../state/index.js'
import type { AsyncCall } from '../async-options.js'
import { type AnyBatch, headersOf, originRow } from '../batch.js'
import type { NodeContext } from '../node.js'
import type { RecordPosition } from '../processor-api.js'

/** One call of a user function. The signal is made when it is looked at. */
export class RunningCall implements AsyncCall {
  readonly attempt: number
  readonly #context: NodeContext
  readonly #batch: AnyBatch
  readonly #row: number
  #controller: AbortController | null = null
  #aborted: { reason: unknown } | null = null

  constructor(context: NodeContext, batch: AnyBatch, row: number, attempt: number) {
    this.#context = context
    this.#batch = batch
    this.#row = row
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#aborted !== null) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  get timestamp(): number {
    return this.#batch.timestamps[this.#row]!
  }

  get headers(): Headers {
    return headersOf(this.#batch, this.#row) ?? []
  }

  get position(): RecordPosition | null {
    const { origin } = this.#batch
    if (origin === null) return null
    const offset = origin.offsets[originRow(this.#batch, this.#row)]!
    return { topic: origin.topic, partition: origin.partition, offset }
  }

  getStateStore<S extends StateStore>(name: string): S {
    return this.#context.stateStore(name)
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }
}
