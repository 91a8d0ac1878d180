import { assert } from '../../common/index.js'
import { formatType, type SqlType, SqlTypes, sameType } from '../types.js'

/*
 * Function signatures as text: `ARRAY<T> array, T value`, `STRING separator, STRING... items`,
 * `ARRAY<T> array, LAMBDA<T, BOOLEAN> keep`. A single capital letter is a generic type, the last type of a LAMBDA
 * is its result, DECIMAL stands for any precision and scale, ANY for every type, INTERVALUNIT for a bare unit word.
 */

export type ParameterType =
  | { readonly kind: 'exact'; readonly type: SqlType }
  | { readonly kind: 'decimal' }
  | { readonly kind: 'any' }
  | { readonly kind: 'intervalUnit' }
  | { readonly kind: 'generic'; readonly name: string }
  | { readonly kind: 'array'; readonly element: ParameterType }
  | { readonly kind: 'map'; readonly key: ParameterType; readonly value: ParameterType }
  | {
      readonly kind: 'struct'
      readonly fields: readonly { readonly name: string; readonly type: ParameterType }[]
    }
  | { readonly kind: 'lambda'; readonly inputs: readonly ParameterType[]; readonly result: ParameterType }

export interface Parameter {
  readonly name: string
  readonly type: ParameterType
  readonly variadic: boolean
}

/** What stands in an argument's place: a type, a NULL literal, a unit word, or a lambda. */
export type ArgumentType =
  | { readonly kind: 'type'; readonly type: SqlType }
  | { readonly kind: 'null' }
  | { readonly kind: 'intervalUnit' }
  /** `types` are known once the other arguments have fixed the generics. */
  | {
      readonly kind: 'lambda'
      readonly arity: number
      readonly types?: { readonly inputs: readonly SqlType[]; readonly result: SqlType }
    }

/** What generic letters stand for in one call. */
export type Generics = Map<string, SqlType>

// ------------------------------------------------------------------------------------------------ reading

const tokenPattern = /\s*([A-Za-z_][A-Za-z0-9_]*|\d+|\.\.\.|[<>,()])/y

class SignatureReader {
  readonly #tokens: string[] = []
  #next = 0

  constructor(text: string) {
    for (let at = 0; text.slice(at).trim() !== ''; at = tokenPattern.lastIndex) {
      tokenPattern.lastIndex = at
      const match = tokenPattern.exec(text)
      assert(match !== null, `signature: ${text.slice(at).trim()} is not understood`)
      this.#tokens.push(match[1]!)
    }
  }

  get done(): boolean {
    return this.#next >= this.#tokens.length
  }

  accept(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false
    this.#next++
    return true
  }

  expect(token: string): void {
    assert(this.accept(token), `signature: ${token} expected, found ${this.#tokens[this.#next]}`)
  }

  word(): string {
    const token = this.#tokens[this.#next++]
    assert(token !== undefined && /^\w/.test(token), `signature: a word expected, found ${token}`)
    return token
  }

  parameters(): Parameter[] {
    const parameters: Parameter[] = []
    while (!this.done) {
      if (parameters.length > 0) this.expect(',')
      const type = this.type()
      const variadic = this.accept('...')
      const name = this.done || this.#tokens[this.#next] === ',' ? '' : this.word()
      parameters.push({ name, type, variadic })
    }
    return parameters
  }

  /** What follows `DECIMAL(`. */
  #decimal(): ParameterType {
    const precision = Number(this.word())
    this.expect(',')
    const scale = Number(this.word())
    this.expect(')')
    return { kind: 'exact', type: SqlTypes.decimal(precision, scale) }
  }

  type(): ParameterType {
    const word = this.word()
    switch (word) {
      case 'DECIMAL':
        return this.accept('(') ? this.#decimal() : { kind: 'decimal' }
      case 'ANY':
        return { kind: 'any' }
      case 'INTERVALUNIT':
        return { kind: 'intervalUnit' }
      case 'INT':
        return { kind: 'exact', type: SqlTypes.INTEGER }
      case 'VARCHAR':
        return { kind: 'exact', type: SqlTypes.STRING }
      case 'ARRAY': {
        this.expect('<')
        const element = this.type()
        this.expect('>')
        return { kind: 'array', element }
      }
      case 'MAP': {
        this.expect('<')
        const key = this.type()
        this.expect(',')
        const value = this.type()
        this.expect('>')
        return { kind: 'map', key, value }
      }
      case 'STRUCT': {
        const fields: { name: string; type: ParameterType }[] = []
        this.expect('<')
        while (!this.accept('>')) {
          if (fields.length > 0) this.expect(',')
          fields.push({ name: this.word(), type: this.type() })
        }
        return { kind: 'struct', fields }
      }
      case 'LAMBDA': {
        const types: ParameterType[] = []
        this.expect('<')
        while (!this.accept('>')) {
          if (types.length > 0) this.expect(',')
          types.push(this.type())
        }
        return { kind: 'lambda', inputs: types.slice(0, -1), result: types.at(-1)! }
      }
    }
    if (/^[A-Z]$/.test(word)) return { kind: 'generic', name: word }
    const type = primitives.get(word)
    assert(type !== undefined, `signature: unknown type ${word}`)
    return { kind: 'exact', type }
  }
}

