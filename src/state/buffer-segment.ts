import { assert } from '../common/index.js'
import { PlaceIndex } from './place-index.js'
import { BLOCKS_MAX, placeOf, RecordBlock } from './record-block.js'
import type { StoreTable } from './store-table.js'

/** Called when a segment has brought a block into memory. */
export type Admit = (segment: BufferSegment, block: RecordBlock) => void

/**
 * The records of one span of time: blocks, of which some are in memory, and an index from the hash of a key to its newest
 * record; the older ones hang on that one.
 *
 * Invariant: a block that is not in memory is in the table, all of it.
 */
export class BufferSegment {
  readonly number: number
  readonly index = new PlaceIndex()
  /** By number; null: in the table only. */
  readonly blocks: (RecordBlock | null)[] = []
  /** By number: the greatest start of its records and of all that came before. */
  readonly newest: number[] = []
  /** Takes the next record; null: a new one does. */
  active: RecordBlock | null = null
  /** Looked into since the last flush. */
  used = true
  readonly #table: StoreTable
  readonly #admit: Admit

  constructor(number: number, table: StoreTable, admit: Admit) {
    this.number = number
    this.#table = table
    this.#admit = admit
  }

  /** Builds the index of a segment that lies in the table. */
  static load(number: number, table: StoreTable, admit: Admit): BufferSegment {
    const segment = new BufferSegment(number, table, admit)
    for (let stored = segment.#stored(0); stored !== null; stored = segment.#stored(segment.blocks.length)) {
      segment.newest.push(segment.newest.at(-1) ?? Number.NEGATIVE_INFINITY)
      for (let at = 0; at < stored.used; at = stored.nextOffset(at)) {
        segment.#know(stored, at)
      }
      segment.blocks.push(null)
    }
    return segment
  }

  /** The block of a place, read from the table where it is not in memory. */
  block(number: number): RecordBlock {
    const known = this.blocks[number]
    if (known != null) {
      known.referenced = true
      return known
    }
    const block = this.#stored(number)
    assert(block !== null, `block ${number} of segment ${this.number} is missing`)
    this.blocks[number] = block
    this.#admit(this, block)
    return block
  }

  /** A new block, which takes the next records. */
  open(bytes?: number): RecordBlock {
    const number = this.blocks.length
    assert(number < BLOCKS_MAX, `segment ${this.number} has no room for more blocks`)
    const block = RecordBlock.empty(number, bytes)
    this.blocks.push(block)
    this.newest.push(this.newest.at(-1) ?? Number.NEGATIVE_INFINITY)
    this.active = block
    this.#admit(this, block)
    return block
  }

  /** Adds the record that has been written behind what `block` holds. */
  add(
    block: RecordBlock,
    hash: number,
    start: number,
    timestamp: number,
    keyLength: number,
    valueLength: number,
  ): void {
    const offset = block.used
    block.add(hash, this.index.get(hash), start, timestamp, keyLength, valueLength)
    this.#know(block, offset)
  }

  #know(block: RecordBlock, offset: number): void {
    const { number } = block
    this.index.set(block.hashAt(offset), placeOf(number, offset))
    const start = block.startAt(offset)
    if (start > this.newest[number]!) this.newest[number] = start
  }

  forget(block: RecordBlock): void {
    this.blocks[block.number] = null
    if (this.active === block) this.active = null
  }

  #stored(number: number): RecordBlock | null {
    const row = this.#table.get([this.number, number])
    return row === undefined ? null : RecordBlock.of(number, row[0] as Uint8Array)
  }
}
