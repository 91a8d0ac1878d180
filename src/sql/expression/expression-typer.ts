import type {
  ArithmeticBinary,
  Comparison,
  ComparisonOperator,
  Expression,
  FunctionCall,
  InPredicate,
  Lambda,
  Location,
  TypeExpression,
  WhenClause,
} from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import { nearest, parameterAt } from '../functions/registry.js'
import {
  type ArgumentType,
  accepts,
  type Generics,
  hasGenerics,
  type ParameterType,
  resolveParameterType,
} from '../functions/signature.js'
import { castHint } from '../suggestion.js'
import { formatType, type SqlType, SqlTypes, type StructField, sameType } from '../types.js'
import { arithmeticType, isNumeric } from './arithmetic.js'
import { comparisonKind } from './comparison.js'
import { decimalTypeOf, decimalTypeOfText, SqlDecimal } from './decimal.js'
import { ExpressionError } from './expression-error.js'
import type { ExpressionScope } from './scope.js'
import { commonTypeOfList, convertTo, type Written } from './type-coercion.js'
import type { TypedExpression, TypedLambda, TypedVariable } from './typed-expression.js'
import {
  alignTimes,
  allNull,
  argumentType,
  arithmeticError,
  castTo,
  checkCast,
  comparable,
  emptyConstructor,
  guarded,
  jsonHint,
  located,
  mixedHint,
  timeOfText,
  typeText,
  unitConstant,
} from './typing-rules.js'

/** Resolves names, overloads and implicit casts. @throws SqlError with the place of the fault */
export function typeExpression(expression: Expression, scope: ExpressionScope): TypedExpression {
  return new ExpressionTyper(scope).type(expression)
}

/** null for a NULL literal. @throws SqlError */
export function typeOf(expression: Expression, scope: ExpressionScope): SqlType | null {
  return typeExpression(expression, scope).type
}

/** A written type with its custom types replaced. @throws SqlError for an unknown name */
export function resolveType(type: TypeExpression, scope: Pick<ExpressionScope, 'customType'>): SqlType {
  switch (type.kind) {
    case 'type':
      return type.type
    case 'customType': {
      const found = scope.customType?.(type.name)
      if (found === undefined) {
        throw new SqlError(`Cannot resolve unknown type: ${type.name}`, { location: type.location })
      }
      return found
    }
    case 'arrayType':
      return SqlTypes.array(resolveType(type.element, scope))
    case 'mapType':
      return SqlTypes.map(resolveType(type.key, scope), resolveType(type.value, scope))
    case 'structType':
      return SqlTypes.struct(type.fields.map((f) => ({ name: f.name, type: resolveType(f.type, scope) })))
  }
}

const operatorNames: Record<ComparisonOperator, string> = {
  '=': 'EQUAL',
  '<>': 'NOT_EQUAL',
  '<': 'LESS_THAN',
  '<=': 'LESS_THAN_OR_EQUAL',
  '>': 'GREATER_THAN',
  '>=': 'GREATER_THAN_OR_EQUAL',
  'IS DISTINCT FROM': 'IS_DISTINCT_FROM',
  'IS NOT DISTINCT FROM': 'IS_NOT_DISTINCT_FROM',
}

const boolean: SqlType = SqlTypes.BOOLEAN

class ExpressionTyper {
  readonly #scope: ExpressionScope
  /** Lambda parameters in view. */
  #variables: ReadonlyMap<string, TypedVariable> = new Map()
  #variableCount = 0

  constructor(scope: ExpressionScope) {
    this.#scope = scope
  }

