import { sameValue } from '../expression/comparison.js'
import type { ScalarFunction } from './registry.js'

function firstNotNull(...values: unknown[]): unknown {
  return values.find((value) => value !== null) ?? null
}

export const nullFunctions: readonly ScalarFunction[] = [
  {
    name: 'coalesce',
    variants: [{ parameters: 'T first, T... others', returns: 'T', nulls: 'handled', fn: firstNotNull }],
  },
  {
    name: 'ifnull',
    variants: [{ parameters: 'T expression, T altValue', returns: 'T', nulls: 'handled', fn: firstNotNull }],
  },
  {
    name: 'nullif',
    variants: [
      {
        parameters: 'T expr1, T expr2',
        returns: 'T',
        nulls: 'handled',
        fn: (a: unknown, b: unknown) => (sameValue(a, b) ? null : a),
      },
    ],
  },
  {
    name: 'as_value',
    variants: [{ parameters: 'T keyColumn', returns: 'T', fn: (value: unknown) => value }],
  },
]
