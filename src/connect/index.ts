/** Connectors: rows into topics and topics into files and databases, each record exactly once. */
export { type FileSystem, nodeFiles } from '../common/index.js'
export { ConnectError } from './errors.js'
export { jsonLinesSink } from './json-lines-sink.js'
export { readCsv, readJsonArray, readJsonLines } from './read-rows.js'
export { runSink, type Sink, type SinkOptions } from './sink.js'
export { runSource, type SourceOptions, type SourceRecord } from './source.js'
export { type SqliteSinkColumn, type SqliteSinkValue, sqliteSink } from './sqlite-sink.js'
