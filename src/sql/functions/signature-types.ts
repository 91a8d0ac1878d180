import type { Decimal } from 'decimal.js'

/*
 * The TypeScript types of SQL's, read from the text of a signature: `ARRAY<STRING>` is `readonly (string | null)[]`.
 */

/** The parts of a text between separators that stand outside of all brackets. */
type Split<
  Text extends string,
  Separator extends string,
  Depth extends unknown[] = [],
  Part extends string = '',
  Parts extends string[] = [],
> = Text extends `${infer C}${infer Rest}`
  ? C extends '<' | '('
    ? Split<Rest, Separator, [...Depth, C], `${Part}${C}`, Parts>
    : C extends '>' | ')'
      ? Split<Rest, Separator, Depth extends [unknown, ...infer Outer] ? Outer : [], `${Part}${C}`, Parts>
      : C extends Separator
        ? Depth['length'] extends 0
          ? Split<Rest, Separator, Depth, '', [...Parts, Part]>
          : Split<Rest, Separator, Depth, `${Part}${C}`, Parts>
        : Split<Rest, Separator, Depth, `${Part}${C}`, Parts>
  : [...Parts, Part]

type Trim<Text extends string> = Text extends ` ${infer Rest}`
  ? Trim<Rest>
  : Text extends `${infer Rest} `
    ? Trim<Rest>
    : Text

interface Primitives {
  BOOLEAN: boolean
  INT: number
  INTEGER: number
  /** A `bigint` beyond 2^53. */
  BIGINT: number | bigint
  DOUBLE: number
  DECIMAL: Decimal
  STRING: string
  VARCHAR: string
  BYTES: Uint8Array
  /** Days since the epoch. */
  DATE: number
  /** ms of the day. */
  TIME: number
  /** ms since the epoch. */
  TIMESTAMP: number
}

/** The value of a SQL type; generics (single letters) and ANY are `unknown`. */
export type SqlTypeValue<Type extends string> =
  Trim<Type> extends infer T extends string
    ? T extends keyof Primitives
      ? Primitives[T]
      : T extends `DECIMAL(${string})`
        ? Decimal
        : T extends `ARRAY<${infer Element}>`
          ? readonly Nullable<Element>[]
          : T extends `MAP<${infer Inner}>`
            ? MapValue<Split<Inner, ','>>
            : T extends `STRUCT<${infer Fields}>`
              ? StructValue<Split<Fields, ','>[number]>
              : T extends `LAMBDA<${infer Inner}>`
                ? LambdaValue<Split<Inner, ','>>
                : unknown
    : never

type Nullable<Type extends string> = SqlTypeValue<Type> | null

type MapValue<Parts extends string[]> = Parts extends [infer K extends string, infer V extends string]
  ? ReadonlyMap<SqlTypeValue<K>, Nullable<V>>
  : unknown

type StructValue<Field extends string> = {
  readonly [F in Field as Trim<F> extends `${infer Name} ${string}`
    ? Name
    : never]: Trim<F> extends `${string} ${infer Type}` ? Nullable<Type> : never
}

type LambdaValue<Parts extends string[]> = Parts extends [
  ...infer Inputs extends string[],
  infer R extends string,
]
  ? (...args: { [I in keyof Inputs]: Nullable<Inputs[I]> }) => Nullable<R>
  : never

export type NullHandling = 'propagate' | 'handled'

type Argument<Type extends string, Nulls> = Nulls extends 'handled' ? Nullable<Type> : SqlTypeValue<Type>

/** The arguments of a function, from its signature's parts: `STRING text`, `INT`, `STRING... rest`. */
export type SignatureArguments<
  Args extends readonly string[],
  Nulls extends NullHandling = 'propagate',
> = Args extends readonly [infer First extends string, ...infer Rest extends string[]]
  ? Split<Trim<First>, ' '>[0] extends `${infer Type}...`
    ? [...Argument<Type, Nulls>[], ...SignatureArguments<Rest, Nulls>]
    : [Argument<Split<Trim<First>, ' '>[0], Nulls>, ...SignatureArguments<Rest, Nulls>]
  : []
