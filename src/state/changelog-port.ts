import { type Serde, serialize } from '../serde/index.js'
import type { ChangelogWriter } from './store.js'

/** The changelog of one store. */
export interface ChangelogPort {
  /** `value` null deletes. */
  log(key: unknown, value: unknown, timestamp: number): void
}

/** Null without a writer. Serialises into the writer's own memory where it can. */
export function changelogPort<K>(
  storeName: string,
  keySerde: Serde<K>,
  value: Serde<unknown>,
  writer: ChangelogWriter | undefined,
): ChangelogPort | null {
  if (writer === undefined) return null
  const key = keySerde as Serde<unknown>
  if (writer.logWith !== undefined) {
    return {
      log: (k, v, timestamp) => writer.logWith!(storeName, key, k, value, v, timestamp),
    }
  }
  return {
    log: (k, v, timestamp) =>
      writer.logChange(storeName, serialize(key, k)!, v === null ? null : serialize(value, v)!, timestamp),
  }
}
