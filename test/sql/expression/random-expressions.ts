import fc from 'fast-check'
import { SqlDecimal } from '../../../src/sql/expression/decimal.js'
import type { ScopeColumn } from '../../../src/sql/expression/scope.js'
import { type SqlType, SqlTypes } from '../../../src/sql/types.js'

type Kind = 'int' | 'bigint' | 'double' | 'decimal' | 'string' | 'boolean' | 'ints' | 'map' | 'struct'

const types: Record<Kind, SqlType> = {
  int: SqlTypes.INTEGER,
  bigint: SqlTypes.BIGINT,
  double: SqlTypes.DOUBLE,
  decimal: SqlTypes.decimal(6, 2),
  string: SqlTypes.STRING,
  boolean: SqlTypes.BOOLEAN,
  ints: SqlTypes.array(SqlTypes.INTEGER),
  map: SqlTypes.map(SqlTypes.STRING, SqlTypes.INTEGER),
  struct: SqlTypes.struct([
    { name: 'A', type: SqlTypes.INTEGER },
    { name: 'B', type: SqlTypes.STRING },
  ]),
}

const kinds = Object.keys(types) as Kind[]

/** Columns C_INT, C_BIGINT …, read from the row `r` by position. */
export const columns: ReadonlyMap<string, ScopeColumn> = new Map(
  kinds.map((kind, i) => [`C_${kind.toUpperCase()}`, { type: types[kind], accessor: `r[${i}]` }]),
)

const texts = fc.constantFrom(
  '',
  'a',
  'B',
  'abc',
  'tr',
  '1',
  ' -7 ',
  '3.5',
  "it's",
  '%a_',
  '__proto__',
  '\u2028',
)
const ints = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 2, 2147483647, -2147483648))
const bigints = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom<number | bigint>(
    0,
    -1,
    Number.MAX_SAFE_INTEGER,
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 53n,
    -(2n ** 53n),
  ),
)
const doubles = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
)
const decimals = fc.integer({ min: -999999, max: 999999 }).map((n) => new SqlDecimal(n).div(100))
const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 4 })

/** A row of `columns`. */
export const rows: fc.Arbitrary<unknown[]> = fc.tuple(
  orNull(ints),
  orNull(bigints),
  orNull(doubles),
  orNull(decimals),
  orNull(texts),
  orNull(fc.boolean()),
  orNull(fc.array(orNull(ints), { maxLength: 4 })),
  orNull(fc.array(fc.tuple(texts, orNull(ints)), { maxLength: 3 }).map((entries) => new Map(entries))),
  orNull(fc.tuple(orNull(ints), orNull(texts))),
)

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** `$1` is replaced by the first of the parts, and so on. */
function form(pattern: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc
    .tuple(...parts)
    .map((found) => pattern.replace(/\$(\d)/g, (_, n: string) => found[Number(n) - 1]!))
}

/** For the bodies of lambdas, which must not use a parameter's name for another lambda inside. */
const simpleInt = fc.constantFrom('C_INT', '(C_INT + 1)', '(7 / C_INT)', 'C_INTS[1]', 'CAST(C_STRING AS INT)')

