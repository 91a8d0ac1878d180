import {
  addBigint,
  divideBigint,
  divideInteger,
  multiplyBigint,
  negateBigint,
  remainderBigint,
  remainderInteger,
  subtractBigint,
} from '../expression/arithmetic.js'
import { castFunction } from '../expression/casts.js'
import { equals } from '../expression/comparison.js'
import { arithmetic, elementAt, entryOf, failOnNull, holds, negate } from '../expression/evaluate-node.js'
import { like, likePattern } from '../expression/like.js'
import {
  canThrow,
  type TypedArithmetic,
  type TypedCall,
  type TypedCase,
  type TypedCast,
  type TypedComparison,
  type TypedExpression,
  type TypedGuard,
  type TypedIn,
  type TypedLambda,
  type TypedLike,
  type TypedLogical,
} from '../expression/typed-expression.js'
import type { FunctionBody, FunctionEnvironment } from '../functions/registry.js'
import type { SqlType } from '../types.js'
import { type Bindings, declare, literal } from './bindings.js'

/*
 * Typed expressions to JavaScript source. What comes from the user (texts, names, functions, constants) is passed
 * to the generated code as bound values or as JSON literals, and never spliced into it in another way.
 *
 * A compiled expression is one JavaScript expression; intermediate values go into temporaries declared around it,
 * so that no closure is made for a row. Nulls are handled where they can occur.
 */

export interface CompileOptions {
  /** Shared by everything that goes into one generated function. */
  readonly bindings: Bindings
  readonly environment: FunctionEnvironment
  /**
   * Told what was thrown when an expression, or a part of it, fails and becomes null. `part` is the number of the
   * column of a projection, -1 for its filter, 0 elsewhere. Default: ignored.
   */
  readonly onError?: (error: unknown, part: number) => void
}

export class CodeGenerator {
  temporaries: string[] = []
  readonly #options: CompileOptions
  readonly #part: number

  constructor(options: CompileOptions, part: number) {
    this.#options = options
    this.#part = part
  }