  type(e: Expression): TypedExpression {
    switch (e.kind) {
      case 'null':
        return { kind: 'constant', type: null, value: null }
      case 'boolean':
        return { kind: 'constant', type: boolean, value: e.value }
      case 'integer':
        return { kind: 'constant', type: SqlTypes.INTEGER, value: e.value }
      case 'long':
        return { kind: 'constant', type: SqlTypes.BIGINT, value: e.value }
      case 'double':
        return { kind: 'constant', type: SqlTypes.DOUBLE, value: e.value }
      case 'decimal':
        return { kind: 'constant', type: decimalTypeOfText(e.text), value: new SqlDecimal(e.text) }
      case 'string':
        return { kind: 'constant', type: SqlTypes.STRING, value: e.value }
      case 'column':
        return this.#column(e.name, null, e.location)
      case 'qualifiedColumn':
        return this.#column(e.name, e.source, e.location)
      case 'lambdaVariable':
        return this.#variable(e.name, e.location)
      case 'dereference':
        return this.#dereference(e.base, e.field, e.location)
      case 'subscript':
        return this.#subscript(e.base, e.index, e)
      case 'unary':
        return this.#unary(e)
      case 'binary':
        return this.#binary(e)
      case 'comparison':
        return this.#comparison(e)
      case 'logical':
        return {
          kind: 'logical',
          type: boolean,
          operator: e.operator,
          left: this.#condition(e.left, e.operator),
          right: this.#condition(e.right, e.operator),
        }
      case 'not':
        return { kind: 'not', type: boolean, operand: this.#condition(e.operand, 'NOT') }
      case 'isNull':
        return { kind: 'isNull', type: boolean, operand: this.type(e.operand), negated: e.negated }
      case 'between':
        return this.type({
          kind: 'logical',
          operator: 'AND',
          left: { kind: 'comparison', operator: '>=', left: e.value, right: e.low, location: e.location },
          right: { kind: 'comparison', operator: '<=', left: e.value, right: e.high, location: e.location },
          location: e.location,
        })
      case 'in':
        return this.#in(e)
      case 'like':
        return {
          kind: 'like',
          type: boolean,
          value: this.#likeSide(e.value),
          pattern: this.#likeSide(e.pattern),
          escape: e.escape,
        }
      case 'searchedCase':
        return this.#case(e.whens, e.otherwise, e)
      case 'simpleCase':
        return this.#case(
          e.whens.map((when) => ({
            condition: {
              kind: 'comparison',
              operator: '=',
              left: e.operand,
              right: when.condition,
              location: when.condition.location,
            },
            result: when.result,
          })),
          e.otherwise,
          e,
        )
      case 'cast':
        return this.#cast(e.operand, resolveType(e.type, this.#scope), e.location)
      case 'call':
        return this.#call(e)
      case 'array':
        return this.#array(e.items, e.location)
      case 'map':
        return this.#map(e)
      case 'struct':
        return this.#struct(e)
      case 'lambda':
        throw new ExpressionError('A lambda can only be an argument of a function', e.location)
      case 'intervalUnit':
        throw new ExpressionError(`Unit ${e.unit} can only be an argument of a function`, e.location)
      case 'atTimeZone':
        throw new ExpressionError('AT TIME ZONE is not supported. Use CONVERT_TZ instead.', e.location)
    }
  }

  // ----------------------------------------------------------------------------------------------- names

  #column(name: string, source: string | null, location: Location | null): TypedExpression {
    const found = located(location, () => this.#scope.column(name, source))
    if (found !== undefined) return { kind: 'column', type: found.type, accessor: found.accessor }
    const text = source === null ? name : `${source}.${name}`
    const near = nearest(name, this.#scope.columnNames)
    throw new ExpressionError(
      `${this.#scope.clause ?? 'SELECT'} column '${text}' cannot be resolved.`,
      location,
      { suggestion: near === undefined ? null : `Did you mean ${near}?` },
    )
  }

  #variable(name: string, location: Location | null): TypedExpression {
    const found = this.#variables.get(name)
    if (found !== undefined) return found
    throw new ExpressionError(`Lambda variable '${name}' is not known here`, location)
  }

