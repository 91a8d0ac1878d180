import type { Expression } from '../ast.js'
import { foldConstants } from '../expression/constant-folding.js'
import { typeExpression } from '../expression/expression-typer.js'
import type { ExpressionScope } from '../expression/scope.js'
import { canThrow, type TypedExpression } from '../expression/typed-expression.js'
import type { FunctionEnvironment } from '../functions/registry.js'
import type { SqlType } from '../types.js'
import { Bindings, declare, instantiate } from './bindings.js'
import { CodeGenerator, type CompileOptions } from './code-generator.js'

export { Bindings, instantiate } from './bindings.js'
export type { CompileOptions } from './code-generator.js'

export interface CompiledExpression {
  /** A JavaScript expression; null for SQL null, never undefined. */
  readonly source: string
  /** Declare them with `let` in the function body before the source. */
  readonly temporaries: readonly string[]
  readonly type: SqlType | null
  /** Wrap it in try/catch when true, see `assignment`. */
  readonly canThrow: boolean
}

/** @throws SqlError when the expression does not type. */
export function compileExpression(
  expression: Expression,
  scope: ExpressionScope,
  options: Omit<CompileOptions, 'environment'>,
): CompiledExpression {
  return compileTyped(typeExpression(expression, scope), {
    environment: scope.functions.environment,
    ...options,
  })
}

export function compileTyped(
  expression: TypedExpression,
  options: CompileOptions,
  part = 0,
): CompiledExpression {
  const folded = foldConstants(expression, options.environment)
  const compiler = new CodeGenerator(options, part)
  const source = compiler.value(folded)
  return { source, temporaries: compiler.temporaries, type: expression.type, canThrow: canThrow(folded) }
}

/** Like `compileTyped`, but true only where the SQL value is TRUE, and false otherwise: for WHERE and HAVING. */
export function compileCondition(
  expression: TypedExpression,
  options: CompileOptions,
  part = -1,
): CompiledExpression {
  const folded = foldConstants(expression, options.environment)
  const compiler = new CodeGenerator(options, part)
  const source = compiler.truth(folded)
  return { source, temporaries: compiler.temporaries, type: expression.type, canThrow: canThrow(folded) }
}

/** A statement that assigns the value to `target`; what is thrown is reported and gives `otherwise`. */
export function assignment(
  target: string,
  compiled: CompiledExpression,
  options: CompileOptions,
  part = 0,
  otherwise = 'null',
): string {
  if (!compiled.canThrow) return `${target} = ${compiled.source};`
  const report = reporter(options, part)
  return `try { ${target} = ${compiled.source}; } catch (error) { ${target} = ${otherwise};${report} }`
}

function reporter(options: CompileOptions, part: number): string {
  return options.onError === undefined ? '' : ` ${options.bindings.bind(options.onError)}(error, ${part});`
}

/**
 * A function of the given parameter names, which are what the scope's accessors refer to. What fails is reported
 * and gives null.
 */
export function compileFunction<Arguments extends unknown[]>(
  expression: Expression,
  scope: ExpressionScope,
  parameters: readonly string[],
  onError?: (error: unknown) => void,
): {
  readonly fn: (...args: Arguments) => unknown
  readonly type: SqlType | null
  readonly source: string
} {
  return compileTypedFunction(
    typeExpression(expression, scope),
    scope.functions.environment,
    parameters,
    onError,
  )
}

export function compileTypedFunction<Arguments extends unknown[]>(
  expression: TypedExpression,
  environment: FunctionEnvironment,
  parameters: readonly string[],
  onError?: (error: unknown) => void,
): {
  readonly fn: (...args: Arguments) => unknown
  readonly type: SqlType | null
  readonly source: string
} {
  const options = { bindings: new Bindings(), environment, ...(onError === undefined ? {} : { onError }) }
  const compiled = compileTyped(expression, options)
  const body = compiled.canThrow
    ? `${declare(compiled.temporaries)}let result;\n${assignment('result', compiled, options)}\nreturn result;`
    : `${declare(compiled.temporaries)}return ${compiled.source};`
  return {
    fn: instantiate<(...args: Arguments) => unknown>(parameters, body, options.bindings),
    type: expression.type,
    source: body,
  }
}

export interface ProjectionInput {
  /** Rows for which it is not true are skipped. */
  readonly where?: TypedExpression | null
  readonly columns: readonly TypedExpression[]
  /** Statements for a row that passed, given the sources of its column values. */
  readonly emit: (columns: readonly string[]) => string
  /** Statement that leaves the row. Default `continue;`. */
  readonly skip?: string
}

/**
 * The body of a filter-and-project loop: declarations for before the loop, statements for inside it. Values that
 * cannot fail are written into `emit`'s statements directly; the others go through a try block each.
 */
export function compileProjection(
  input: ProjectionInput,
  options: CompileOptions,
): { readonly declarations: string; readonly body: string } {
  const names: string[] = []
  const statements: string[] = []
  const skip = input.skip ?? 'continue;'
  if (input.where != null) {
    const where = compileCondition(input.where, options)
    names.push(...where.temporaries)
    if (where.canThrow) {
      names.push('keep')
      statements.push(assignment('keep', where, options, -1, 'false'), `if (!keep) ${skip}`)
    } else {
      statements.push(`if (!(${where.source})) ${skip}`)
    }
  }
  const sources = input.columns.map((column, i) => {
    const compiled = compileTyped(column, options, i)
    names.push(...compiled.temporaries)
    if (!compiled.canThrow) return compiled.source
    names.push(`column${i}`)
    statements.push(assignment(`column${i}`, compiled, options, i))
    return `column${i}`
  })
  statements.push(input.emit(sources))
  return { declarations: declare([...new Set(names)]), body: statements.join('\n') }
}
