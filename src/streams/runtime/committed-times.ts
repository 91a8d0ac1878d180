/*
 * Times travel with the committed offset, so that they go on where they were after a restart: that of the partition, and
 * those that nodes keep for themselves. Kafka Streams' form, in base64:
 *
 *     int8 version = 1 │ int64 partition time, ms
 *     int8 version = 2 │ int64 partition time, ms │ int32 count │ { int32 length, name, int64 time, ms } of each node
 */

export interface CommittedTimes {
  /** -1: none. */
  readonly partitionTime: number
  /** By name. */
  readonly nodeTimes: ReadonlyMap<string, number>
}

const unknown: CommittedTimes = { partitionTime: -1, nodeTimes: new Map() }

export function encodeTimes({ partitionTime, nodeTimes }: CommittedTimes): string {
  const head = Buffer.alloc(9)
  head.writeInt8(nodeTimes.size === 0 ? 1 : 2, 0)
  head.writeBigInt64BE(BigInt(partitionTime), 1)
  if (nodeTimes.size === 0) return head.toString('base64')
  const parts = [head, int32(nodeTimes.size)]
  for (const [node, time] of nodeTimes) {
    const name = Buffer.from(node)
    const value = Buffer.alloc(8)
    value.writeBigInt64BE(BigInt(time))
    parts.push(int32(name.length), name, value)
  }
  return Buffer.concat(parts).toString('base64')
}

/** No times where the metadata holds none, or has a form that is not known. */
export function decodeTimes(metadata: string | undefined): CommittedTimes {
  if (metadata === undefined || metadata === '') return unknown
  const bytes = Buffer.from(metadata, 'base64')
  if (bytes.length < 9 || (bytes[0] !== 1 && bytes[0] !== 2)) return unknown
  const partitionTime = Number(bytes.readBigInt64BE(1))
  const nodeTimes = new Map<string, number>()
  if (bytes[0] === 2 && bytes.length > 9) {
    let at = 13
    for (let left = bytes.readInt32BE(9); left > 0; left--) {
      const nameEnd = at + 4 + bytes.readInt32BE(at)
      nodeTimes.set(bytes.toString('utf8', at + 4, nameEnd), Number(bytes.readBigInt64BE(nameEnd)))
      at = nameEnd + 8
    }
  }
  return { partitionTime, nodeTimes }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
