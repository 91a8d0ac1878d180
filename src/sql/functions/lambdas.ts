import type { ScalarFunction } from './registry.js'

type List = readonly unknown[]
type Dictionary = ReadonlyMap<unknown, unknown>
type Lambda = (...args: unknown[]) => unknown

/** A map made of pairs. @throws RangeError when two keys are equal */
function uniqueMap(pairs: readonly (readonly [unknown, unknown])[]): Map<unknown, unknown> {
  const map = new Map(pairs)
  if (map.size < pairs.length) throw new RangeError('Duplicate key')
  return map
}

function hashOf(key: unknown): number {
  let hash = 0
  if (typeof key === 'number') hash = key | 0
  else if (typeof key === 'string')
    for (let i = 0; i < key.length; i++) hash = (Math.imul(31, hash) + key.charCodeAt(i)) | 0
  return hash ^ (hash >>> 16)
}

/**
 * The order in which java.util.HashMap visits its entries: a fold over a map that depends on the order gives the
 * same result as in ksqlDB, and does not depend on the order in which the entries came.
 */
function hashOrder(map: Dictionary): (readonly [unknown, unknown])[] {
  let capacity = 1
  while (map.size > capacity * 0.75) capacity *= 2
  const bucket = (key: unknown): number => hashOf(key) & (capacity - 1)
  return [...map].sort(([a], [b]) => bucket(a) - bucket(b))
}

export const lambdaFunctions: readonly ScalarFunction[] = [
  {
    name: 'filter',
    variants: [
      {
        parameters: 'ARRAY<T> array, LAMBDA<T, BOOLEAN> lambda',
        returns: 'ARRAY<T>',
        fn: (list: List, keep: Lambda) => list.filter((item) => keep(item) === true),
      },
      {
        parameters: 'MAP<K, V> map, LAMBDA<K, V, BOOLEAN> lambda',
        returns: 'MAP<K, V>',
        fn: (map: Dictionary, keep: Lambda) => new Map([...map].filter(([k, v]) => keep(k, v) === true)),
      },
    ],
  },
  {
    name: 'transform',
    variants: [
      {
        parameters: 'ARRAY<T> array, LAMBDA<T, R> lambda',
        returns: 'ARRAY<R>',
        fn: (list: List, change: Lambda) => list.map((item) => change(item)),
      },
      {
        parameters: 'MAP<K, V> map, LAMBDA<K, V, R> key, LAMBDA<K, V, T> value',
        returns: 'MAP<R, T>',
        fn: (map: Dictionary, key: Lambda, value: Lambda) =>
          uniqueMap([...map].map(([k, v]) => [key(k, v), value(k, v)])),
      },
    ],
  },
  {
    name: 'reduce',
    variants: [
      {
        parameters: 'ARRAY<T> list, S state, LAMBDA<S, T, S> lambda',
        returns: 'S',
        nulls: 'handled',
        fn: (list: List | null, initial: unknown, step: Lambda) =>
          initial === null || list === null
            ? initial
            : list.reduce<unknown>((state, item) => step(state, item), initial),
      },
      {
        parameters: 'MAP<K, V> map, S state, LAMBDA<S, K, V, S> lambda',
        returns: 'S',
        nulls: 'handled',
        fn: (map: Dictionary | null, initial: unknown, step: Lambda) =>
          initial === null || map === null
            ? initial
            : hashOrder(map).reduce<unknown>((state, [k, v]) => step(state, k, v), initial),
      },
    ],
  },
]
