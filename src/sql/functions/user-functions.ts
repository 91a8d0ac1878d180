import { SqlError } from '../errors.js'
import { formatType, type SqlType } from '../types.js'
import type {
  AggregateDefinition,
  CallSite,
  FunctionBody,
  ReturnType,
  ScalarFunction,
  TableFunctionDefinition,
} from './definitions.js'
import { fromApplication, through, toApplication } from './js-values.js'
import { type ParameterType, parseParameters, parseParameterType, resolveParameterType } from './signature.js'
import type { NullHandling, SignatureArguments, SqlTypeValue } from './signature-types.js'

/*
 * Functions of an application, with signatures in SQL's types from which TypeScript knows the arguments:
 *
 *     functions.scalar({ name: 'repeat', args: ['STRING text', 'INT times'], returns: 'STRING',
 *       fn: (text, times) => text.repeat(times) })
 *
 * An argument is a type with or without a name. `STRING...` takes any number, single capital letters are generic, ANY is
 * every type, `LAMBDA<T, BOOLEAN>` a function from T to BOOLEAN. A STRUCT comes and goes as an object; a TIMESTAMP may
 * come back as a Date, a DECIMAL as a number or text, a MAP as an object.
 */

interface UserFunction<Args extends readonly string[], Returns extends string, Nulls extends NullHandling> {
  readonly name: string
  readonly description?: string
  readonly args: Args
  readonly returns: Returns
  /** 'propagate' (default): `fn` is not called with nulls, and the result is null. 'handled': `fn` sees nulls. */
  readonly nulls?: Nulls
}

export interface UserScalar<
  Args extends readonly string[] = readonly string[],
  Returns extends string = string,
  Nulls extends NullHandling = 'propagate',
> extends UserFunction<Args, Returns, Nulls> {
  /** False when equal arguments may give different results. Default true. */
  readonly deterministic?: boolean
  readonly fn: (...args: SignatureArguments<Args, Nulls>) => Result<Returns>
}

export interface UserTableFunction<
  Args extends readonly string[] = readonly string[],
  Returns extends string = string,
  Nulls extends NullHandling = 'propagate',
> extends UserFunction<Args, Returns, Nulls> {
  /** One row each; `returns` is the type of one. */
  readonly fn: (...args: SignatureArguments<Args, Nulls>) => Iterable<Result<Returns>> | null
}

export interface UserAggregate<
  Args extends readonly string[] = readonly string[],
  Returns extends string = string,
  Nulls extends NullHandling = 'propagate',
  State extends string = Returns,
> extends UserFunction<Args, Returns, Nulls> {
  /** The type of the state, which is stored as any value is. Default: that of the result. */
  readonly state?: State
  readonly initialize: () => SqlTypeValue<State> | null
  /** Returns the new state and leaves the old one as it was. With `nulls: 'propagate'` not called for rows with a null. */
  readonly aggregate: (
    state: SqlTypeValue<State>,
    ...args: SignatureArguments<Args, Nulls>
  ) => SqlTypeValue<State> | null
  /** Joins two states: needed for session windows. */
  readonly merge?: (first: SqlTypeValue<State>, second: SqlTypeValue<State>) => SqlTypeValue<State> | null
  /** Takes a row back: needed for tables. */
  readonly undo?: (
    state: SqlTypeValue<State>,
    ...args: SignatureArguments<Args, Nulls>
  ) => SqlTypeValue<State> | null
  /** From the last state to the result. Default: the state is the result. */
  readonly map?: (state: SqlTypeValue<State>) => Result<Returns>
}

/** What may be returned for a type: the value, or what is turned into it. */
type Result<Type extends string> =
  | SqlTypeValue<Type>
  | (Type extends `DECIMAL${string}` ? number | string : never)
  | (Type extends 'TIMESTAMP' ? Date : never)
  | (Type extends `MAP<${string}` ? Readonly<Record<string, unknown>> : never)
  | null
  | undefined

type Body = (...args: unknown[]) => unknown

export function userScalar(definition: UserScalar<readonly string[], string, NullHandling>): ScalarFunction {
  const { name, description, deterministic, nulls = 'propagate' } = definition
  const fn = definition.fn as Body
  const create = (site: CallSite): FunctionBody => {
    const args = argumentConversions(site)
    const result = fromApplication(site.returnType, `the result of ${name}`)
    return (...values) => through(result, fn(...converted(values, args)))
  }
  const signature = signatureOf(definition)
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(deterministic === undefined ? {} : { deterministic }),
    variants: [{ ...signature, nulls, create }],
  }
}

