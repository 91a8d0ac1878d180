import type { Clock, Random } from '../../common/index.js'
import type { SqlType } from '../types.js'
import type { Parameter } from './signature.js'

/** What functions may depend on besides their arguments. */
export interface FunctionEnvironment {
  readonly clock: Clock
  readonly random: Random
  /** Zone id used where a deprecated date function has no zone argument. */
  readonly zone: string
  /** A setting, such as `ksql.functions.collect_list.limit`. */
  readonly config: (name: string) => string | undefined
}

export interface CallSite extends FunctionEnvironment {
  /** null where the argument is a NULL literal, a lambda or a unit word. */
  readonly argumentTypes: readonly (SqlType | null)[]
  readonly returnType: SqlType
}

export type ReturnType =
  /** A type as in a signature; generics are those of the parameters. */
  string | ((argumentTypes: readonly (SqlType | null)[], generics: ReadonlyMap<string, SqlType>) => SqlType)

// biome-ignore lint/suspicious/noExplicitAny: argument types are given by the signature text
export type FunctionBody = (...args: any[]) => unknown

export interface ScalarVariant {
  /** Signature text, see signature.ts; '' for no parameters. */
  readonly parameters: string
  readonly returns: ReturnType
  readonly fn?: FunctionBody
  /** Instead of `fn`: makes a function for each place of use, knowing its types. */
  readonly create?: (site: CallSite) => FunctionBody
  /** 'propagate' (default): a null argument gives null without calling. 'handled': the function sees nulls. */
  readonly nulls?: 'propagate' | 'handled'
}

export interface ScalarFunction {
  readonly name: string
  readonly description?: string
  /** False when equal arguments may give different results (RANDOM, UUID): such calls are not folded. */
  readonly deterministic?: boolean
  readonly variants: readonly ScalarVariant[]
}

/**
 * `aggregate`, `merge` and `undo` return the new state and leave their arguments as they were: stores keep and
 * forward older states. Values come in the order of the column arguments.
 */
export interface AggregateFunction {
  /** The state's type: states are values of it, and are stored in the source's value format. */
  readonly aggregateType: SqlType
  readonly returnType: SqlType
  initialize(): unknown
  aggregate(state: unknown, ...values: unknown[]): unknown
  /** Joins the states of two sessions, the earlier one first. */
  merge(first: unknown, second: unknown): unknown
  /** State to result. */
  map(state: unknown): unknown
  /** Takes a row back; present on functions that may be used on tables. */
  undo?(state: unknown, ...values: unknown[]): unknown
}

/** The `map` of functions whose state is their result: stores need not keep both. */
export const stateIsResult = (state: unknown): unknown => state

export interface AggregateSite extends FunctionEnvironment {
  /** Types of the column arguments. */
  readonly argumentTypes: readonly (SqlType | null)[]
  /** Values of the constant arguments. */
  readonly constants: readonly unknown[]
}

export interface AggregateVariant {
  /** Column arguments, then constant ones. */
  readonly parameters: string
  /** How many of the last parameters are constants; a variadic one among them takes all that is left. */
  readonly constants?: number
  readonly create: (site: AggregateSite) => AggregateFunction
}

export interface AggregateDefinition {
  readonly name: string
  readonly description?: string
  readonly variants: readonly AggregateVariant[]
}

export interface TableFunctionVariant {
  readonly parameters: string
  /** The type of one row. */
  readonly returns: ReturnType
  readonly fn?: (...args: never[]) => readonly unknown[] | null
  readonly create?: (site: CallSite) => (...args: never[]) => readonly unknown[] | null
}

export interface TableFunctionDefinition {
  readonly name: string
  readonly description?: string
  readonly variants: readonly TableFunctionVariant[]
}

// ------------------------------------------------------------------------------------- resolved functions

export interface ResolvedScalar {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly returnType: SqlType
  readonly deterministic: boolean
  readonly nulls: 'propagate' | 'handled'
  /** One function for one place of use. */
  readonly instantiate: (environment: FunctionEnvironment) => FunctionBody
}

export interface ResolvedAggregate {
  readonly name: string
  readonly parameters: readonly Parameter[]
  /** How many leading arguments are column arguments; the others must be literals. */
  readonly columnCount: number
  /** @throws SqlError when a constant is out of its range. */
  readonly instantiate: (constants: readonly unknown[], environment: FunctionEnvironment) => AggregateFunction
}

export interface ResolvedTableFunction {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly returnType: SqlType
  /** The function returns the rows; null stands for none. Every call site gets its own. */
  readonly instantiate: (
    environment: FunctionEnvironment,
  ) => (...args: unknown[]) => readonly unknown[] | null
}

export type FunctionKind = 'SCALAR' | 'AGGREGATE' | 'TABLE'
