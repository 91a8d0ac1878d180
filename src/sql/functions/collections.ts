import { compare, comparisonKind, identityOf, sameValue } from '../expression/comparison.js'
import { decimalToPlainText } from '../expression/decimal.js'
import { valueToText } from '../expression/java-text.js'
import type { SqlType } from '../types.js'
import type { FunctionBody, ScalarFunction, ScalarVariant } from './registry.js'

type List = readonly unknown[]

/** The first of equal elements, in order. */
function distinct(list: List): unknown[] {
  const seen = new Set<unknown>()
  return list.filter((item) => {
    const identity = identityOf(item)
    if (seen.has(identity)) return false
    seen.add(identity)
    return true
  })
}

function identities(list: List): Set<unknown> {
  return new Set(list.map(identityOf))
}

function elementType(type: SqlType | null | undefined): SqlType | null {
  return type?.kind === 'ARRAY' ? type.element : null
}

/** Orders elements of this type. @throws RangeError for structures, which have no order */
function ordering(type: SqlType | null): (a: unknown, b: unknown) => number {
  const kind = type === null ? 'string' : (comparisonKind(type, type) ?? 'structure')
  if (kind === 'structure') {
    return () => {
      throw new RangeError('Arrays, maps and structs have no order')
    }
  }
  return (a, b) => compare(kind, a, b)
}

function extreme(name: string, sign: 1 | -1): ScalarFunction {
  return {
    name,
    variants: [
      {
        parameters: 'ARRAY<T> array',
        returns: 'T',
        create: ({ argumentTypes }) => {
          const order = ordering(elementType(argumentTypes[0]))
          return (list: List) =>
            list.reduce(
              (found, item) =>
                item !== null && (found === null || order(item, found) * sign > 0) ? item : found,
              null,
            )
        },
      },
    ],
  }
}

/** Nulls go last in both directions. */
function sortVariant(parameters: string): ScalarVariant {
  return {
    parameters,
    returns: 'ARRAY<T>',
    create: ({ argumentTypes }) => {
      const order = ordering(elementType(argumentTypes[0]))
      return (list: List, direction = 'ASC') => {
        const upper = direction.toUpperCase()
        const sign = ['ASC', 'ASCENDING'].includes(upper)
          ? 1
          : ['DESC', 'DESCENDING'].includes(upper)
            ? -1
            : 0
        if (sign === 0) return null
        return [...list].sort((a, b) =>
          a === null || b === null ? Number(a === null) - Number(b === null) : order(a, b) * sign,
        )
      }
    },
  }
}

function joinVariant(parameters: string): ScalarVariant {
  return {
    parameters,
    returns: 'STRING',
    nulls: 'handled',
    create: ({ argumentTypes }) => {
      const type = elementType(argumentTypes[0])
      return (list: List | null, delimiter: string | null = ',') => {
        if (list === null) return null
        return list.map((item) => primitiveText(item, type)).join(delimiter ?? '')
      }
    },
  }
}

function primitiveText(value: unknown, type: SqlType | null): string {
  if (value === null || type === null) return 'null'
  if (['ARRAY', 'MAP', 'STRUCT', 'BYTES', 'DATE', 'TIME', 'TIMESTAMP'].includes(type.kind)) {
    throw new RangeError(`error: hit element of type ${type.kind} which is currently not supported`)
  }
  return type.kind === 'DECIMAL' ? decimalToPlainText(value as never, type.scale) : valueToText(value, type)
}

function twoLists(name: string, fn: (left: List, right: List) => unknown[]): ScalarFunction {
  return {
    name,
    variants: [{ parameters: 'ARRAY<T> left, ARRAY<T> right', returns: 'ARRAY<T>', fn: fn as FunctionBody }],
  }
}

function slice(list: List | null, from: number | null, to: number | null): List | null {
  if (list === null) return null
  const start = from === null ? 0 : from - 1
  const end = to ?? list.length
  return start < 0 || end > list.length || start > end ? null : list.slice(start, end)
}

const entryTypes = ['INTEGER', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'STRING']

