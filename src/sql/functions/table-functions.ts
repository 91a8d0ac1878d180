import type { TableFunctionDefinition } from './registry.js'

/**
 * Every combination of the elements with null in their place, counting in binary with the first element as the
 * highest digit, nulls first. An element that is null does not double the combinations.
 */
function cube(list: readonly unknown[] | null): unknown[][] {
  if (list === null) return []
  let rows: unknown[][] = [[]]
  for (const item of list) {
    rows = rows.flatMap((row) =>
      item === null
        ? [[...row, null]]
        : [
            [...row, null],
            [...row, item],
          ],
    )
  }
  return rows
}

export const tableFunctions: readonly TableFunctionDefinition[] = [
  {
    name: 'explode',
    description: 'One row for each element of an array.',
    variants: [
      {
        parameters: 'ARRAY<DECIMAL> input',
        returns: (types) =>
          types[0]?.kind === 'ARRAY' ? types[0].element : { kind: 'DECIMAL', precision: 1, scale: 0 },
        fn: (list: readonly unknown[] | null) => list,
      },
      { parameters: 'ARRAY<T> list', returns: 'T', fn: (list: readonly unknown[] | null) => list },
    ],
  },
  {
    name: 'cube_explode',
    description: 'One row for each combination of the elements and null.',
    variants: [{ parameters: 'ARRAY<T> columns', returns: 'ARRAY<T>', fn: cube }],
  },
]