/** SQL text of random expressions that type, over `columns`. */
export const expressions: fc.Arbitrary<string> = fc.letrec<Record<Kind | 'any' | 'number', string>>((tie) => {
  const deep = (
    kind: Kind,
    leaf: fc.Arbitrary<string>,
    ...others: fc.Arbitrary<string>[]
  ): fc.Arbitrary<string> =>
    fc.oneof(
      { maxDepth: 4, depthIdentifier: 'expression', withCrossShrink: true },
      fc.constant(`C_${kind.toUpperCase()}`),
      leaf,
      ...others,
      form(
        'CASE WHEN $1 THEN $2 WHEN $3 THEN NULL ELSE $4 END',
        tie('boolean'),
        tie(kind),
        tie('boolean'),
        tie(kind),
      ),
      form('IFNULL($1, $2)', tie(kind), tie(kind)),
      form('COALESCE($1, $2, $3)', tie(kind), tie(kind), tie(kind)),
      form('NULLIF($1, $2)', tie(kind), tie(kind)),
    )
  const arithmetic = (kind: 'int' | 'bigint' | 'double'): fc.Arbitrary<string> =>
    form('($1 $2 $3)', tie(kind), fc.constantFrom('+', '-', '*', '/', '%'), tie(kind))
  const comparison = fc.constantFrom(
    '=',
    '<>',
    '<',
    '<=',
    '>',
    '>=',
    'IS DISTINCT FROM',
    'IS NOT DISTINCT FROM',
  )
  const equality = fc.constantFrom('=', '<>', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM')
  return {
    any: fc.oneof(...kinds.map((kind) => tie(kind))),
    number: fc.oneof(tie('int'), tie('bigint'), tie('double'), tie('decimal')),
    int: deep(
      'int',
      ints.map((n) => (n === -2147483648 ? 'CAST(-2147483648 AS INT)' : `${n}`)),
      arithmetic('int'),
      form('-($1)', tie('int')),
      form('$1[$2]', fc.constant('C_INTS'), tie('int')),
      form('C_MAP[$1]', tie('string')),
      fc.constant('C_STRUCT->A'),
      form('LEN($1)', tie('string')),
      form('CAST($1 AS INT)', tie('number')),
      form('CAST($1 AS INT)', tie('string')),
      form('REDUCE($1, $2, (s, x) => s + x)', tie('ints'), tie('int')),
    ),
    bigint: deep(
      'bigint',
      fc.constantFrom('3000000000', '9223372036854775807', '-9007199254740993', 'CAST(1 AS BIGINT)'),
      arithmetic('bigint'),
      form('($1 + $2)', tie('int'), tie('bigint')),
      form('-($1)', tie('bigint')),
      form('ABS($1)', tie('bigint')),
      form('CAST($1 AS BIGINT)', tie('number')),
      form('ROUND($1)', tie('double')),
    ),
    double: deep(
      'double',
      fc.constantFrom('1.5E0', '-1E-7', '1E300'),
      arithmetic('double'),
      form('($1 * $2)', tie('bigint'), tie('double')),
      form('($1 - $2)', tie('double'), tie('decimal')),
      form('SQRT($1)', tie('int')),
      form('CAST($1 AS DOUBLE)', tie('number')),
    ),
    decimal: deep(
      'decimal',
      fc.constantFrom('CAST(1.50 AS DECIMAL(6, 2))', 'CAST(0 AS DECIMAL(6, 2))'),
      form(
        'CAST(($1 $2 $3) AS DECIMAL(6, 2))',
        tie('decimal'),
        fc.constantFrom('+', '-', '*', '/', '%'),
        tie('decimal'),
      ),
      form('CAST($1 AS DECIMAL(6, 2))', tie('number')),
      form('-($1)', tie('decimal')),
    ),
    string: deep(
      'string',
      texts.map(quoted),
      form('CONCAT($1, $2)', tie('string'), tie('string')),
      form('($1 + $2)', tie('string'), tie('string')),
      form('UCASE($1)', tie('string')),
      form('SUBSTRING($1, $2)', tie('string'), tie('int')),
      form('CAST($1 AS STRING)', tie('any')),
      fc.constant('C_STRUCT->B'),
    ),
    boolean: deep(
      'boolean',
      fc.constantFrom('true', 'false', 'CAST(NULL AS BOOLEAN)'),
      form('($1 $2 $3)', tie('number'), comparison, tie('number')),
      form('($1 $2 $3)', tie('string'), comparison, tie('string')),
      form('($1 $2 $3)', tie('ints'), equality, tie('ints')),
      form('($1 $2 $3)', tie('struct'), equality, tie('struct')),
      form('($1 AND $2)', tie('boolean'), tie('boolean')),
      form('($1 OR $2)', tie('boolean'), tie('boolean')),
      form('(NOT $1)', tie('boolean')),
      form('($1 IS NULL)', tie('any')),
      form('($1 IS NOT NULL)', tie('any')),
      form('($1 BETWEEN $2 AND $3)', tie('int'), tie('double'), tie('decimal')),
      form('($1 IN ($2, $3, NULL))', tie('int'), tie('int'), tie('bigint')),
      form("($1 IN ('a', 'B', 'c', 'd', $2))", tie('string'), tie('string')),
      form('($1 IN (1, 2, 3, 4, 5))', tie('bigint')),
      form('($1 LIKE $2)', tie('string'), tie('string')),
      form("($1 LIKE '%a_')", tie('string')),
      form('ARRAY_CONTAINS($1, $2)', tie('ints'), tie('int')),
    ),
    ints: deep(
      'ints',
      fc.constant('ARRAY[1, NULL, 2]'),
      form('ARRAY[$1, $2]', tie('int'), tie('int')),
      form('FILTER($1, x => x $2 $3)', tie('ints'), comparison, simpleInt),
      form('TRANSFORM($1, x => x / $2)', tie('ints'), simpleInt),
      form('TRANSFORM($1, x => CASE WHEN x IS NULL THEN $2 ELSE x END)', tie('ints'), simpleInt),
    ),
    map: deep('map', form('MAP($1 := $2)', tie('string'), tie('int'))),
    struct: deep('struct', form('STRUCT(A := $1, B := $2)', tie('int'), tie('string'))),
  }
}).any