const primitives: ReadonlyMap<string, SqlType> = new Map<string, SqlType>(
  (['BOOLEAN', 'INTEGER', 'BIGINT', 'DOUBLE', 'STRING', 'BYTES', 'DATE', 'TIME', 'TIMESTAMP'] as const).map(
    (kind) => [kind, SqlTypes[kind]],
  ),
)

export function parseParameters(signature: string): Parameter[] {
  return new SignatureReader(signature).parameters()
}

export function parseParameterType(text: string): ParameterType {
  const reader = new SignatureReader(text)
  const type = reader.type()
  assert(reader.done, `signature: ${text} is more than a type`)
  return type
}

// ----------------------------------------------------------------------------------------------- printing

export function formatParameterType(type: ParameterType): string {
  switch (type.kind) {
    case 'exact':
      return type.type.kind === 'STRING'
        ? 'VARCHAR'
        : type.type.kind === 'INTEGER'
          ? 'INT'
          : formatType(type.type)
    case 'decimal':
      return 'DECIMAL'
    case 'any':
      return 'ANY'
    case 'intervalUnit':
      return 'INTERVAL UNIT'
    case 'generic':
      return type.name
    case 'array':
      return `ARRAY<${formatParameterType(type.element)}>`
    case 'map':
      return `MAP<${formatParameterType(type.key)}, ${formatParameterType(type.value)}>`
    case 'struct':
      return `STRUCT<${type.fields.map((f) => `${f.name} ${formatParameterType(f.type)}`).join(', ')}>`
    case 'lambda': {
      const inputs = type.inputs.map(formatParameterType).join(', ')
      return `LAMBDA (${inputs}) => ${formatParameterType(type.result)}`
    }
  }
}

/** The type of a result, as parameters are written. */
export function formatReturnType(text: string): string {
  return formatParameterType(parseParameterType(text))
}

/** `explode(ARRAY<T> list)` */
export function formatSignature(name: string, parameters: readonly Parameter[]): string {
  const texts = parameters.map(
    (p) => `${formatParameterType(p.type)}${p.variadic ? '...' : ''}${p.name === '' ? '' : ` ${p.name}`}`,
  )
  return `${name}(${texts.join(', ')})`
}

/** `(INTEGER, STRING)`; names inside are not quoted. */
export function formatArguments(args: readonly ArgumentType[]): string {
  return `(${args.map(formatArgument).join(', ')})`
}

function formatArgument(arg: ArgumentType): string {
  switch (arg.kind) {
    case 'null':
      return 'null'
    case 'intervalUnit':
      return 'INTERVAL UNIT'
    case 'lambda':
      return arg.types === undefined
        ? 'LAMBDA'
        : `LAMBDA (${arg.types.inputs.map(formatType).join(', ')}) => ${formatType(arg.types.result)}`
    case 'type':
      return formatType(arg.type).replaceAll('`', '')
  }
}

// ----------------------------------------------------------------------------------------------- matching

/**
 * Whether `arg` may stand for `parameter`; fixes generics as a side effect. Generic places take no casts, and all
 * places of one letter must have the very same type, as in ksqlDB.
 */
export function accepts(
  parameter: ParameterType,
  arg: ArgumentType,
  generics: Generics,
  allowCasts: boolean,
): boolean {
  if (arg.kind === 'null') return true
  if (parameter.kind === 'any') return true
  if (arg.kind === 'intervalUnit' || parameter.kind === 'intervalUnit') return arg.kind === parameter.kind
  if (arg.kind === 'lambda' || parameter.kind === 'lambda') {
    return arg.kind === 'lambda' && parameter.kind === 'lambda' && acceptsLambda(parameter, arg, generics)
  }
  return acceptsType(parameter, arg.type, generics, allowCasts && !hasGenerics(parameter))
}

