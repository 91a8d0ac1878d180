import type { Expression, Location } from '../ast.js'
import { SqlError } from '../errors.js'

/**
 * An expression that is refused. ksqlDB finds some faults while it types an expression ("Error in WHERE expression:
 * …") and others only when it makes code of it ("Invalid Predicate: …", "Invalid Select: …"); `stage` lets the
 * planner word it alike.
 */
export class ExpressionError extends SqlError {
  readonly stage: 'typing' | 'compilation'
  /** The comparison that is at fault, where it is one. */
  readonly comparison: Expression | null

  constructor(
    message: string,
    location: Location | null,
    options: {
      readonly stage?: 'typing' | 'compilation'
      readonly suggestion?: string | null
      readonly comparison?: Expression
    } = {},
  ) {
    super(message, { location, suggestion: options.suggestion ?? null })
    this.stage = options.stage ?? 'typing'
    this.comparison = options.comparison ?? null
  }
}