function entries(map: ReadonlyMap<string, unknown>, sorted: boolean): unknown[] {
  const list = [...map]
  if (sorted) list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return list
}

export const collectionFunctions: readonly ScalarFunction[] = [
  {
    name: 'array_concat',
    variants: [
      {
        parameters: 'ARRAY<T> left, ARRAY<T> right',
        returns: 'ARRAY<T>',
        nulls: 'handled',
        fn: (left: List | null, right: List | null) =>
          left === null ? right : right === null ? left : [...left, ...right],
      },
    ],
  },
  {
    name: 'array_contains',
    variants: [
      {
        parameters: 'ARRAY<T> array, T val',
        returns: 'BOOLEAN',
        nulls: 'handled',
        fn: (list: List | null, value: unknown) => list?.some((item) => sameValue(item, value)) ?? false,
      },
    ],
  },
  {
    name: 'array_distinct',
    variants: [{ parameters: 'ARRAY<T> array', returns: 'ARRAY<T>', fn: distinct }],
  },
  twoLists('array_union', (left, right) => distinct([...left, ...right])),
  twoLists('array_intersect', (left, right) => {
    const wanted = identities(right)
    return distinct(left).filter((item) => wanted.has(identityOf(item)))
  }),
  twoLists('array_except', (left, right) => {
    const unwanted = identities(right)
    return distinct(left).filter((item) => !unwanted.has(identityOf(item)))
  }),
  {
    name: 'array_join',
    variants: [joinVariant('ARRAY<T> array'), joinVariant('ARRAY<T> array, STRING delimiter')],
  },
  {
    name: 'array_length',
    variants: [{ parameters: 'ARRAY<T> array', returns: 'INTEGER', fn: (list: List) => list.length }],
  },
  extreme('array_max', 1),
  extreme('array_min', -1),
  {
    name: 'array_remove',
    variants: [
      {
        parameters: 'ARRAY<T> array, T element',
        returns: 'ARRAY<T>',
        nulls: 'handled',
        fn: (list: List | null, value: unknown) => list?.filter((item) => !sameValue(item, value)) ?? null,
      },
    ],
  },
  {
    name: 'array_sort',
    variants: [sortVariant('ARRAY<T> array'), sortVariant('ARRAY<T> array, STRING direction')],
  },
  {
    name: 'slice',
    variants: [
      { parameters: 'ARRAY<T> in, INT from, INT to', returns: 'ARRAY<T>', nulls: 'handled', fn: slice },
    ],
  },
  {
    name: 'entries',
    variants: entryTypes.map((type) => ({
      parameters: `MAP<STRING, ${type}> map, BOOLEAN sorted`,
      returns: `ARRAY<STRUCT<K STRING, V ${type}>>`,
      fn: entries,
    })),
  },
  {
    name: 'as_map',
    variants: [
      {
        parameters: 'ARRAY<STRING> keys, ARRAY<T> values',
        returns: 'MAP<STRING, T>',
        fn: (keys: List, values: List) => new Map(keys.map((key, i) => [key, values[i] ?? null])),
      },
    ],
  },
  {
    name: 'map_keys',
    variants: [
      {
        parameters: 'MAP<STRING, T> input',
        returns: 'ARRAY<STRING>',
        fn: (map: ReadonlyMap<string, unknown>) => [...map.keys()],
      },
    ],
  },
  {
    name: 'map_values',
    variants: [
      {
        parameters: 'MAP<STRING, T> input',
        returns: 'ARRAY<T>',
        fn: (map: ReadonlyMap<string, unknown>) => [...map.values()],
      },
    ],
  },
  {
    name: 'map_union',
    variants: [
      {
        parameters: 'MAP<STRING, T> map1, MAP<STRING, T> map2',
        returns: 'MAP<STRING, T>',
        nulls: 'handled',
        fn: (first: ReadonlyMap<string, unknown> | null, second: ReadonlyMap<string, unknown> | null) =>
          first === null && second === null ? null : new Map([...(first ?? []), ...(second ?? [])]),
      },
    ],
  },
]
