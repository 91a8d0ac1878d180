import { SqlError } from '../errors.js'
import type { SqlType } from '../types.js'
import type { FunctionKind, ReturnType } from './definitions.js'
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

/*
 * Which variant of a function a call means, by ksqlDB's rules: first without implicit casts, then with them; among
 * those that fit, the most specific one; two that are equally specific are refused.
 */

export interface Overload<Variant> {
  readonly parameters: readonly Parameter[]
  readonly variant: Variant
}

export interface Entry<Definition, Variant> {
  readonly definition: Definition
  readonly overloads: readonly Overload<Variant>[]
}

/** The parameter that argument `index` of `count` goes to. */
export function parameterAt(parameters: readonly Parameter[], index: number, count: number): Parameter {
  const variadic = parameters.findIndex((p) => p.variadic)
  if (variadic === -1 || index < variadic) return parameters[index]!
  const extra = count - parameters.length
  return index <= variadic + extra ? parameters[variadic]! : parameters[index - extra]!
}

export function add<
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
export function select<Variant>(
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

export function constantCount(
  parameters: readonly Parameter[],
  declared: number,
  argumentCount: number,
): number {
  const variadic = parameters.findIndex((p) => p.variadic)
  const firstConstant = parameters.length - declared
  return variadic >= firstConstant ? argumentCount - firstConstant : declared
}

export function argumentTypes(args: readonly ArgumentType[]): (SqlType | null)[] {
  return args.map((arg) => (arg.kind === 'type' ? arg.type : null))
}

const returnTypes = new Map<string, ParameterType>()

export function returnTypeOf(
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
