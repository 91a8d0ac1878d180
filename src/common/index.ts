/** What every layer may use and that knows nothing of Kafka. */
export { assert, assertNever } from './assert.js'
export { ByteWriter, compareBytes } from './bytes.js'
export { type Clock, ManualClock, systemClock, type Timer } from './clock.js'
export { ForebayError } from './errors.js'
export type { FileHandle, FileSystem } from './files.js'
