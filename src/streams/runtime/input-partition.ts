import type { DecodedBatch, TopicPartition } from '../../log/index.js'
import type { Serde } from '../../serde/index.js'
import { messageOf, ProcessingError, StreamsError } from '../errors.js'
import type { DeadLetterRecord, FailedRecord } from '../exception-handlers.js'
import type { TimestampExtractor } from '../node.js'
import { KeyPool, pooled } from './key-pool.js'
import { rawHeaders, rawKey, rawValue } from './run.js'

/** How the records of one source partition are read. */
export interface InputOptions {
  readonly source: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** null: the record's own timestamp, which must not be negative. */
  readonly timestampExtractor: TimestampExtractor | null
}

/** A record that is passed over: it takes effect when its turn comes, so that it is counted exactly once. */
export interface Skipped {
  /** The source node. */
  readonly source: string
  readonly reason: 'deserialization' | 'negative-timestamp'
  readonly failure: FailedRecord
  readonly deadLetters: readonly DeadLetterRecord[]
}

/** What reading records asks of the task. */
export interface InputHost {
  readonly taskId: string
  /** Shared by the partitions of a task: a join looks keys of one up in what another has brought. */
  readonly keyPool?: KeyPool
  /** The letters of a record that may be passed over; else throws. */
  deserializationError(failure: FailedRecord): readonly DeadLetterRecord[]
  skipped(skipped: Skipped): void
}

/** Decoded records of one batch, those that are passed over left out. */
export interface Chunk {
  readonly raw: DecodedBatch
  readonly keys: unknown[]
  readonly values: unknown[]
  readonly timestamps: Float64Array
  readonly rawRows: Int32Array
  readonly size: number
  /** `beforeRow`: the row of the chunk that follows the record passed over. */
  readonly skips: readonly (Skipped & { readonly beforeRow: number })[]
  /** Reading stopped here; raised once every record before it has been processed. */
  readonly error: unknown
}

/**
 * The buffered input of one source partition.
 *
 * Invariants
 * - `headTimestamp` is that of the next record; infinity while `buffered` is 0.
 * - `nextOffset` follows the last record taken (or passed over): where a restart has to begin.
 */
