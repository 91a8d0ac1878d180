import { ForebayError } from '../common/index.js'
import type { Location } from './ast.js'

export type SqlErrorKind = 'parse' | 'statement' | 'function' | 'runtime'

/**
 * A refused statement. `message` is what was wrong; `render()` adds the line and a caret under the word.
 *
 *     Line: 1, Col: 8: Column 'NAEM' cannot be resolved. Did you mean NAME?
 *       SELECT NAEM FROM users EMIT CHANGES;
 *              ^^^^
 */
export class SqlError extends ForebayError {
  readonly kind: SqlErrorKind
  location: Location | null
  /** The whole text that `location` points into. */
  text: string | null
  readonly suggestion: string | null

  constructor(
    message: string,
    options: {
      kind?: SqlErrorKind
      location?: Location | null
      text?: string | null
      suggestion?: string | null
      cause?: unknown
    } = {},
  ) {
    super('SQL', message, options.cause === undefined ? {} : { cause: options.cause })
    this.kind = options.kind ?? 'statement'
    this.location = options.location ?? null
    this.text = options.text ?? null
    this.suggestion = options.suggestion ?? null
  }

  /** Where nothing better is known, the place is the first word of the statement. */
  placeIn(statement: {
    readonly text: string
    readonly script?: string
    readonly location: Location | null
  }): void {
    this.text ??= statement.script ?? statement.text
    const whole = statement.location
    if (whole === null || (this.location !== null && this.location !== whole)) return
    const word = /^\w+/.exec(this.text.slice(whole.start))?.[0] ?? ''
    this.location = { ...whole, end: whole.start + word.length }
  }

  /**
   * What another layer refuses, and what overflows the stack, is a refusal of the statement; faults of the program are
   * left as they are.
   */
  static from(error: unknown): unknown {
    if (error instanceof SqlError) return error
    if (error instanceof ForebayError) return new SqlError(error.message, { cause: error })
    const overflow = error instanceof RangeError && /call stack|Invalid array length/.test(error.message)
    return overflow ? new SqlError('The statement is nested too deeply', { cause: error }) : error
  }

  render(): string {
    const hint = this.suggestion === null ? '' : `\n${this.suggestion}`
    if (this.location === null || this.text === null) return this.message.trimEnd() + hint
    const { line, column, start, end } = this.location
    const source = this.text.split(/\r\n|\n/)[line - 1] ?? ''
    const width = Math.max(1, Math.min(end - start, source.length - column + 1))
    const pad = source.slice(0, column - 1).replace(/[^\t]/g, ' ')
    const place = /\bline:? \d+/i.test(this.message) ? '' : `line ${line}:${column}: `
    return `${place}${this.message.trimEnd()}\n  ${source}\n  ${pad}${'^'.repeat(width)}${hint}`
  }
}
