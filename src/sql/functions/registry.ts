import type { Clock, Random } from '../../common/index.js'
import { SqlError } from '../errors.js'
import type { SqlType } from '../types.js'
import {
  type ArgumentType,
  accepts,
  formatArguments,
  formatSignature,
  type Generics,
  hasGenerics,
  type Parameter,
  type ParameterType,
  parseParameters,
  parseParameterType,
  resolveParameterType,
} from './signature.js'

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

interface Overload<Variant> {
  readonly parameters: readonly Parameter[]
  readonly variant: Variant
}

interface Entry<Definition, Variant> {
  readonly definition: Definition
  readonly overloads: readonly Overload<Variant>[]
}

/** All functions a statement can call: the built-in ones and those an application adds. */
export class FunctionRegistry {
  readonly environment: FunctionEnvironment
  readonly #scalars = new Map<string, Entry<ScalarFunction, ScalarVariant>>()
  readonly #aggregates = new Map<string, Entry<AggregateDefinition, AggregateVariant>>()
  readonly #tables = new Map<string, Entry<TableFunctionDefinition, TableFunctionVariant>>()

  constructor(environment: FunctionEnvironment) {
    this.environment = environment
  }

  /**
   * Names are case-insensitive in SQL; messages show them as given here. Adding a known name adds its variants.
   * @throws SqlError when the name belongs to a function of another kind, or a variant exists already.
   */
  scalar(definition: ScalarFunction): this {
    add(this.#scalars, definition, this.kindOf(definition.name) ?? 'SCALAR', 'SCALAR')
    return this
  }

  aggregate(definition: AggregateDefinition): this {
    add(this.#aggregates, definition, this.kindOf(definition.name) ?? 'AGGREGATE', 'AGGREGATE')
    return this
  }

  table(definition: TableFunctionDefinition): this {
    add(this.#tables, definition, this.kindOf(definition.name) ?? 'TABLE', 'TABLE')
    return this
  }

  kindOf(name: string): FunctionKind | undefined {
    const key = name.toUpperCase()
    if (this.#scalars.has(key)) return 'SCALAR'
    if (this.#aggregates.has(key)) return 'AGGREGATE'
    return this.#tables.has(key) ? 'TABLE' : undefined
  }

  isAggregate(name: string): boolean {
    return this.#aggregates.has(name.toUpperCase())
  }

  isTable(name: string): boolean {
    return this.#tables.has(name.toUpperCase())
  }

  /** Sorted by name, as SHOW FUNCTIONS lists them. */
  list(): readonly { readonly name: string; readonly kind: FunctionKind; readonly description: string }[] {
    const rows = [
      ...[...this.#scalars].map(([name, e]) => ({ name, kind: 'SCALAR' as const, e })),
      ...[...this.#aggregates].map(([name, e]) => ({ name, kind: 'AGGREGATE' as const, e })),
      ...[...this.#tables].map(([name, e]) => ({ name, kind: 'TABLE' as const, e })),
    ]
    return rows
      .map(({ name, kind, e }) => ({ name, kind, description: e.definition.description ?? '' }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** For DESCRIBE FUNCTION: one line a variant, `ABS(INT value) → …`. Undefined for an unknown name. */
  describe(name: string):
    | {
        readonly name: string
        readonly kind: FunctionKind
        readonly description: string
        readonly signatures: readonly string[]
      }
    | undefined {
    const key = name.toUpperCase()
    const kind = this.kindOf(key)
    const entry = this.#scalars.get(key) ?? this.#aggregates.get(key) ?? this.#tables.get(key)
    if (entry === undefined || kind === undefined) return undefined
    const signatures = entry.overloads.map((o) => formatSignature(key, o.parameters))
    return { name: key, kind, description: entry.definition.description ?? '', signatures }
  }

  /** The variant for these arguments; lambdas need not have types yet. @throws SqlError as `resolveScalar` */
  selectScalar(name: string, args: readonly ArgumentType[]): readonly Parameter[] {
    return select(this.#scalar(name), args, true).parameters
  }

  /** @throws SqlError when no variant takes these arguments, or several take them equally well. */
  resolveScalar(name: string, args: readonly ArgumentType[]): ResolvedScalar {
    const entry = this.#scalar(name)
    const { parameters, variant, generics } = select(entry, args, true)
    const types = argumentTypes(args)
    const returnType = returnTypeOf(variant.returns, types, generics, entry.definition.name)
    return {
      name: entry.definition.name,
      parameters,
      returnType,
      deterministic: entry.definition.deterministic ?? true,
      nulls: variant.nulls ?? 'propagate',
      instantiate: (environment) =>
        variant.create?.({ ...environment, argumentTypes: types, returnType }) ?? variant.fn!,
    }
  }

  /** Aggregates take no implicit casts, except of constants. `COUNT(*)` is resolved with one INTEGER argument. */
  resolveAggregate(name: string, args: readonly ArgumentType[]): ResolvedAggregate {
    const entry = this.#aggregates.get(name.toUpperCase())
    if (entry === undefined) throw this.#unknown(name)
    const { parameters, variant } = select(entry, args, false)
    const constants = constantCount(parameters, variant.constants ?? 0, args.length)
    const columnCount = args.length - constants
    const types = argumentTypes(args).slice(0, columnCount)
    return {
      name: entry.definition.name,
      parameters,
      columnCount,
      instantiate: (values, environment) =>
        variant.create({ ...environment, argumentTypes: types, constants: values }),
    }
  }

  resolveTable(name: string, args: readonly ArgumentType[]): ResolvedTableFunction {
    const entry = this.#tables.get(name.toUpperCase())
    if (entry === undefined) throw this.#unknown(name)
    const { parameters, variant, generics } = select(entry, args, true)
    const types = argumentTypes(args)
    const returnType = returnTypeOf(variant.returns, types, generics, entry.definition.name)
    return {
      name: entry.definition.name,
      parameters,
      returnType,
      instantiate: (environment) =>
        (variant.create?.({ ...environment, argumentTypes: types, returnType }) ?? variant.fn!) as (
          ...args: unknown[]
        ) => readonly unknown[] | null,
    }
  }

  #scalar(name: string): Entry<ScalarFunction, ScalarVariant> {
    const entry = this.#scalars.get(name.toUpperCase())
    if (entry === undefined) throw this.#unknown(name)
    return entry
  }

  #unknown(name: string): SqlError {
    return new SqlError(`Can't find any functions with the name '${name}'`, {
      kind: 'function',
      suggestion: nearestFunction(
        name,
        this.list().map((f) => f.name),
      ),
    })
  }
}

/** The parameter that argument `index` of `count` goes to. */
export function parameterAt(parameters: readonly Parameter[], index: number, count: number): Parameter {
  const variadic = parameters.findIndex((p) => p.variadic)
  if (variadic === -1 || index < variadic) return parameters[index]!
  const extra = count - parameters.length
  return index <= variadic + extra ? parameters[variadic]! : parameters[index - extra]!
}

// ---------------------------------------------------------------------------------------------- overloads

function add<
  Variant extends { readonly parameters: string },
  Definition extends { readonly name: string; readonly variants: readonly Variant[] },
>(
  entries: Map<string, Entry<Definition, Variant>>,
  definition: Definition,
  present: FunctionKind,
  kind: FunctionKind,
): void {
  const key = definition.name.toUpperCase()
  if (present !== kind) {
    throw new SqlError(`Function '${definition.name}' is already registered as ${present}`, {
      kind: 'function',
    })
  }
  const known = entries.get(key)
  const overloads = [...(known?.overloads ?? [])]
  for (const variant of definition.variants) {
    const parameters = parseParameters(variant.parameters)
    const text = typesText(parameters)
    if (overloads.some((o) => typesText(o.parameters) === text)) {
      throw new SqlError(`Can't add function ${definition.name}: it already exists with parameters ${text}`, {
        kind: 'function',
      })
    }
    overloads.push({ parameters, variant })
  }
  entries.set(key, { definition: known?.definition ?? definition, overloads })
}

function typesText(parameters: readonly Parameter[]): string {
  return formatSignature(
    '',
    parameters.map((p) => ({ ...p, name: '' })),
  )
}

interface Candidate<Variant> extends Overload<Variant> {
  readonly generics: Generics
}

/** First without implicit casts; only when nothing fits, with them. */
function select<Variant>(
  entry: Entry<{ readonly name: string }, Variant>,
  args: readonly ArgumentType[],
  allowCasts: boolean,
): Candidate<Variant> {
  const found = best(entry, args, false) ?? (allowCasts ? best(entry, args, true) : undefined)
  if (found !== undefined) return found
  const { name } = entry.definition
  throw new SqlError(
    `Function '${name}' does not accept parameters ${formatArguments(args)}.\n` +
      `Valid alternatives are:\n${alternatives(entry)}\n` +
      'For detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;',
    { kind: 'function' },
  )
}

function alternatives(entry: Entry<{ readonly name: string }, unknown>): string {
  return entry.overloads.map((o) => formatSignature(entry.definition.name, o.parameters)).join('\n')
}

function best<Variant>(
  entry: Entry<{ readonly name: string }, Variant>,
  args: readonly ArgumentType[],
  allowCasts: boolean,
): Candidate<Variant> | undefined {
  const candidates: Candidate<Variant>[] = []
  for (const overload of entry.overloads) {
    const generics = match(overload.parameters, args, allowCasts)
    if (generics !== null) candidates.push({ ...overload, generics })
  }
  candidates.sort((a, b) => compareSpecificity(b.parameters, a.parameters))
  const [first, second] = candidates
  if (first === undefined || second === undefined) return first
  if (compareSpecificity(first.parameters, second.parameters) > 0) return first
  // Overloads with the very same places for these arguments are one to the caller: the earlier one is taken.
  if (expandedText(first.parameters, args.length) === expandedText(second.parameters, args.length))
    return first
  throw new SqlError(
    `Function '${entry.definition.name}' cannot be resolved due to ambiguous method parameters ${formatArguments(args)}.\n` +
      'Use CAST() to explicitly cast your parameters to one of the supported function calls.\n' +
      `Valid function calls are:\n${alternatives(entry)}\n` +
      'For detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;',
    { kind: 'function' },
  )
}

function expandedText(parameters: readonly Parameter[], count: number): string {
  return typesText(
    Array.from({ length: count }, (_, i) => ({ ...parameterAt(parameters, i, count), variadic: false })),
  )
}

function match(
  parameters: readonly Parameter[],
  args: readonly ArgumentType[],
  allowCasts: boolean,
): Generics | null {
  const variadic = parameters.some((p) => p.variadic)
  if (variadic ? args.length < parameters.length - 1 : args.length !== parameters.length) return null
  const generics: Generics = new Map()
  for (let i = 0; i < args.length; i++) {
    const parameter = parameterAt(parameters, i, args.length)
    if (!accepts(parameter.type, args[i]!, generics, allowCasts)) return null
  }
  return generics
}

/** Positive when `a` is the better match: fixed before variadic, more parameters, fewer generics, later variadic. */
function compareSpecificity(a: readonly Parameter[], b: readonly Parameter[]): number {
  const rank = (parameters: readonly Parameter[]): number[] => {
    const anyVariadic = parameters.some((p) => p.variadic && p.type.kind === 'any')
    return [
      parameters.some((p) => p.variadic) ? 0 : 1,
      parameters.length,
      -parameters.filter((p) => hasGenerics(p.type) || (p.variadic && p.type.kind === 'any')).length,
      anyVariadic ? 0 : 1,
      parameters.findIndex((p) => p.variadic),
    ]
  }
  const ranks = rank(b)
  for (const [i, value] of rank(a).entries()) {
    if (value !== ranks[i]) return value - ranks[i]!
  }
  return 0
}

function constantCount(parameters: readonly Parameter[], declared: number, argumentCount: number): number {
  const variadic = parameters.findIndex((p) => p.variadic)
  const firstConstant = parameters.length - declared
  return variadic >= firstConstant ? argumentCount - firstConstant : declared
}

function argumentTypes(args: readonly ArgumentType[]): (SqlType | null)[] {
  return args.map((arg) => (arg.kind === 'type' ? arg.type : null))
}

const returnTypes = new Map<string, ParameterType>()

function returnTypeOf(
  returns: ReturnType,
  types: readonly (SqlType | null)[],
  generics: Generics,
  name: string,
): SqlType {
  if (typeof returns !== 'string') return returns(types, generics)
  let type = returnTypes.get(returns)
  if (type === undefined) returnTypes.set(returns, (type = parseParameterType(returns)))
  const resolved = resolveParameterType(type, generics)
  if (resolved !== null) return resolved
  throw new SqlError(
    `The result type of function '${name}' is open: one of its arguments is NULL. CAST it to a type.`,
    { kind: 'function' },
  )
}

function nearestFunction(name: string, names: readonly string[]): string | null {
  const near = nearest(name.toUpperCase(), names)
  return near === undefined ? null : `Did you mean ${near}?`
}

/** The name with the smallest edit distance, when that is small enough to be a slip. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  let found: string | undefined
  let limit = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const name of names) {
    const distance = editDistance(wanted, name, limit)
    if (distance < limit) {
      limit = distance
      found = name
    }
  }
  return found
}

/** Levenshtein distance with swapped neighbours counted as one; anything at or above `limit` may be reported as it. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1)
      }
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}
