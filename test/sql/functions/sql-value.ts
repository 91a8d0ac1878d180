import { expect, test } from 'vitest'
import { ManualClock, seededRandom } from '../../../src/common/index.js'
import { compileTypedFunction } from '../../../src/sql/compile/expression-compiler.js'
import { typeExpression } from '../../../src/sql/expression/expression-typer.js'
import { evaluate } from '../../../src/sql/expression/interpreter.js'
import { valueToText } from '../../../src/sql/expression/java-text.js'
import { constantScope } from '../../../src/sql/expression/scope.js'
import { createFunctionRegistry } from '../../../src/sql/functions/built-in.js'
import { parseExpression } from '../../../src/sql/parse.js'
import { formatType } from '../../../src/sql/types.js'

/** A registry whose clock stands at 2020-02-29T12:34:56.789Z. */
export const functions = createFunctionRegistry({
  clock: new ManualClock(Date.UTC(2020, 1, 29, 12, 34, 56, 789)),
  random: seededRandom(42),
  zone: 'Europe/London',
})

export interface SqlValue {
  readonly type: string
  readonly text: string
  /** What failed and became null on the way. */
  readonly errors: readonly string[]
}

/** Evaluates a constant SQL expression by generated code, and checks that the interpreter agrees. */
export function sqlValue(sql: string): SqlValue {
  const typed = typeExpression(parseExpression(sql), constantScope(functions))
  const errors: string[] = []
  const onError = (error: unknown): void => {
    errors.push(error instanceof Error ? error.message : String(error))
  }
  const compiled = compileTypedFunction<[]>(typed, functions.environment, [], onError)
  const text = (value: unknown): string => (typed.type === null ? 'null' : valueToText(value, typed.type))
  const result = text(compiled.fn())
  const interpreted = (): unknown => {
    try {
      return evaluate(typed, { environment: functions.environment })
    } catch {
      return null
    }
  }
  if (!/\b(RANDOM|UUID)\(\)/.test(sql)) expect(text(interpreted()), 'interpreted').toBe(result)
  return { type: typed.type === null ? 'null' : formatType(typed.type), text: result, errors }
}

/** One test for each row: an SQL expression, and its value as CAST(… AS STRING) would print it. */
export function sqlTable(rows: readonly (readonly [sql: string, text: string, type?: string])[]): void {
  test.each(rows.map(([sql, text, type]) => ({ sql, text, type })))(
    '$sql is $text',
    ({ sql, text, type }) => {
      const value = sqlValue(sql)
      expect(value.text).toBe(text)
      if (type !== undefined) expect(value.type).toBe(type)
    },
  )
}