export function userTableFunction(
  definition: UserTableFunction<readonly string[], string, NullHandling>,
): TableFunctionDefinition {
  const { name, description, nulls = 'propagate' } = definition
  const fn = definition.fn as (...args: unknown[]) => Iterable<unknown> | null
  const create = (site: CallSite) => {
    const args = argumentConversions(site)
    const row = fromApplication(site.returnType, `a row of ${name}`)
    return (...values: unknown[]): readonly unknown[] | null => {
      if (nulls === 'propagate' && values.includes(null)) return null
      const rows = fn(...converted(values, args))
      return rows === null || rows === undefined ? null : Array.from(rows, (item) => through(row, item))
    }
  }
  return {
    name,
    ...(description === undefined ? {} : { description }),
    variants: [{ ...signatureOf(definition), create }],
  }
}

export function userAggregate(
  definition: UserAggregate<readonly string[], string, NullHandling, string>,
): AggregateDefinition {
  const { name, description, nulls = 'propagate', returns, state: stateText = returns } = definition
  const { parameters } = signatureOf(definition)
  const [aggregateType, returnType] = [concreteType(name, stateText), concreteType(name, returns)]
  const state = {
    in: toApplication(aggregateType),
    out: fromApplication(aggregateType, `the state of ${name}`),
  }
  const result = fromApplication(returnType, `the result of ${name}`)
  /** The new state, made of the old one and what else a step gets. */
  const next = (step: Body, old: unknown, ...others: unknown[]): unknown =>
    through(state.out, step(through(state.in, old), ...others))
  const create = ({ argumentTypes }: { readonly argumentTypes: readonly (SqlType | null)[] }) => {
    const args = argumentTypes.map(toApplication)
    const row =
      (step: Body) =>
      (old: unknown, ...values: unknown[]) =>
        nulls === 'propagate' && values.includes(null) ? old : next(step, old, ...converted(values, args))
    return {
      aggregateType,
      returnType,
      initialize: () => through(state.out, definition.initialize()),
      aggregate: row(definition.aggregate as Body),
      merge: (first: unknown, second: unknown) => {
        if (definition.merge === undefined) {
          throw new SqlError(`Function '${name}' has no merge, and cannot be used with session windows.`)
        }
        return next(definition.merge as Body, first, through(state.in, second))
      },
      map: (last: unknown) =>
        through(
          result,
          definition.map === undefined
            ? through(state.in, last)
            : (definition.map as Body)(through(state.in, last)),
        ),
      ...(definition.undo === undefined ? {} : { undo: row(definition.undo as Body) }),
    }
  }
  return {
    name,
    ...(description === undefined ? {} : { description }),
    variants: [{ parameters, create }],
  }
}

type Conversions = readonly (((value: unknown) => unknown) | null)[]

function argumentConversions({ argumentTypes }: CallSite): Conversions {
  return argumentTypes.map(toApplication)
}

function converted(values: readonly unknown[], conversions: Conversions): unknown[] {
  return values.map((value, i) => through(conversions[i] ?? null, value))
}

/** The text of the signature. @throws SqlError naming the function when it is none */
function signatureOf({
  name,
  args,
  returns,
}: {
  readonly name: string
  readonly args: readonly string[]
  readonly returns: string
}): {
  readonly parameters: string
  readonly returns: ReturnType
} {
  const parameters = args.join(', ')
  read(name, () => parseParameters(parameters))
  read(name, () => parseParameterType(returns))
  return { parameters, returns }
}

function concreteType(name: string, text: string): SqlType {
  const type = resolveParameterType(read(name, () => parseParameterType(text)) as ParameterType, new Map())
  if (type !== null) return type
  throw new SqlError(
    `Function '${name}': ${text} is no type of a state or a result; write ${example(text)}.`,
    {
      kind: 'function',
    },
  )
}

function example(text: string): string {
  return text === 'DECIMAL'
    ? `${formatType({ kind: 'DECIMAL', precision: 10, scale: 2 })} or the like`
    : 'it out'
}

function read<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new SqlError(`Function '${name}': ${(cause as Error).message}`, { kind: 'function', cause })
  }
}
