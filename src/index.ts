/**
 * Forebay: a log, streams and SQL in one process. The most used names; everything else is under `forebay/log`,
 * `forebay/streams`, `forebay/sql`, `forebay/connect` and `forebay/testing`.
 */
export { ForebayError } from './common/index.js'
export {
  jsonLinesSink,
  readCsv,
  readJsonArray,
  readJsonLines,
  runSink,
  runSource,
  sqliteSink,
} from './connect/index.js'
export { KafkaError, Log } from './log/index.js'
export { type PushQuery, type QueryRow, SqlEngine, SqlError, type StatementResult } from './sql/index.js'
export {
  JoinWindows,
  KafkaStreams,
  type KStream,
  type KTable,
  Serdes,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
  type Topology,
} from './streams/index.js'
