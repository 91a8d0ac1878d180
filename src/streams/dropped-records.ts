import type { Headers } from '../log/index.js'
import { jsonSerde, type Serde } from '../serde/index.js'
import { PartReader, writeHeaders, writeSized } from './internal-serdes.js'
import type { DroppedReason } from './node.js'

/** The internal topic behind `StreamsBuilder.droppedRecords`, without the application's id. */
export const droppedRecordsTopic = 'dropped-records'

/** A record that was left out, and why. */
export interface DroppedRecord {
  readonly reason: DroppedReason
  readonly taskId: string
  /** The node that left it out. */
  readonly node: string
  /** Of the windows it would have belonged to, the one it came too late for; null where no window is concerned. */
  readonly window: { readonly start: number; readonly end: number } | null
  /** Where the record stands that the task had read; null, with -1, where none is at hand, as in punctuators. */
  readonly topic: string | null
  readonly partition: number
  readonly offset: number
  /** ms since the epoch. */
  readonly timestamp: number
  readonly headers: Headers
  /** The bytes of that record: `deserialize(serde, key)` of `forebay/streams` reads them. */
  readonly key: Buffer | null
  readonly value: Buffer | null
}

type Place = Omit<DroppedRecord, 'headers' | 'key' | 'value'>

const placeSerde = jsonSerde<Place>() as Serde<unknown>

const rawSerde: Serde<unknown> = {
  write: (value, out) => out.writeBytes(value as Buffer),
  read: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
}

/**
 *     reason and place as JSON, sized │ key, sized │ value, sized │ headers
 */
export const droppedRecordSerde: Serde<DroppedRecord> = {
  write({ headers, key, value, ...place }, out) {
    writeSized(out, placeSerde, place)
    writeSized(out, rawSerde, key)
    writeSized(out, rawSerde, value)
    writeHeaders(out, headers)
  },
  read(buffer, start) {
    const parts = new PartReader(buffer, start)
    const place = parts.sized(placeSerde) as Place
    const key = parts.sized(rawSerde) as Buffer | null
    const value = parts.sized(rawSerde) as Buffer | null
    return { ...place, key, value, headers: parts.headers() ?? [] }
  },
}