  value(e: TypedExpression): string {
    switch (e.kind) {
      case 'constant':
        return literal(e.value, this.#options.bindings)
      case 'column':
        return e.accessor
      case 'variable':
        return `p${e.id}`
      case 'field':
        return this.#strict([e.base], ([base]) => `${base}[${e.index}]`)
      case 'element':
        return this.#strict(
          [e.base, e.index],
          ([array, index]) => `${this.#bind(elementAt)}(${array}, ${toNumber(e.index, index!)})`,
        )
      case 'entry':
        return this.#strict([e.base, e.key], ([map, key]) => `${this.#bind(entryOf)}(${map}, ${key})`)
      case 'negate':
        return this.#strict([e.operand], ([operand]) => this.#negate(e.type, operand!))
      case 'arithmetic':
        return this.#strict(
          [e.left, e.right],
          ([left, right]) => this.#arithmetic(e, left!, right!),
          e.failsOnNull ? `${this.#bind(failOnNull)}()` : 'null',
        )
      case 'comparison':
        return this.#comparison(e)
      case 'logical':
        return this.#logical(e)
      case 'not':
        return this.#strict([e.operand], ([operand]) => `!${operand}`)
      case 'isNull':
        return `(${this.value(e.operand)} ${e.negated ? '!==' : '==='} null)`
      case 'in':
        return this.#in(e)
      case 'like':
        return this.#like(e)
      case 'case':
        return this.#case(e)
      case 'cast':
        return this.#cast(e)
      case 'call':
        return this.#call(e)
      case 'lambda':
        return this.#lambda(e)
      case 'array':
        return `[${e.items.map((item) => this.value(item)).join(', ')}]`
      case 'map':
        return `new Map([${e.entries.map((x) => `[${this.value(x.key)}, ${this.value(x.value)}]`).join(', ')}])`
      case 'struct':
        return `[${e.fields.map((field) => this.value(field)).join(', ')}]`
      case 'guard':
        return this.#guard(e)
    }
  }

  /** True where the value is TRUE, false where it is FALSE or null. */
  truth(e: TypedExpression): string {
    if (e.kind === 'logical' && !(mayBeNull(e.left) && canThrow(e.right))) {
      return `(${this.truth(e.left)} ${e.operator === 'AND' ? '&&' : '||'} ${this.truth(e.right)})`
    }
    if (e.kind === 'not' && !mayBeNull(e.operand)) return `!${this.truth(e.operand)}`
    return mayBeNull(e) ? `(${this.value(e)} === true)` : this.value(e)
  }

  #bind(value: unknown): string {
    return this.#options.bindings.bind(value)
  }

  #temporary(): string {
    const name = this.#options.bindings.fresh('t')
    this.temporaries.push(name)
    return name
  }

  /** A text that can be repeated, and the assignment that must be evaluated before, if any. */
  #atom(e: TypedExpression): { readonly ref: string; readonly assign: string } {
    const source = this.value(e)
    if (e.kind === 'column' || e.kind === 'variable' || e.kind === 'constant')
      return { ref: source, assign: source }
    const ref = this.#temporary()
    return { ref, assign: `(${ref} = ${source})` }
  }

  /** `body` when no operand is null, else `otherwise`. Each operand's text may be used any number of times. */
  #strict(
    operands: readonly TypedExpression[],
    body: (refs: string[]) => string,
    otherwise = 'null',
  ): string {
    const atoms = operands.map((operand) => this.#atom(operand))
    // An operand that is never null still has to be assigned in its turn, before the body.
    const checks = atoms.flatMap((atom, i) => {
      if (mayBeNull(operands[i]!)) return [`${atom.assign} === null`]
      return atom.assign === atom.ref ? [] : [`${atom.assign} === undefined`]
    })
    const result = body(atoms.map((atom) => atom.ref))
    if (checks.length === 0) return `(${result})`
    // Every operand is evaluated, as the right side of an error or a report must not depend on the left one.
    const condition = checks.length === 1 ? checks[0]! : this.#allChecks(checks, operands)
    return `(${condition} ? ${otherwise} : ${result})`
  }

  /** `||` unless a later operand can throw: then all are evaluated first. */
  #allChecks(checks: readonly string[], operands: readonly TypedExpression[]): string {
    const eager = operands.slice(1).some((operand) => canThrow(operand) || hasGuard(operand))
    return checks.map((check) => `(${check})`).join(eager ? ' | ' : ' || ')
  }

  #negate(type: SqlType, operand: string): string {
    if (type.kind === 'INTEGER') return `((0 - ${operand}) | 0)`
    if (type.kind === 'DOUBLE') return `-(${operand})`
    if (type.kind === 'BIGINT') return `${this.#bind(negateBigint)}(${operand})`
    return `${this.#bind(negate)}(${this.#bind(type)}, ${operand})`
  }

  #arithmetic(e: TypedArithmetic, left: string, right: string): string {
    const { operator, type } = e
    switch (type.kind) {
      case 'STRING':
      case 'DOUBLE':
        return `${left} ${operator} ${right}`
      case 'INTEGER':
        if (operator === '+' || operator === '-') return `(${left} ${operator} ${right}) | 0`
        if (operator === '*') return `Math.imul(${left}, ${right})`
        return `${this.#bind(operator === '/' ? divideInteger : remainderInteger)}(${left}, ${right})`
      case 'BIGINT':
        return `${this.#bind(bigintOperations[operator])}(${left}, ${right})`
      default:
        return `${this.#bind(arithmetic)}("${operator}", ${this.#bind(type)}, ${left}, ${right})`
    }
  }

  // ------------------------------------------------------------------------------------------ conditions

  #comparison(e: TypedComparison): string {
    const types = [e.left.type?.kind, e.right.type?.kind]
    const inline = inlineEquality(e, types)
    if (inline !== null) return this.#inlineEquality(e, inline)
    if (e.operator === 'IS DISTINCT FROM' || e.operator === 'IS NOT DISTINCT FROM') {
      const [left, right] = [this.#atom(e.left), this.#atom(e.right)]
      const bothNull = e.operator === 'IS NOT DISTINCT FROM'
      const either = `((${left.assign} === null) | (${right.assign} === null))`
      const nulls = `(${left.ref} === null) ${bothNull ? '===' : '!=='} (${right.ref} === null)`
      const equal = bothNull ? `${left.ref} === ${right.ref}` : nulls
      return `(${either} ? ${equal} : ${this.#holds(e, left.ref, right.ref)})`
    }
    return this.#strict([e.left, e.right], ([left, right]) => this.#compare(e, types, left!, right!), 'false')
  }

  #inlineEquality(e: TypedComparison, operator: '===' | '!=='): string {
    const distinct = e.operator.startsWith('IS')
    if (distinct) return `(${this.value(e.left)} ${operator} ${this.value(e.right)})`
    // Where the two are the same and one is not null, neither is.
    if (operator === '===' && !(mayBeNull(e.left) && mayBeNull(e.right))) {
      return `(${this.value(e.left)} === ${this.value(e.right)})`
    }
    return this.#strict([e.left, e.right], ([left, right]) => `${left} ${operator} ${right}`, 'false')
  }

  #compare(
    e: TypedComparison,
    types: readonly (SqlType['kind'] | undefined)[],
    left: string,
    right: string,
  ): string {
    if (e.comparison !== 'number' && e.comparison !== 'string') return this.#holds(e, left, right)
    switch (e.operator) {
      case '=':
        return types.includes('BIGINT') ? `${left} == ${right}` : `${left} === ${right}`
      case '<>':
        return `(${left} < ${right} || ${left} > ${right})`
      default:
        return `${left} ${e.operator} ${right}`
    }
  }

  #holds(e: TypedComparison, left: string, right: string): string {
    return `${this.#bind(holds)}("${e.operator}", "${e.comparison}", ${left}, ${right})`
  }

  #logical(e: TypedLogical): string {
    if (!mayBeNull(e.left) && !mayBeNull(e.right)) {
      return `(${this.value(e.left)} ${e.operator === 'AND' ? '&&' : '||'} ${this.value(e.right)})`
    }
    const decided = e.operator === 'AND' ? 'false' : 'true'
    const [left, right] = [this.#atom(e.left), this.#atom(e.right)]
    const open = `${left.ref} === null || ${right.ref} === null ? null : ${e.operator === 'AND'}`
    return `(${left.assign} === ${decided} || ${right.assign} === ${decided} ? ${decided} : ${open})`
  }

  #in(e: TypedIn): string {
    const value = this.#atom(e.value)
    const constants = e.items.every((item) => item.kind === 'constant')
    const simple = e.comparison === 'string' || (e.comparison === 'number' && e.value.type?.kind !== 'DOUBLE')
    let found: string
    if (e.items.length === 0) {
      found = 'false'
    } else if (simple && constants && e.items.length > 4) {
      const set = new Set(e.items.map((item) => (item.kind === 'constant' ? item.value : null)))
      found = `${this.#bind(set)}.has(${value.ref})`
    } else {
      found = e.items.map((item) => this.#matches(e, simple, value.ref, item)).join(' || ')
    }
    return `(${value.assign} !== null && (${found}))`
  }

  #matches(e: TypedIn, simple: boolean, value: string, item: TypedExpression): string {
    if (simple) return `${value} === ${this.value(item)}`
    return this.#strict(
      [item],
      ([ref]) => `${this.#bind(equals)}("${e.comparison}", ${value}, ${ref})`,
      'false',
    )
  }

  #like(e: TypedLike): string {
    if (e.pattern.kind === 'constant' && typeof e.pattern.value === 'string') {
      const expression = patternOrNull(e.pattern.value, e.escape)
      if (expression !== null) {
        return this.#strict([e.value], ([value]) => `${this.#bind(expression)}.test(${value})`, 'false')
      }
    }
    const escapeText = literal(e.escape, this.#options.bindings)
    return this.#strict(
      [e.value, e.pattern],
      ([value, pattern]) => `${this.#bind(like)}(${value}, ${pattern}, ${escapeText})`,
      'false',
    )
  }

  #case(e: TypedCase): string {
    const whens = e.whens.map((when) => `${this.truth(when.condition)} ? ${this.value(when.result)} : `)
    return `(${whens.join('')}${this.value(e.otherwise)})`
  }

  // ------------------------------------------------------------------------------------- calls and casts

  #cast(e: TypedCast): string {
    const from = e.operand.type!
    if (from.kind === 'INTEGER' && e.type.kind === 'DOUBLE') return this.value(e.operand)
    const cast = this.#bind(castFunction(from, e.type))
    return this.#strict([e.operand], ([operand]) => `${cast}(${operand})`)
  }

  #call(e: TypedCall): string {
    return this.#apply(e, e.function.instantiate(this.#options.environment))
  }

  #apply(e: TypedCall, body: FunctionBody): string {
    const fn = this.#bind(body)
    if (e.function.nulls === 'propagate') {
      return this.#strict(e.args, (refs) => `${fn}(${refs.join(', ')}) ?? null`)
    }
    return `(${fn}(${e.args.map((arg) => this.value(arg)).join(', ')}) ?? null)`
  }

  #lambda(e: TypedLambda): string {
    const parameters = e.parameters.map((p) => `p${p.id}`).join(', ')
    return `(${parameters}) => ${this.#block(e.body)}`
  }

  /** The body of an arrow function that has its own temporaries. */
  #block(e: TypedExpression): string {
    const outer = this.temporaries
    this.temporaries = []
    const source = this.value(e)
    const own = this.temporaries
    this.temporaries = outer
    return `{ ${declare(own)}return ${source}; }`
  }

  /** The usual guards, around a call or cast of what cannot fail itself, need no closure. */
  #guard(e: TypedGuard): string {
    const inner = e.operand
    if (!canThrow(inner)) return this.value(inner)
    const report = this.#report()
    if (inner.kind === 'cast' && !canThrow(inner.operand)) {
      const cast = guardOne(castFunction(inner.operand.type!, inner.type) as FunctionBody, report)
      return this.#strict([inner.operand], ([operand]) => `${this.#bind(cast)}(${operand})`)
    }
    if (inner.kind === 'call' && !inner.args.some(canThrow)) {
      return this.#apply(
        inner,
        guardCall(inner.function.instantiate(this.#options.environment), inner.args.length, report),
      )
    }
    return `${this.#bind(guardThunk(report))}(() => ${this.#block(inner)})`
  }

  #report(): (error: unknown) => void {
    const { onError } = this.#options
    const part = this.#part
    return (error) => onError?.(error, part)
  }
}

