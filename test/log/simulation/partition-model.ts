import type { Circumstances } from './workload.js'

/** `id` names the record and all of its content. */
export interface FoundRecord {
  readonly offset: number
  readonly id: string
}

export interface FoundPartition {
  readonly records: readonly FoundRecord[]
  readonly startOffset: number
  readonly endOffset: number
}

/**
 * What one partition promised: nothing acknowledged is lost, nothing comes twice or at another offset, no offset is
 * given again, and nothing is there that nobody wrote.
 */
export class PartitionModel {
  /** Every offset that was ever given away, also those whose record was since removed on purpose. */
  protected readonly known = new Map<number, string>()
  /** Written or not: nobody was told. */
  readonly #unknown = new Set<string>()
  /** Offsets below were deleted on request; `#deletionAsked` may be further, where nobody was told. */
  #deleted = 0
  #deletionAsked = 0

  attempted(id: string): void {
    this.#unknown.add(id)
  }

  acknowledged(offset: number, id: string): void {
    const earlier = this.known.get(offset)
    if (earlier !== undefined) throw new Error(`offset ${offset} was given to ${earlier} and to ${id}`)
    this.#unknown.delete(id)
    this.known.set(offset, id)
  }

  deletionAsked(offset: number): void {
    this.#deletionAsked = Math.max(this.#deletionAsked, offset)
  }

  deleted(offset: number): void {
    this.#deleted = Math.max(this.#deleted, offset)
  }

  check(found: FoundPartition, { lossAllowed, reopened }: Circumstances): void {
    this.#checkRecords(found, lossAllowed)
    if (lossAllowed) this.#forgetFrom(found.endOffset)
    this.checkStart(found, lossAllowed)
    this.checkNothingIsLost(found)
    if (!reopened) return
    for (const { offset, id } of found.records) this.known.set(offset, id)
    this.#unknown.clear()
  }

  #checkRecords({ records, startOffset, endOffset }: FoundPartition, lossAllowed: boolean): void {
    const seen = new Set<string>()
    let last = startOffset - 1
    for (const { offset, id } of records) {
      if (offset <= last || offset >= endOffset) {
        throw new Error(`offset ${offset} after ${last} in [${startOffset}, ${endOffset})`)
      }
      last = offset
      if (seen.has(id)) throw new Error(`${id} is there twice`)
      seen.add(id)
      const known = this.known.get(offset)
      // A power cut may undo a truncation and the write after it: what failed before, all but complete, is there again.
      const possible = (known === undefined || lossAllowed) && this.#unknown.has(id)
      if (known !== id && !possible) {
        throw new Error(`offset ${offset} holds ${id}; known is ${known}`)
      }
    }
  }

  #forgetFrom(endOffset: number): void {
    for (const offset of [...this.known.keys()]) if (offset >= endOffset) this.known.delete(offset)
  }

  /** Only requests move the start. */
  protected checkStart({ startOffset, endOffset }: FoundPartition, lossAllowed: boolean): void {
    const least = lossAllowed ? Math.min(this.#deleted, endOffset) : this.#deleted
    if (startOffset < least || startOffset > this.#deletionAsked) {
      throw new Error(`begins at ${startOffset}, not between ${least} and ${this.#deletionAsked}`)
    }
    if (lossAllowed) this.#deleted = Math.min(this.#deleted, endOffset)
  }

  protected checkNothingIsLost({ records, startOffset }: FoundPartition): void {
    const there = new Set(records.map(({ offset }) => offset))
    for (const [offset, id] of this.known) {
      if (offset >= startOffset && !there.has(offset)) throw new Error(`${id} at offset ${offset} is lost`)
    }
  }
}

/** A partition that retention removes records from. */
export class RetentionModel extends PartitionModel {
  #start = 0

  /** It moves by itself, but never back. */
  protected override checkStart({ startOffset }: FoundPartition): void {
    if (startOffset < this.#start) {
      throw new Error(`begins at ${startOffset}, after it began at ${this.#start} already`)
    }
    this.#start = startOffset
  }

  /** Ids are `timestamp:…`. Throws where a record below `startOffset` was not older than `limit`, in ms. */
  checkAge(startOffset: number, limit: number): void {
    for (const [offset, id] of this.known) {
      if (offset < startOffset && Number.parseInt(id, 10) >= limit) {
        throw new Error(`${id} at offset ${offset} is gone, although only what is before ${limit} may go`)
      }
    }
  }
}

/** Of each key the newest record. Ids are `key:…`, those of tombstones end with `:tombstone`. */
export class CompactedModel extends PartitionModel {
  protected override checkNothingIsLost({ records }: FoundPartition): void {
    const newest = newestByKey([...this.known].map(([offset, id]) => ({ offset, id })))
    const there = newestByKey(records)
    for (const [key, { offset, id }] of newest) {
      const found = there.get(key)
      if (found === undefined && isTombstone(id)) continue
      if (found === undefined || found.offset < offset) {
        throw new Error(`${id} at offset ${offset} is lost; ${found?.id ?? 'nothing'} is there of its key`)
      }
    }
  }
}

function newestByKey(records: readonly FoundRecord[]): Map<string, FoundRecord> {
  const newest = new Map<string, FoundRecord>()
  for (const record of records) {
    const key = record.id.slice(0, record.id.indexOf(':'))
    if (record.offset > (newest.get(key)?.offset ?? -1)) newest.set(key, record)
  }
  return newest
}

function isTombstone(id: string): boolean {
  return id.endsWith(':tombstone')
}
