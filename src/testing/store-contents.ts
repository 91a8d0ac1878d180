import { assertNever } from '../common/index.js'
import { type Serde, serialize, type Windowed } from '../serde/index.js'
import type {
  KeyValueEntry,
  KeyValueStore,
  SessionStore,
  StateStore,
  StoreSpec,
  ValueAndTimestamp,
  VersionedKeyValueStore,
  VersionedRecord,
  WindowEntry,
  WindowStore,
} from '../state/index.js'

/** One entry of a store of any kind. */
export interface StoreRow {
  readonly key: unknown
  /** Of a timestamped store with its timestamp, of a versioned one with its time of validity. */
  readonly value: unknown
  /** Key and value as they are serialised: equal for equal entries, whatever objects they are. */
  readonly identity: string
}

/** Everything a store holds, in its own order; of a versioned one the newest version of each key. */
export function storeContents(spec: StoreSpec, store: StateStore): StoreRow[] {
  switch (spec.kind) {
    case 'key-value':
      return keyValues(spec, spec.timestamped, store as KeyValueStore<unknown, unknown>)
    case 'window':
      return windows(spec, spec.timestamped, store as WindowStore<unknown, unknown>)
    case 'session':
      return windows(spec, false, store as SessionStore<unknown, unknown>)
    case 'versioned':
      return versions(spec, store as VersionedKeyValueStore<unknown, unknown>)
    default:
      return assertNever(spec)
  }
}

interface Entries<E> {
  all(): Iterable<E>
}

function keyValues(
  spec: StoreSpec,
  timestamped: boolean,
  store: Entries<KeyValueEntry<unknown, unknown>>,
): StoreRow[] {
  return Array.from(store.all(), ({ key, value }) => ({
    key,
    value,
    identity: `${bytes(spec.keySerde, key)}=${valueIdentity(spec, timestamped, value)}`,
  }))
}

function windows(
  spec: StoreSpec,
  timestamped: boolean,
  store: Entries<WindowEntry<unknown, unknown>>,
): StoreRow[] {
  return Array.from(store.all(), ({ key, value }) => ({
    key,
    value,
    identity: `${windowIdentity(spec, key)}=${valueIdentity(spec, timestamped, value)}`,
  }))
}

function versions(
  spec: StoreSpec,
  store: Entries<KeyValueEntry<unknown, VersionedRecord<unknown>>>,
): StoreRow[] {
  return Array.from(store.all(), ({ key, value }) => ({
    key,
    value,
    identity: `${bytes(spec.keySerde, key)}=${bytes(spec.valueSerde, value.value)}@${value.timestamp}`,
  }))
}

function windowIdentity(spec: StoreSpec, { key, start, end }: Windowed<unknown>): string {
  return `${bytes(spec.keySerde, key)}[${start},${end}]`
}

function valueIdentity(spec: StoreSpec, timestamped: boolean, value: unknown): string {
  if (!timestamped) return bytes(spec.valueSerde, value)
  const { value: inner, timestamp } = value as ValueAndTimestamp<unknown>
  return `${bytes(spec.valueSerde, inner)}@${timestamp}`
}

function bytes(serde: Serde<unknown>, value: unknown): string {
  return serialize(serde, value)!.toString('latin1')
}