const bigintOperations = {
  '+': addBigint,
  '-': subtractBigint,
  '*': multiplyBigint,
  '/': divideBigint,
  '%': remainderBigint,
} as const

function toNumber(index: TypedExpression, source: string): string {
  return index.type?.kind === 'BIGINT' ? `Number(${source})` : source
}

/** Comparisons that are one JavaScript operator, null included. */
function inlineEquality(
  e: TypedComparison,
  types: readonly (SqlType['kind'] | undefined)[],
): '===' | '!==' | null {
  const plain =
    e.comparison === 'string' ||
    e.comparison === 'boolean' ||
    (e.comparison === 'number' && !types.includes('DOUBLE'))
  if (!plain) return null
  if (e.operator === '=' || e.operator === 'IS NOT DISTINCT FROM') return '==='
  return e.operator === '<>' || e.operator === 'IS DISTINCT FROM' ? '!==' : null
}

function mayBeNull(e: TypedExpression): boolean {
  switch (e.kind) {
    case 'constant':
      return e.value === null
    case 'comparison':
    case 'isNull':
    case 'in':
    case 'like':
    case 'array':
    case 'map':
    case 'struct':
    case 'lambda':
      return false
    case 'arithmetic':
      return mayBeNull(e.left) || mayBeNull(e.right)
    case 'logical':
      return mayBeNull(e.left) || mayBeNull(e.right)
    case 'not':
    case 'negate':
    case 'cast':
      return mayBeNull(e.operand)
    case 'case':
      return e.whens.some((when) => mayBeNull(when.result)) || mayBeNull(e.otherwise)
    default:
      return true
  }
}

/** Whether evaluating it may report a failure. */
function hasGuard(e: TypedExpression): boolean {
  return e.kind === 'guard' || e.kind === 'call'
}

/** Null for a pattern that is none: that is reported when it is used. */
function patternOrNull(pattern: string, escapeCharacter: string | null): RegExp | null {
  try {
    return likePattern(pattern, escapeCharacter)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

type Report = (error: unknown) => void

function guardOne(fn: FunctionBody, report: Report): FunctionBody {
  return (value: unknown) => {
    try {
      return fn(value)
    } catch (error) {
      report(error)
      return null
    }
  }
}

function guardCall(fn: FunctionBody, argumentCount: number, report: Report): FunctionBody {
  if (argumentCount === 1) return guardOne(fn, report)
  return (...args: unknown[]) => {
    try {
      return fn(...args)
    } catch (error) {
      report(error)
      return null
    }
  }
}

function guardThunk(report: Report): FunctionBody {
  return (thunk: () => unknown) => {
    try {
      return thunk()
    } catch (error) {
      report(error)
      return null
    }
  }
}
