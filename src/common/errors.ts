/**
 * The root of every error Forebay throws on purpose.
 *
 * `code` is stable and meant for programs, `message` for people: what was wrong, where, and what to do.
 * `retriable` is true only where trying the same call again can succeed; it is never a default.
 */
export class ForebayError extends Error {
  readonly code: string
  readonly retriable: boolean

  constructor(code: string, message: string, options: { cause?: unknown; retriable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retriable = options.retriable ?? false
  }
}