export class InputPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly options: InputOptions
  headTimestamp = Number.POSITIVE_INFINITY
  /** The greatest timestamp taken so far; -1 before the first. */
  partitionTime: number
  nextOffset: number
  /** Records that can be taken. */
  buffered = 0
  /** An empty partition that is not waited for, until it has records again. */
  released = false
  idleDeadline: number | null = null
  readonly #host: InputHost
  readonly #keySerde: Serde<unknown>
  readonly #chunks: Chunk[] = []
  #cursor = 0
  #decodeTime: number
  #skipCursor = 0

  constructor(
    at: TopicPartition,
    options: InputOptions,
    host: InputHost,
    partitionTime = -1,
    nextOffset = 0,
  ) {
    this.topic = at.topic
    this.partition = at.partition
    this.options = options
    this.#host = host
    this.#keySerde = pooled(options.keySerde, host.keyPool ?? new KeyPool())
    this.partitionTime = partitionTime
    this.#decodeTime = partitionTime
    this.nextOffset = nextOffset
  }

  /** Decodes a batch behind what is buffered. Returns whether the partition was empty before. */
  add(raw: DecodedBatch): boolean {
    if (raw.count === 0) return false
    const wasEmpty = this.buffered === 0
    const chunk = this.#decode(raw)
    this.#chunks.push(chunk)
    this.buffered += chunk.size
    this.idleDeadline = null
    this.released = false
    if (wasEmpty) this.#advance()
    return wasEmpty && this.buffered > 0
  }

  /** The chunk at the head and the row in it; only while `buffered` > 0. */
  get head(): Chunk {
    return this.#chunks[0]!
  }

  get headRow(): number {
    return this.#cursor
  }

  /** Takes the rows up to `to` of the head chunk. */
  take(to: number): void {
    const chunk = this.head
    this.buffered -= to - this.#cursor
    for (let row = this.#cursor; row < to; row++) {
      if (chunk.timestamps[row]! > this.partitionTime) this.partitionTime = chunk.timestamps[row]!
    }
    this.#cursor = to
    this.nextOffset = chunk.raw.offsets[chunk.rawRows[to - 1]!]! + 1
    this.#advance()
  }

  /** Passes over what stands before the next good record, and leaves chunks that are done behind. */
  #advance(): void {
    this.headTimestamp = Number.POSITIVE_INFINITY
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      while (
        this.#skipCursor < chunk.skips.length &&
        chunk.skips[this.#skipCursor]!.beforeRow <= this.#cursor
      ) {
        const skip = chunk.skips[this.#skipCursor++]!
        this.#host.skipped(skip)
        this.nextOffset = skip.failure.offset + 1
      }
      if (this.#cursor < chunk.size) {
        this.headTimestamp = chunk.timestamps[this.#cursor]!
        return
      }
      if (chunk.error !== null) return
      this.#chunks.shift()
      this.#cursor = 0
      this.#skipCursor = 0
    }
  }

  /** Throws the error that stopped reading, once nothing stands before it. */
  throwIfFailed(): void {
    const chunk = this.#chunks[0]
    if (chunk !== undefined && chunk.error !== null && this.#cursor === chunk.size) throw chunk.error
  }

  #decode(raw: DecodedBatch): Chunk {
    const { source, valueSerde, timestampExtractor } = this.options
    const keySerde = this.#keySerde
    const { count, buffer, keyStart, keyEnd, valueStart, valueEnd } = raw
    const keys: unknown[] = []
    const values: unknown[] = []
    const timestamps = new Float64Array(count)
    const rawRows = new Int32Array(count)
    const skips: (Skipped & { beforeRow: number })[] = []
    let error: unknown = null
    let size = 0
    for (let i = 0; i < count && error === null; i++) {
      let key: unknown = null
      let value: unknown = null
      try {
        if (keyStart[i]! >= 0) key = keySerde.read(buffer, keyStart[i]!, keyEnd[i]!)
        if (valueStart[i]! >= 0) value = valueSerde.read(buffer, valueStart[i]!, valueEnd[i]!)
      } catch (cause) {
        error = this.#unreadable(raw, i, size, cause, skips)
        continue
      }
      let timestamp = raw.timestamps[i]!
      if (timestampExtractor !== null || timestamp < 0) {
        try {
          timestamp = this.#extract(timestampExtractor, raw, i, key, value)
        } catch (cause) {
          error = cause
          continue
        }
        if (timestamp < 0) {
          const failure = this.#failure(raw, i, null)
          skips.push({ beforeRow: size, source, reason: 'negative-timestamp', failure, deadLetters: [] })
          continue
        }
      }
      if (timestamp > this.#decodeTime) this.#decodeTime = timestamp
      keys.push(key)
      values.push(value)
      timestamps[size] = timestamp
      rawRows[size] = i
      size++
    }
    return { raw, keys, values, timestamps, rawRows, size, skips, error }
  }

  #extract(
    extractor: TimestampExtractor | null,
    raw: DecodedBatch,
    row: number,
    key: unknown,
    value: unknown,
  ): number {
    const place = {
      taskId: this.#host.taskId,
      node: this.options.source,
      topic: this.topic,
      partition: this.partition,
      offset: raw.offsets[row]!,
    }
    if (extractor === null) {
      throw new ProcessingError(
        `the record has no valid timestamp (${raw.timestamps[row]}); a timestamp extractor can skip or replace it`,
        { place },
      )
    }
    try {
      return extractor(
        {
          key,
          value,
          timestamp: raw.timestamps[row]!,
          topic: this.topic,
          partition: this.partition,
          offset: raw.offsets[row]!,
          headers: rawHeaders(raw, row),
        },
        this.#decodeTime,
      )
    } catch (cause) {
      if (cause instanceof StreamsError) throw cause
      throw new ProcessingError(
        `Fatal user code error in TimestampExtractor callback for record: ${messageOf(cause)}`,
        { cause, place },
      )
    }
  }

  /** Asks the handler; returns the error that ends reading, or null when the record may be passed over. */
  #unreadable(
    raw: DecodedBatch,
    row: number,
    beforeRow: number,
    cause: unknown,
    skips: (Skipped & { beforeRow: number })[],
  ): unknown {
    const failure = this.#failure(raw, row, cause)
    try {
      const deadLetters = this.#host.deserializationError(failure)
      skips.push({ beforeRow, source: this.options.source, reason: 'deserialization', failure, deadLetters })
    } catch (error) {
      return error
    }
    return null
  }

  #failure(raw: DecodedBatch, row: number, error: unknown): FailedRecord {
    return {
      taskId: this.#host.taskId,
      node: null,
      topic: this.topic,
      partition: this.partition,
      offset: raw.offsets[row]!,
      timestamp: raw.timestamps[row]!,
      headers: rawHeaders(raw, row),
      key: rawKey(raw, row),
      value: rawValue(raw, row),
      error,
      record: null,
    }
  }
}