function acceptsLambda(
  parameter: Extract<ParameterType, { kind: 'lambda' }>,
  arg: Extract<ArgumentType, { kind: 'lambda' }>,
  generics: Generics,
): boolean {
  if (arg.arity !== parameter.inputs.length) return false
  if (arg.types === undefined) return true
  const { inputs, result } = arg.types
  return (
    parameter.inputs.every((input, i) => acceptsType(input, inputs[i]!, generics, false)) &&
    acceptsType(parameter.result, result, generics, false)
  )
}

function acceptsType(
  parameter: ParameterType,
  type: SqlType,
  generics: Generics,
  allowCasts: boolean,
): boolean {
  switch (parameter.kind) {
    case 'any':
      return true
    case 'generic': {
      const fixed = generics.get(parameter.name)
      if (fixed === undefined) generics.set(parameter.name, type)
      return fixed === undefined || sameType(fixed, type)
    }
    case 'array':
      return type.kind === 'ARRAY' && acceptsType(parameter.element, type.element, generics, allowCasts)
    case 'map':
      return (
        type.kind === 'MAP' &&
        acceptsType(parameter.key, type.key, generics, allowCasts) &&
        acceptsType(parameter.value, type.value, generics, allowCasts)
      )
    case 'struct':
      return (
        type.kind === 'STRUCT' &&
        (type.fields.length === 0 ||
          (type.fields.length === parameter.fields.length &&
            parameter.fields.every((field) => {
              const actual = type.fields.find((f) => f.name === field.name)
              return actual !== undefined && acceptsType(field.type, actual.type, generics, false)
            })))
      )
    case 'decimal':
      return type.kind === 'DECIMAL' || (allowCasts && castsImplicitly(type, 'DECIMAL'))
    case 'exact':
      return type.kind === parameter.type.kind || (allowCasts && castsImplicitly(type, parameter.type.kind))
    default:
      return false
  }
}

const numberRank: Partial<Record<SqlType['kind'], number>> = { INTEGER: 0, BIGINT: 1, DECIMAL: 2, DOUBLE: 3 }

/** INT → BIGINT → DECIMAL → DOUBLE; text → dates, times, timestamps and bytes. */
export function castsImplicitly(from: SqlType, to: SqlType['kind']): boolean {
  if (from.kind === to) return true
  if (from.kind === 'STRING') return to === 'DATE' || to === 'TIME' || to === 'TIMESTAMP' || to === 'BYTES'
  const fromRank = numberRank[from.kind]
  const toRank = numberRank[to]
  return fromRank !== undefined && toRank !== undefined && fromRank <= toRank
}

export function hasGenerics(type: ParameterType): boolean {
  switch (type.kind) {
    case 'generic':
      return true
    case 'array':
      return hasGenerics(type.element)
    case 'map':
      return hasGenerics(type.key) || hasGenerics(type.value)
    case 'struct':
      return type.fields.some((f) => hasGenerics(f.type))
    case 'lambda':
      return type.inputs.some(hasGenerics) || hasGenerics(type.result)
    default:
      return false
  }
}

/** The type with its generics replaced; null when one of them is open, or the type has no SQL form. */
export function resolveParameterType(
  type: ParameterType,
  generics: ReadonlyMap<string, SqlType>,
): SqlType | null {
  switch (type.kind) {
    case 'exact':
      return type.type
    case 'generic':
      return generics.get(type.name) ?? null
    case 'array': {
      const element = resolveParameterType(type.element, generics)
      return element === null ? null : SqlTypes.array(element)
    }
    case 'map': {
      const key = resolveParameterType(type.key, generics)
      const value = resolveParameterType(type.value, generics)
      return key === null || value === null ? null : SqlTypes.map(key, value)
    }
    case 'struct': {
      const fields: { name: string; type: SqlType }[] = []
      for (const field of type.fields) {
        const resolved = resolveParameterType(field.type, generics)
        if (resolved === null) return null
        fields.push({ name: field.name, type: resolved })
      }
      return SqlTypes.struct(fields)
    }
    default:
      return null
  }
}