  #dereference(baseExpression: Expression, field: string, location: Location | null): TypedExpression {
    const base = this.type(baseExpression)
    const { type } = base
    if (type?.kind !== 'STRUCT') {
      const text = type?.kind === 'STRING' ? jsonHint(baseExpression, field) : null
      throw new ExpressionError(`Expected STRUCT type, got: ${typeText(type)}`, location, {
        suggestion: text,
      })
    }
    const index = type.fields.findIndex((f) => f.name === field)
    if (index !== -1) return { kind: 'field', type: type.fields[index]!.type, base, index }
    const near = nearest(
      field,
      type.fields.map((f) => f.name),
    )
    throw new ExpressionError(
      `Could not find field '${field}' in '${formatExpression(baseExpression)}'.`,
      location,
      { suggestion: near === undefined ? null : `Did you mean ${near}?` },
    )
  }

  #subscript(baseExpression: Expression, indexExpression: Expression, whole: Expression): TypedExpression {
    const base = this.type(baseExpression)
    const index = this.type(indexExpression)
    if (base.type?.kind === 'ARRAY') {
      if (index.type?.kind === 'INTEGER' || index.type?.kind === 'BIGINT') {
        return { kind: 'element', type: base.type.element, base, index }
      }
      throw new ExpressionError(
        `Array index must be an INTEGER, got: ${typeText(index.type)}`,
        whole.location,
      )
    }
    if (base.type?.kind === 'MAP') {
      const key = this.#implicitCast(index, base.type.key, whole.location)
      return { kind: 'entry', type: base.type.value, base, key }
    }
    const hint =
      base.type?.kind === 'STRUCT'
        ? ` Use the dereference operator for STRUCTS: ${formatExpression(baseExpression)}->${formatExpression(indexExpression)}`
        : ''
    throw new ExpressionError(
      `Subscript expression (${formatExpression(whole)}) do not apply to ${typeText(base.type)}.${hint}`,
      whole.location,
      {
        suggestion:
          base.type?.kind === 'STRING'
            ? `SUBSTRING(${formatExpression(baseExpression)}, 1, 1) is the first character of a text.`
            : null,
      },
    )
  }

  // ------------------------------------------------------------------------------------------- operators

  #unary(e: Extract<Expression, { kind: 'unary' }>): TypedExpression {
    const operand = this.type(e.operand)
    if (operand.type === null || !isNumeric(operand.type)) {
      throw new ExpressionError(
        `Error processing expression: ${formatExpression(e)}. Unsupported arithmetic type. ${operand.type?.kind ?? 'null'}`,
        e.location,
      )
    }
    return e.operator === '+' ? operand : { kind: 'negate', type: operand.type, operand }
  }

  #binary(e: ArithmeticBinary): TypedExpression {
    if (e.operator === '||') {
      const args = [e.left, e.right]
      return this.#call({ kind: 'call', name: 'CONCAT', args, star: false, location: e.location })
    }
    const left = this.type(e.left)
    const right = this.type(e.right)
    if (left.type === null || right.type === null) {
      throw arithmeticError(
        e,
        `Arithmetic on types ${typeText(left.type)} and ${typeText(right.type)} are not supported.`,
      )
    }
    const type = arithmeticType(e.operator, left.type, right.type)
    if (type === null) {
      const message = `Unsupported arithmetic types. ${left.type.kind} ${right.type.kind}`
      throw arithmeticError(e, message, mixedHint(e, left.type, right.type))
    }
    const operand = (side: TypedExpression, own: SqlType): TypedExpression => {
      if (type.kind === 'DECIMAL') return castTo(side, decimalTypeOf(own)!)
      return castTo(side, type)
    }
    return {
      kind: 'arithmetic',
      type,
      operator: e.operator,
      left: operand(left, left.type),
      right: operand(right, right.type),
      failsOnNull: this.#variables.size > 0,
    }
  }

  #comparison(e: Comparison): TypedExpression {
    const left = timeOfText(e.left, e.right) ?? this.type(e.left)
    const right = timeOfText(e.right, e.left) ?? this.type(e.right)
    if (left.type === null || right.type === null) {
      throw new ExpressionError(
        `Comparison with NULL not supported: ${left.type?.kind ?? 'NULL'} ${e.operator} ${right.type?.kind ?? 'NULL'}\n` +
          "Use 'IS NULL' or 'IS NOT NULL' instead.",
        e.location,
        { comparison: e },
      )
    }
    if (!comparable(left.type, e.operator, right.type)) {
      throw new ExpressionError(
        `Cannot compare ${formatExpression(e.left)} (${formatType(left.type)}) to ` +
          `${formatExpression(e.right)} (${formatType(right.type)}) with ${operatorNames[e.operator]}.`,
        e.location,
        { comparison: e, suggestion: mixedHint(e, left.type, right.type) },
      )
    }
    const [a, b] = alignTimes(left, right)
    return {
      kind: 'comparison',
      type: boolean,
      operator: e.operator,
      comparison: comparisonKind(a.type!, b.type!) ?? 'structure',
      left: a,
      right: b,
    }
  }

  #condition(e: Expression, operator: string): TypedExpression {
    const typed = this.type(e)
    if (typed.type === null || typed.type.kind === 'BOOLEAN') return typed
    throw new ExpressionError(
      `${operator} needs BOOLEAN operands, but ${formatExpression(e)} is ${formatType(typed.type)}.`,
      e.location,
    )
  }

  #likeSide(e: Expression): TypedExpression {
    const typed = this.type(e)
    if (typed.type === null || typed.type.kind === 'STRING') return typed
    throw new ExpressionError(
      `The column type for Like condition must be VARCHAR. The column type is ${formatType(typed.type)}`,
      e.location,
    )
  }

  #in(e: InPredicate): TypedExpression {
    const written = [e.value, ...e.items.filter((item) => item.kind !== 'null')].map((item) =>
      this.#written(item),
    )
    const common = commonTypeOfList(written) ?? SqlTypes.STRING
    const [value, ...items] = written.map((item) => convertTo(item, common))
    return {
      kind: 'in',
      type: boolean,
      comparison: comparisonKind(common, common) ?? 'structure',
      value: value!,
      items,
    }
  }

  #case(whens: readonly WhenClause[], otherwise: Expression | null, whole: Expression): TypedExpression {
    let type: SqlType | null = null
    const typed = whens.map((when) => {
      const condition = this.type(when.condition)
      if (condition.type?.kind !== 'BOOLEAN') {
        throw new ExpressionError(
          `WHEN operand type should be boolean.\nType for '${formatExpression(when.condition)}' is ${typeText(condition.type)}`,
          when.condition.location,
        )
      }
      const result = this.type(when.result)
      if (type !== null && result.type !== null && !sameType(type, result.type)) {
        throw new ExpressionError(
          "Invalid Case expression. Type for all 'THEN' clauses should be the same.\n" +
            `THEN expression 'WHEN ${formatExpression(when.condition)} THEN ${formatExpression(when.result)}' ` +
            `has type: ${formatType(result.type)}.\nPrevious THEN expression(s) type: ${formatType(type)}.`,
          when.result.location,
          { suggestion: castHint(when.result, type) },
        )
      }
      type ??= result.type
      return { condition, result }
    })
    const last = otherwise === null ? null : this.type(otherwise)
    const lastType = last?.type ?? null
    const thenType = type as SqlType | null
    if (thenType !== null && lastType !== null && !sameType(thenType, lastType)) {
      throw new ExpressionError(
        "Invalid Case expression. Type for the default clause should be the same as for 'THEN' clauses.\n" +
          `THEN type: ${formatType(thenType)}.\nDEFAULT type: ${formatType(lastType)}.`,
        otherwise!.location,
        { suggestion: castHint(otherwise!, thenType) },
      )
    }
    const result = thenType ?? lastType
    if (result === null) {
      throw new ExpressionError('Invalid Case expression. All case branches have NULL type', whole.location)
    }
    return {
      kind: 'case',
      type: result,
      whens: typed,
      otherwise: last ?? { kind: 'constant', type: result, value: null },
    }
  }

  #cast(e: Expression, type: SqlType, location: Location | null): TypedExpression {
    const operand = this.type(e)
    if (operand.type === null) return { kind: 'constant', type, value: null }
    checkCast(operand.type, type, location)
    if (sameType(operand.type, type)) return operand
    return guarded({ kind: 'cast', type, operand })
  }

  /** Where one type must be had: equal, or a wider number. */
  #implicitCast(typed: TypedExpression, type: SqlType, location: Location | null): TypedExpression {
    if (typed.type === null || sameType(typed.type, type)) return typed
    checkCast(typed.type, type, location)
    return castTo(typed, type)
  }

  // ---------------------------------------------------------------------------------------- constructors

  #written(source: Expression): Written {
    return { source, typed: this.type(source) }
  }

  #list(sources: readonly Expression[], location: Location | null, allNull: string): TypedExpression[] {
    const written = sources.map((item) => this.#written(item))
    const common = commonTypeOfList(written)
    if (common === null) {
      throw new ExpressionError(allNull, location)
    }
    return written.map((item) => guarded(convertTo(item, common)))
  }

  #array(sources: readonly Expression[], location: Location | null): TypedExpression {
    if (sources.length === 0) throw new ExpressionError(emptyConstructor('Array', 'element'), location)
    const items = this.#list(sources, location, allNull('an array', 'elements', 'value'))
    return { kind: 'array', type: SqlTypes.array(items[0]!.type!), items }
  }

  #map(e: Extract<Expression, { kind: 'map' }>): TypedExpression {
    if (e.entries.length === 0)
      throw new ExpressionError(emptyConstructor('Map', 'key value pair'), e.location)
    const keys = this.#list(
      e.entries.map((entry) => entry.key),
      e.location,
      allNull('a map', 'keys', 'key'),
    )
    const values = this.#list(
      e.entries.map((entry) => entry.value),
      e.location,
      allNull('a map', 'values', 'value'),
    )
    return {
      kind: 'map',
      type: SqlTypes.map(keys[0]!.type!, values[0]!.type!),
      entries: keys.map((key, i) => ({ key, value: values[i]! })),
    }
  }

  #struct(e: Extract<Expression, { kind: 'struct' }>): TypedExpression {
    const fields: StructField[] = []
    const values: TypedExpression[] = []
    for (const { name, value } of e.fields) {
      if (fields.some((f) => f.name === name)) {
        throw new ExpressionError(
          `Duplicate field names found in STRUCT: '${formatExpression(e)}'`,
          e.location,
        )
      }
      const typed = this.type(value)
      if (typed.type === null) {
        throw new ExpressionError(
          `Cannot construct a struct with the NULL field ${name}. CAST it to the desired type.`,
          value.location,
        )
      }
      fields.push({ name, type: typed.type })
      values.push(guarded(typed))
    }
    return { kind: 'struct', type: SqlTypes.struct(fields), fields: values }
  }

  // ------------------------------------------------------------------------------------------- functions

  #call(e: FunctionCall): TypedExpression {
    const { functions } = this.#scope
    const kind = functions.kindOf(e.name)
    if (kind === 'AGGREGATE' || kind === 'TABLE') {
      throw new ExpressionError(
        `${kind === 'TABLE' ? 'Table' : 'Aggregate'} function ${e.name} cannot be used here.`,
        e.location,
        {
          suggestion:
            kind === 'TABLE'
              ? 'Table functions stand in the select list alone.'
              : 'Conditions on aggregates belong into HAVING.',
        },
      )
    }
    const written = e.star ? [] : e.args
    const first = written.map((arg) =>
      arg.kind === 'lambda' || arg.kind === 'intervalUnit' ? null : this.type(arg),
    )
    const argTypes = written.map((arg, i): ArgumentType => {
      if (arg.kind === 'lambda') return { kind: 'lambda', arity: arg.parameters.length }
      if (arg.kind === 'intervalUnit') return { kind: 'intervalUnit' }
      return argumentType(first[i]!)
    })
    const parameters = located(e.location, () => functions.selectScalar(e.name, argTypes))
    const args: TypedExpression[] = []
    const generics: Generics = new Map()
    for (const [i, arg] of written.entries()) {
      const parameter = parameterAt(parameters, i, written.length)
      if (arg.kind === 'lambda') {
        const lambda = this.#lambda(arg, parameter.type, generics)
        const inputs = lambda.parameters.map((p) => p.type)
        const result = lambda.body.type ?? SqlTypes.STRING
        argTypes[i] = { kind: 'lambda', arity: inputs.length, types: { inputs, result } }
        args.push(lambda)
      } else {
        args.push(first[i] === null ? unitConstant(arg) : this.#argument(arg, first[i]!, parameter.type))
      }
      // What does not fit is found again, and reported, when the call is resolved with all types known.
      accepts(parameter.type, argTypes[i]!, generics, true)
    }
    const resolved = located(e.location, () => functions.resolveScalar(e.name, argTypes))
    return { kind: 'call', type: resolved.returnType, function: resolved, args }
  }

  #argument(source: Expression, typed: TypedExpression, parameter: ParameterType): TypedExpression {
    const failsAlone = source.kind === 'call' || source.kind === 'dereference'
    const argument = failsAlone ? guarded(typed) : typed
    if (typed.type === null || hasGenerics(parameter)) return argument
    const wanted =
      parameter.kind === 'decimal' ? decimalTypeOf(typed.type) : resolveParameterType(parameter, new Map())
    if (wanted === null || sameType(wanted, typed.type) || wanted.kind === 'STRUCT') return argument
    return guarded(castTo(argument, wanted))
  }

  #lambda(e: Lambda, parameter: ParameterType, generics: Generics): TypedLambda {
    const inputs = parameter.kind === 'lambda' ? parameter.inputs : []
    const outer = this.#variables
    const variables = new Map(outer)
    const parameters: TypedVariable[] = []
    for (const [i, name] of e.parameters.entries()) {
      if (outer.has(name)) {
        throw new ExpressionError(
          `Reusing lambda arguments inside of nested lambda is not allowed. Offending name: ${name}`,
          e.location,
        )
      }
      const type = resolveParameterType(inputs[i]!, generics)
      if (type === null) {
        throw new ExpressionError(
          `The type of lambda parameter ${name} is open: CAST the NULL argument.`,
          e.location,
        )
      }
      const variable: TypedVariable = { kind: 'variable', type, id: this.#variableCount++ }
      variables.set(name, variable)
      parameters.push(variable)
    }
    this.#variables = variables
    try {
      return { kind: 'lambda', type: null, parameters, body: this.type(e.body) }
    } finally {
      this.#variables = outer
    }
  }
}
