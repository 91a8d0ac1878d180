import type { Serde } from '../../serde/index.js'
import type { TableIndex } from '../../state/index.js'
import type { Expression } from '../ast.js'
import { typeOf } from '../expression/expression-typer.js'
import { columnsScope } from '../expression/scope.js'
import type { FunctionRegistry } from '../functions/registry.js'
import type { ArgumentType } from '../functions/signature.js'
import type { FormatInfo, WindowInfo } from '../metastore.js'
import type { PlanColumn } from '../plan/plan-node.js'
import { explaining } from '../plan/planner-context.js'
import type { SqlType } from '../types.js'
import type { ColumnAccess } from './row-access.js'
import type { ProcessingError } from './stage-report.js'

export interface SerdeRequest {
  readonly format: FormatInfo
  readonly columns: readonly PlanColumn[]
  /** Of a stream, a table or a sink: where its schemas are found. Internal topics and stores have none. */
  readonly topic?: string
  /** Of keys. */
  readonly window?: WindowInfo | null
  /** Of source values: columns nobody else reads may be left null. Null: all. */
  readonly usedColumns?: ReadonlySet<string> | null
}

/** What compiling a plan needs from the engine. */
export interface CompilerOptions {
  readonly queryId: string
  readonly functions: FunctionRegistry
  readonly customType: (name: string) => SqlType | undefined
  readonly keySerde: (request: SerdeRequest) => Serde<unknown>
  readonly valueSerde: (request: SerdeRequest) => Serde<unknown>
  readonly log: (error: ProcessingError) => void
  /** The indexes that a table has, by the names of SQL columns. Default none. */
  readonly indexesOf?: (table: string) => readonly TableIndex[]
  /** `ksql.timestamp.throw.on.invalid` */
  readonly throwOnInvalidTimestamp: boolean
}

export class CompilerContext {
  readonly options: CompilerOptions
  readonly functions: FunctionRegistry
  readonly customType: (name: string) => SqlType | undefined
  readonly explaining = explaining
  #names = 0

  constructor(options: CompilerOptions) {
    this.options = options
    this.functions = options.functions
    this.customType = options.customType
  }

  /** Names of steps and stores, the same for the same plan. */
  newName(what: string): string {
    return `${what}-${this.#names++}`
  }

  tableFunction(
    call: Extract<Expression, { kind: 'call' }>,
    access: ColumnAccess,
  ): (...args: unknown[]) => readonly unknown[] | null {
    const scope = columnsScope(this.functions, access, { customType: this.customType })
    const args: ArgumentType[] = call.args.map((arg) => {
      const type = typeOf(arg, scope)
      return type === null ? { kind: 'null' } : { kind: 'type', type }
    })
    return this.functions.resolveTable(call.name, args).instantiate(this.functions.environment)
  }
}
