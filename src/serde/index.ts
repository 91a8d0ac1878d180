/** Serdes: how keys and values become bytes. */
import { jsonSerde, type StandardSchema } from './json.js'
import * as primitives from './primitives.js'
import type { Serde } from './serde.js'
import { sessionWindowedSerde, timeWindowedSerde } from './windowed.js'

export { SerializationError } from './errors.js'
export { jsonSerde, type StandardSchema } from './json.js'
export { hasPlainNames, plainBytes, type ShapeReader, ShapeWatch } from './json-shape.js'
export { writeJsonString } from './json-string.js'
export * from './primitives.js'
export { deserialize, type Serde, serdeOf, serialize } from './serde.js'
export { sessionWindowedSerde, timeWindowedSerde, type Windowed, windowed } from './windowed.js'

/** Kafka's `Serdes` factory. */
export const Serdes = {
  string: (): Serde<string> => primitives.stringSerde,
  bytes: (): Serde<Uint8Array> => primitives.bytesSerde,
  integer: (): Serde<number> => primitives.int32Serde,
  /** 64-bit integers that fit a safe JS integer. */
  long: (): Serde<number> => primitives.longSerde,
  /** 64-bit integers, `bigint` beyond 2^53. */
  bigint: (): Serde<number | bigint> => primitives.int64Serde,
  double: (): Serde<number> => primitives.doubleSerde,
  boolean: (): Serde<boolean> => primitives.booleanSerde,
  json: <T = unknown>(schema?: StandardSchema<T>): Serde<T> => jsonSerde(schema),
  timeWindowed: timeWindowedSerde,
  sessionWindowed: sessionWindowedSerde,
} as const
