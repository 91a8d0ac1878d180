/** Continuous SQL: ksqlDB's dialect, parsed, compiled and run on the streams layer. */
export type * from './ast.js'
export {
  assignment,
  Bindings,
  type CompiledExpression,
  type CompileOptions,
  compileCondition,
  compileExpression,
  compileFunction,
  compileProjection,
  compileTyped,
  compileTypedFunction,
  instantiate,
  type ProjectionInput,
} from './compile/expression-compiler.js'
export type { PrintQuery } from './engine/print-topic.js'
export type { ProcessingLogEntry } from './engine/processing-log.js'
export type { PushQuery } from './engine/push-query.js'
export type { QueryRow, TypedRow } from './engine/result-rows.js'
export { shownValues } from './engine/shown-values.js'
export { type ExecutionOutcome, SqlEngine, type SqlEngineOptions } from './engine/sql-engine.js'
export { type SqlParameter, SqlText, sql } from './engine/sql-template.js'
export type { RowObject } from './engine/typed-rows.js'
export { SqlError, type SqlErrorKind } from './errors.js'
export { SqlDecimal } from './expression/decimal.js'
export { ExpressionError } from './expression/expression-error.js'
export { resolveType, typeExpression, typeOf } from './expression/expression-typer.js'
export { type EvaluationContext, evaluate, evaluateConstant } from './expression/interpreter.js'
export { doubleToText, valueToText } from './expression/java-text.js'
export { columnsScope, constantScope, type ExpressionScope, type ScopeColumn } from './expression/scope.js'
export type { TypedExpression } from './expression/typed-expression.js'
export {
  formatExpression,
  formatIdentifier,
  formatQuery,
  formatStatement,
  formatString,
} from './format-sql.js'
export * from './formats/index.js'
export { createFunctionRegistry, type FunctionRegistryOptions } from './functions/built-in.js'
export {
  type AggregateDefinition,
  type AggregateFunction,
  type AggregateSite,
  type AggregateVariant,
  type CallSite,
  type FunctionEnvironment,
  FunctionRegistry,
  type ResolvedAggregate,
  type ResolvedScalar,
  type ResolvedTableFunction,
  type ScalarFunction,
  type ScalarVariant,
  type TableFunctionDefinition,
  type TableFunctionVariant,
} from './functions/registry.js'
export type { NullHandling, SignatureArguments, SqlTypeValue } from './functions/signature-types.js'
export type { UserAggregate, UserScalar, UserTableFunction } from './functions/user-functions.js'
export {
  type ExpectedTokens,
  expectedTokens,
  type ParseOptions,
  parseColumns,
  parseExpression,
  parseScript,
  parseType,
  type SplitScript,
  splitStatements,
  substituteVariables,
} from './parse.js'
export { type Column, type ColumnRole, LogicalSchema } from './schema.js'
export * from './schema-registry/index.js'
export type { ResultColumn, StatementResult } from './statements/statement-result.js'
export { isKeyword, isReservedWord, type SqlToken, type TokenCategory, tokenize } from './tokens.js'
export { formatType, quoteIdentifier, type SqlType, SqlTypes, sameType } from './types.js'
