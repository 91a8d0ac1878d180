import {
  unsignedVarintSize,
  VarintReader,
  writeUnsignedVarint,
  writeVarint,
  writeVarlong,
} from '../../../src/common/index.js'
import { deserialize, type Serde, Serdes, serialize } from '../../../src/serde/index.js'
import { type ChangelogWriter, openStateDatabase, type StoreSpec, Stores } from '../../../src/state/index.js'
import { firstDifference } from './difference.js'
import { bytes, same, type Vector } from './vector.js'

/** Varints are JS numbers: beyond 2^53 the nearest double is read, and nothing is written. */
export function checkVarint(vector: Vector): string | null {
  const kind = vector.kind as string
  const encoded = bytes(vector.hex)
  const value = Number(vector.value)
  const reader = new VarintReader(encoded)
  const unsigned = kind.startsWith('unsigned')
  const read = unsigned
    ? reader.readUnsigned()
    : kind.startsWith('varint')
      ? reader.readVarint()
      : reader.readVarlong()
  const difference = same('value', value, read) ?? same('length', encoded.length, reader.position)
  if (difference !== null || !Number.isSafeInteger(value)) return difference
  const out = Buffer.alloc(16)
  const write = unsigned ? writeUnsignedVarint : kind.startsWith('varint') ? writeVarint : writeVarlong
  const end = write(out, 0, value)
  if (unsigned) {
    const size = same('size', encoded.length, unsignedVarintSize(value))
    if (size !== null) return size
  }
  return same('bytes', vector.hex, out.toString('hex', 0, end))
}

interface WindowedValue {
  readonly key: string
  readonly start: number
  readonly end: number
}

export function checkSerde(vector: Vector): string | null {
  const kind = vector.kind as string
  if (kind.includes('changelog')) return checkChangelogKey(kind, vector)
  if (kind.includes('windowed')) {
    const value = vector.value as WindowedValue
    const serde = kind.startsWith('time')
      ? Serdes.timeWindowed(Serdes.string(), value.end - value.start)
      : Serdes.sessionWindowed(Serdes.string())
    return bothWays(serde as Serde<unknown>, value, vector.hex as string)
  }
  const text = vector.value as string
  switch (kind) {
    case 'long':
      return bothWays(Serdes.bigint() as Serde<unknown>, integer(text), vector.hex as string)
    case 'integer':
      return bothWays(Serdes.integer() as Serde<unknown>, Number(text), vector.hex as string)
    case 'double':
      return bothWays(Serdes.double() as Serde<unknown>, Number(text), vector.hex as string)
    case 'string':
      return bothWays(Serdes.string() as Serde<unknown>, text, vector.hex as string)
    default:
      return `no check knows serdes of kind ${kind}`
  }
}

function integer(text: string): number | bigint {
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)
}

function bothWays(serde: Serde<unknown>, value: unknown, hex: string): string | null {
  const written = same('bytes', hex, serialize(serde, value)!.toString('hex'))
  return written ?? firstDifference(value, deserialize(serde, bytes(hex)))
}

/** Keys of changelog records, as a store writes them. The sequence number in the vectors is 3. */
function checkChangelogKey(kind: string, vector: Vector): string | null {
  const value = vector.value as WindowedValue
  const common = { name: 's', keySerde: Serdes.string(), valueSerde: Serdes.string() }
  const windowSizeMs = value.end - value.start
  if (kind.startsWith('session')) {
    const spec = Stores.session({ ...common, retentionMs: 1 })
    const keys = changelogKeys(spec, (store) => {
      const sessions = store as { put(session: WindowedValue, value: string): void }
      sessions.put(value, 'v')
    })
    return same('key', vector.hex, keys[0])
  }
  const spec = Stores.window({ ...common, windowSizeMs, retentionMs: windowSizeMs, retainDuplicates: true })
  const keys = changelogKeys(spec, (store) => {
    const windows = store as { put(key: string, value: string, start: number): void }
    for (let i = 0; i < 4; i++) windows.put(value.key, `v${i}`, value.start)
  })
  return keys.includes(vector.hex as string)
    ? null
    : `key: expected ${String(vector.hex)} among ${keys.join(', ')}`
}

function changelogKeys(spec: StoreSpec, fill: (store: object) => void): string[] {
  const keys: string[] = []
  const changelog: ChangelogWriter = {
    logChange: (_store, key) => keys.push(Buffer.from(key).toString('hex')),
  }
  const database = openStateDatabase({ path: ':memory:' })
  try {
    const store = database.openStore(spec, { changelog })
    fill(store)
    store.flush()
    return keys
  } finally {
    database.close()
  }
}
