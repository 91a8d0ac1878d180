import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bindings, instantiate } from '../../../src/sql/compile/bindings.js'
import { compileCondition, compileTypedFunction } from '../../../src/sql/compile/expression-compiler.js'
import { typeExpression } from '../../../src/sql/expression/expression-typer.js'
import { evaluate } from '../../../src/sql/expression/interpreter.js'
import { valueToText } from '../../../src/sql/expression/java-text.js'
import { columnsScope } from '../../../src/sql/expression/scope.js'
import { parseExpression } from '../../../src/sql/parse.js'
import type { SqlType } from '../../../src/sql/types.js'
import { functions } from '../functions/sql-value.js'
import { columns, expressions, rows } from './random-expressions.js'

const scope = columnsScope(functions, columns)

function interpreted(sql: string, row: readonly unknown[]): unknown {
  const column = (accessor: string): unknown => row[Number(/\d+/.exec(accessor)![0])]
  try {
    return evaluate(typeExpression(parseExpression(sql), scope), {
      environment: functions.environment,
      column,
    })
  } catch {
    return null
  }
}

/** Whole numbers are never -0 nor a bigint that a number could hold; nothing is undefined. */
function checkRepresentation(value: unknown, type: SqlType): void {
  if (value === null) return
  if (type.kind === 'INTEGER') {
    expect(Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value as number) <= 2 ** 31).toBe(
      true,
    )
  }
  if (type.kind === 'BIGINT') {
    if (typeof value === 'bigint') {
      expect(BigInt.asIntN(64, value)).toBe(value)
      expect(Number.isSafeInteger(Number(value))).toBe(false)
    } else {
      expect(Number.isSafeInteger(value) && !Object.is(value, -0)).toBe(true)
    }
  }
  if (type.kind === 'ARRAY') for (const item of value as unknown[]) checkRepresentation(item, type.element)
}

describe('generated code', () => {
  test('gives the value the interpreter gives, for random expressions and rows', () => {
    fc.assert(
      fc.property(expressions, fc.array(rows, { minLength: 1, maxLength: 4 }), (sql, data) => {
        const typed = typeExpression(parseExpression(sql), scope)
        const { fn } = compileTypedFunction<[readonly unknown[]]>(typed, functions.environment, ['r'])
        for (const row of data) {
          const value = fn(row)
          expect(valueToText(value, typed.type!)).toBe(valueToText(interpreted(sql, row), typed.type!))
          checkRepresentation(value, typed.type!)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('a condition is true exactly where the value is TRUE', () => {
    fc.assert(
      fc.property(expressions, expressions, rows, (a, b, row) => {
        const sql = `(${a}) IS NULL OR NOT ((${b}) IS NOT NULL AND CAST(NULL AS BOOLEAN))`
        const options = { bindings: new Bindings(), environment: functions.environment }
        const compiled = compileCondition(typeExpression(parseExpression(sql), scope), options)
        const body = `let ${['unused', ...compiled.temporaries].join(', ')}; return ${compiled.source}`
        const fn = instantiate<(r: readonly unknown[]) => boolean>(['r'], body, options.bindings)
        let result = false
        try {
          result = fn(row)
        } catch {
          // As where an expression fails: the row does not pass.
        }
        expect(result).toBe(interpreted(sql, row) === true)
      }),
      { numRuns: 500 },
    )
  })
})
