import type { Headers } from '../log/index.js'
import { deserialize, type Serde } from '../serde/index.js'
import { StreamsError } from '../streams/index.js'
import type { CapturedRecord } from './captured-record.js'

/** A record that came out. */
export interface OutputRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  readonly timestamp: number
  readonly headers: Headers
}

/** Reads what was written to one topic, in order; each record once. */
export class TestOutputTopic<K, V> {
  readonly topic: string
  readonly #keySerde: Serde<K>
  readonly #valueSerde: Serde<V>
  readonly #queue: CapturedRecord[]

  constructor(topic: string, keySerde: Serde<K>, valueSerde: Serde<V>, queue: CapturedRecord[]) {
    this.topic = topic
    this.#keySerde = keySerde
    this.#valueSerde = valueSerde
    this.#queue = queue
  }

  get queueSize(): number {
    return this.#queue.length
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Throws a StreamsError when there is nothing to read. */
  readRecord(): OutputRecord<K, V> {
    const record = this.#queue.shift()
    if (record === undefined)
      throw new StreamsError('TEST_TOPIC_EMPTY', `no record is left in topic ${this.topic}`)
    return {
      key: deserialize(this.#keySerde, record.key),
      value: deserialize(this.#valueSerde, record.value),
      timestamp: record.timestamp,
      headers: record.headers,
    }
  }

  readValue(): V | null {
    return this.readRecord().value
  }

  readKeyValue(): [K | null, V | null] {
    const { key, value } = this.readRecord()
    return [key, value]
  }

  readRecordsToList(): OutputRecord<K, V>[] {
    const records: OutputRecord<K, V>[] = []
    while (!this.isEmpty) records.push(this.readRecord())
    return records
  }

  readValuesToList(): (V | null)[] {
    return this.readRecordsToList().map((record) => record.value)
  }

  readKeyValuesToList(): [K | null, V | null][] {
    return this.readRecordsToList().map((record) => [record.key, record.value])
  }

  /** The last value of each key. Keys are told apart as a Map does. Throws a StreamsError on a null key. */
  readKeyValuesToMap(): Map<K, V | null> {
    const map = new Map<K, V | null>()
    for (const { key, value } of this.readRecordsToList()) {
      if (key === null)
        throw new StreamsError('TEST_NULL_KEY', `topic ${this.topic} holds a record without a key`)
      map.set(key, value)
    }
    return map
  }
}
