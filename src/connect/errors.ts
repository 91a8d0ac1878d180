import { ForebayError } from '../common/index.js'

/** A connector could not read its source or write its sink. */
export class ConnectError extends ForebayError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('CONNECT', message, options)
  }
}
