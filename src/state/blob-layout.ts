import { ByteWriter } from '../common/index.js'
import {
  booleanSerde,
  deserialize,
  doubleSerde,
  int32Serde,
  int64Serde,
  type Serde,
  stringSerde,
} from '../serde/index.js'
import { compareByteStrings, compareDoubles, compareIntegers, compareStrings } from './key-order.js'
import type { SqliteValue, TableColumn, TableLayout } from './store.js'

/** The cache index and the order of one type of keys. */
interface KeyIdentity<K> {
  identity(key: K): string | number
  compareKeys(a: K, b: K): number
  readonly isIdentityOrdered?: boolean
}

/**
 * The default layout: the bytes of the serdes, one BLOB each. SQLite orders BLOBs by memcmp, so tables have the order
 * of the serialised key.
 */
export interface BlobLayout<K, V> extends TableLayout<K, V>, KeyIdentity<K> {
  readonly blob: true
}

export function blobLayout<K, V>(keySerde: Serde<K>, valueSerde: Serde<V>): BlobLayout<K, V> {
  const arena = new Arena()
  return {
    blob: true,
    keyColumns: [{ name: 'key', type: 'BLOB' }] satisfies TableColumn[],
    valueColumns: [{ name: 'value', type: 'BLOB' }] satisfies TableColumn[],
    encodeKey: (key) => [arena.bytesOf(keySerde, key)],
    encodeValue: (value) => [arena.bytesOf(valueSerde, value)],
    decodeKey: (row) => deserialize(keySerde, bytesOf(row[0])) as K,
    decodeValue: (row) => deserialize(valueSerde, bytesOf(row[0])) as V,
    ...keyIdentity(keySerde),
  }
}

export function isBlobLayout<K, V>(layout: TableLayout<K, V>): layout is BlobLayout<K, V> {
  return (layout as Partial<BlobLayout<K, V>>).blob === true
}

/** Gives each value bytes of its own, many out of one allocation, never used again. */
class Arena {
  #writer = new ByteWriter(ARENA_BYTES)

  bytesOf<T>(serde: Serde<T>, value: T): Buffer {
    let writer = this.#writer
    if (writer.position > ARENA_BYTES / 2) writer = this.#writer = new ByteWriter(ARENA_BYTES)
    const start = writer.position
    serde.write(value, writer)
    return writer.buffer.subarray(start, writer.position)
  }
}

const ARENA_BYTES = 32 * 1024

function bytesOf(value: SqliteValue | undefined): Uint8Array {
  return value as Uint8Array
}

const numbers = {
  identity: (key: number) => key,
  compareKeys: compareIntegers,
}

/** Beyond 2^53 the decimal digits: strings, so never equal to a number's identity. */
const integers = {
  identity(key: number | bigint) {
    if (typeof key === 'number') return key
    const number = Number(key)
    return Number.isSafeInteger(number) ? number : key.toString()
  },
  compareKeys: compareIntegers,
}

/** A map takes -0 for 0, the bytes do not. */
const doubles = {
  identity: (key: number) => (key === 0 && Object.is(key, -0) ? '-0' : key),
  compareKeys: compareDoubles,
}

const booleans = {
  identity: (key: boolean) => (key ? 1 : 0),
  compareKeys: (a: boolean, b: boolean) => Number(a) - Number(b),
}

/** Assumes well-formed text: lone surrogates all become U+FFFD in UTF-8, yet are different strings. */
const strings = {
  identity: (key: string) => key,
  compareKeys: compareStrings,
  isIdentityOrdered: true,
}

const builtIn = new Map<unknown, unknown>([
  [stringSerde, strings],
  [int32Serde, numbers],
  [int64Serde, integers],
  [doubleSerde, doubles],
  [booleanSerde, booleans],
])

/** Built-in serdes are known by reference; keys of any other are identified by their bytes. */
function keyIdentity<K>(serde: Serde<K>): KeyIdentity<K> {
  const known = builtIn.get(serde) as KeyIdentity<K> | undefined
  return known ?? bytesIdentity(serde)
}

function bytesIdentity<K>(serde: Serde<K>): KeyIdentity<K> {
  const scratch = new ByteWriter(64)
  const identity = (key: K): string => {
    scratch.reset()
    serde.write(key, scratch)
    return scratch.buffer.toString('latin1', 0, scratch.position)
  }
  return {
    identity,
    compareKeys: (a, b) => compareByteStrings(identity(a), identity(b)),
    isIdentityOrdered: true,
  }
}
