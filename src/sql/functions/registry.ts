import { SqlError } from '../errors.js'
import { nearest } from '../nearest-name.js'
import type {
  AggregateDefinition,
  AggregateVariant,
  FunctionEnvironment,
  FunctionKind,
  ResolvedAggregate,
  ResolvedScalar,
  ResolvedTableFunction,
  ScalarFunction,
  ScalarVariant,
  TableFunctionDefinition,
  TableFunctionVariant,
} from './definitions.js'
import { add, argumentTypes, constantCount, type Entry, returnTypeOf, select } from './overloads.js'
import { type ArgumentType, formatReturnType, formatSignature, type Parameter } from './signature.js'
import type { NullHandling } from './signature-types.js'
import {
  type UserAggregate,
  type UserScalar,
  type UserTableFunction,
  userAggregate,
  userScalar,
  userTableFunction,
} from './user-functions.js'

export { nearest } from '../nearest-name.js'
export type * from './definitions.js'
export { parameterAt } from './overloads.js'

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
   * Names are case-insensitive in SQL; messages show them as given here. Adding a known name adds its variants. See
   * user-functions.ts for signatures.
   * @throws SqlError when the name belongs to a function of another kind, or a variant exists already.
   */
  scalar<
    const Args extends readonly string[],
    const Returns extends string,
    Nulls extends NullHandling = 'propagate',
  >(definition: UserScalar<Args, Returns, Nulls>): this
  scalar(definition: ScalarFunction): this
  scalar(given: ScalarFunction | UserScalar<readonly string[], string, NullHandling>): this {
    const definition = 'variants' in given ? given : userScalar(given)
    add(this.#scalars, definition, this.kindOf(definition.name) ?? 'SCALAR', 'SCALAR')
    return this
  }

  aggregate<
    const Args extends readonly string[],
    const Returns extends string,
    Nulls extends NullHandling = 'propagate',
    const State extends string = Returns,
  >(definition: UserAggregate<Args, Returns, Nulls, State>): this
  aggregate(definition: AggregateDefinition): this
  aggregate(
    given: AggregateDefinition | UserAggregate<readonly string[], string, NullHandling, string>,
  ): this {
    const definition = 'variants' in given ? given : userAggregate(given)
    add(this.#aggregates, definition, this.kindOf(definition.name) ?? 'AGGREGATE', 'AGGREGATE')
    return this
  }

  table<
    const Args extends readonly string[],
    const Returns extends string,
    Nulls extends NullHandling = 'propagate',
  >(definition: UserTableFunction<Args, Returns, Nulls>): this
  table(definition: TableFunctionDefinition): this
  table(given: TableFunctionDefinition | UserTableFunction<readonly string[], string, NullHandling>): this {
    const definition = 'variants' in given ? given : userTableFunction(given)
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
        /** What each variant gives; null where that depends on its arguments. */
        readonly returns: readonly (string | null)[]
      }
    | undefined {
    const key = name.toUpperCase()
    const kind = this.kindOf(key)
    const entry = this.#scalars.get(key) ?? this.#aggregates.get(key) ?? this.#tables.get(key)
    if (entry === undefined || kind === undefined) return undefined
    const signatures = entry.overloads.map((o) => formatSignature(key, o.parameters))
    const returns = entry.overloads.map(({ variant }) =>
      'returns' in variant && typeof variant.returns === 'string' ? formatReturnType(variant.returns) : null,
    )
    return { name: key, kind, description: entry.definition.description ?? '', signatures, returns }
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

function nearestFunction(name: string, names: readonly string[]): string | null {
  const near = nearest(name.toUpperCase(), names)
  return near === undefined ? null : `Did you mean ${near}?`
}
