/*
 * The partition time travels with the committed offset, so that stream time goes on where it was after a restart.
 * Kafka Streams' form, in base64:
 *
 *     int8 version = 1 │ int64 partition time, ms
 */

export function encodePartitionTime(partitionTime: number): string {
  const bytes = Buffer.alloc(9)
  bytes.writeInt8(1, 0)
  bytes.writeBigInt64BE(BigInt(partitionTime), 1)
  return bytes.toString('base64')
}

/** -1 where the metadata holds none, or in a form that is not known. */
export function decodePartitionTime(metadata: string | undefined): number {
  if (metadata === undefined || metadata === '') return -1
  const bytes = Buffer.from(metadata, 'base64')
  if (bytes.length < 9 || (bytes[0] !== 1 && bytes[0] !== 2)) return -1
  return Number(bytes.readBigInt64BE(1))
}
