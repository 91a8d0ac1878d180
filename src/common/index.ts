/** What every layer may use and that knows nothing of Kafka. */
export { asciiText } from './ascii-text.js'
export { assert, assertNever } from './assert.js'
export { ByteWriter, compareBytes } from './bytes.js'
export { type CarriedError, carryError, restoreError } from './carried-error.js'
export { type Clock, ManualClock, systemClock, type Timer } from './clock.js'
export { crc32c, crc32cByTable } from './crc32c.js'
export { writeAscii, writeDecimals, writeDigits, writeFourDecimals } from './digits.js'
export { ForebayError } from './errors.js'
export { nextEventLoopTurn } from './event-loop.js'
export { type FileHandle, type FileSystem, readFully } from './files.js'
export { MemoryFiles } from './memory-files.js'
export {
  MessageEndpoint,
  type MessageEndpointOptions,
  ownMemory,
  PortClosedError,
  Transferred,
} from './message-endpoint.js'
export { murmur2 } from './murmur2.js'
export { nodeFiles } from './node-files.js'
export { type Random, randomBelow, randomUuid, seededRandom, systemRandom } from './random.js'
export {
  unsignedVarintSize,
  VarintReader,
  varintSize,
  varlongSize,
  writeUnsignedVarint,
  writeVarint,
  writeVarlong,
} from './varint.js'
