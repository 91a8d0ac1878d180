import type { Headers } from '../log/index.js'
import { type Serde, serialize } from '../serde/index.js'
import type { CapturedRecord } from './captured-record.js'

export interface TestInputTopicOptions {
  /** Timestamp of the first record without one, ms. Default: the driver's wall clock. */
  readonly startTimestampMs?: number
  /** How far that timestamp moves on with every record without one, ms. Default 0. */
  readonly autoAdvanceMs?: number
}

/** Timestamps of a list. Without them it has those that the topic's options say. */
export interface ListTimes {
  readonly startTimestampMs: number
  /** From one record to the next, ms. Default 0. */
  readonly advanceMs?: number
}

/** A record of a test. What is left out: no headers, and the timestamp that the topic's options say. */
export interface TestRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  readonly timestamp?: number
  readonly headers?: Headers
}

/** Feeds one topic. Each call returns when everything that follows from the record has happened. */
export class TestInputTopic<K, V> {
  readonly topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #pipe: (record: CapturedRecord) => void
  readonly #autoAdvanceMs: number
  #timestamp: number

  constructor(
    topic: string,
    keySerde: Serde<K>,
    valueSerde: Serde<V>,
    pipe: (record: CapturedRecord) => void,
    options: Required<TestInputTopicOptions>,
  ) {
    this.topic = topic
    this.#keySerde = keySerde
    this.#valueSerde = valueSerde
    this.#pipe = pipe
    this.#timestamp = options.startTimestampMs
    this.#autoAdvanceMs = options.autoAdvanceMs
  }

  pipeInput(key: K | null, value: V | null, timestamp?: number, headers?: Headers): void {
    this.pipeRecord({
      key,
      value,
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(headers === undefined ? {} : { headers }),
    })
  }

  pipeRecord(record: TestRecord<K, V>): void {
    this.#pipe({
      topic: this.topic,
      key: serialize(this.#keySerde, record.key),
      value: serialize(this.#valueSerde, record.value),
      timestamp: record.timestamp ?? this.#nextTimestamp(),
      headers: record.headers ?? [],
    })
  }

  pipeRecordList(records: Iterable<TestRecord<K, V>>): void {
    for (const record of records) this.pipeRecord(record)
  }

  pipeKeyValueList(pairs: Iterable<readonly [K | null, V | null]>, times?: ListTimes): void {
    this.#pipeList(pairs, times)
  }

  pipeValueList(values: Iterable<V | null>, times?: ListTimes): void {
    this.#pipeList(
      Array.from(values, (value) => [null, value] as const),
      times,
    )
  }

  #pipeList(pairs: Iterable<readonly [K | null, V | null]>, times?: ListTimes): void {
    let timestamp = times?.startTimestampMs
    for (const [key, value] of pairs) {
      this.pipeInput(key, value, timestamp)
      if (timestamp !== undefined) timestamp += times?.advanceMs ?? 0
    }
  }

  /** Moves the timestamp of the records to come. */
  advanceTime(ms: number): void {
    this.#timestamp += ms
  }

  #nextTimestamp(): number {
    const timestamp = this.#timestamp
    this.#timestamp += this.#autoAdvanceMs
    return timestamp
  }
}
