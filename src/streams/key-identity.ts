import { type Serde, serialize, type Windowed } from '../serde/index.js'

/** Gives a primitive that is equal exactly for equal keys, to be used as a key of a Map. */
export type KeyIdentity = (key: unknown) => unknown

/** Primitives are themselves; other keys are equal when their bytes are. */
export function keyIdentity(serde: Serde<unknown>): KeyIdentity {
  return (key) => (typeof key === 'object' && key !== null ? serialize(serde, key)!.toString('latin1') : key)
}

export function windowedKeyIdentity(inner: KeyIdentity): KeyIdentity {
  return (key) => {
    const { key: innerKey, start, end } = key as Windowed<unknown>
    const identity = inner(innerKey)
    return `${start} ${end} ${typeof identity} ${identity}`
  }
}
