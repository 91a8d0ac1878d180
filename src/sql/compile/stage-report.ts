import { type AnyBatch, originRow } from '../../streams/index.js'

/** What went wrong with one record, where: a line of the processing log. */
export interface ProcessingError {
  readonly queryId: string
  /** The step of the plan, such as `Project`. */
  readonly step: string
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  readonly error: unknown
}

/** Knows which record generated code is at, so that its errors can be placed. */
export class StageReport {
  batch: AnyBatch | null = null
  row = 0
  readonly onError: (error: unknown) => void

  constructor(queryId: string, step: string, log: (error: ProcessingError) => void) {
    this.onError = (error) => {
      const origin = this.batch?.origin ?? null
      log({
        queryId,
        step,
        topic: origin?.topic ?? null,
        partition: origin?.partition ?? -1,
        offset: origin === null ? -1 : origin.offsets[originRow(this.batch!, this.row)]!,
        error,
      })
    }
  }
}
