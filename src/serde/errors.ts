import { ForebayError } from '../common/index.js'

/** A value could not be turned into bytes, or bytes into a value. */
export class SerializationError extends ForebayError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('SERIALIZATION', message, options)
  }
}
