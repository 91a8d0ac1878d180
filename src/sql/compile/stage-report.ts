import { type AnyBatch, originRow, runtime } from '../../streams/index.js'

/** What went wrong with one record, where: a line of the processing log. */
export interface ProcessingError {
  readonly queryId: string
  /** The step of the plan, such as `Project`. */
  readonly step: string
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  /** The record as it lies in the log, where it is at hand. */
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly error: unknown
  /** Nothing has failed: the record lacks the key that the step needs. */
  readonly kind?: 'null-key'
}

/** Knows which record generated code is at, so that its errors can be placed. */
export class StageReport {
  batch: AnyBatch | null = null
  row = 0
  readonly onError: (error: unknown) => void
  /** The record has no key for GROUP BY, and goes no further. */
  readonly onNullKey: () => void

  constructor(queryId: string, step: string, log: (error: ProcessingError) => void) {
    this.onError = (error) => log({ queryId, step, ...this.#place(), error })
    this.onNullKey = () => log({ queryId, step, ...this.#place(), kind: 'null-key', error: null })
  }

  #place(): Pick<ProcessingError, 'topic' | 'partition' | 'offset' | 'key' | 'value'> {
    const origin = this.batch?.origin ?? null
    return {
      topic: origin?.topic ?? null,
      partition: origin?.partition ?? -1,
      offset: origin === null ? -1 : origin.offsets[originRow(this.batch!, this.row)]!,
      ...(origin === null ? null : runtime.rawRecord(this.batch!, this.row)),
    }
  }
}
