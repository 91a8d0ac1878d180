import { ForebayError } from './errors.js'

/** An error as plain data, to be sent to another thread. */
export interface CarriedError {
  /** Of its class. */
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of ForebayErrors; undefined for all others. */
  readonly code: string | undefined
  readonly retriable: boolean
  /** What else the error says of itself: its own properties that are text or numbers. */
  readonly details: Readonly<Record<string, unknown>>
  readonly cause: CarriedError | null
}

export function carryError(error: unknown): CarriedError {
  if (!(error instanceof Error)) {
    const message = String(error)
    return {
      name: 'Error',
      message,
      stack: undefined,
      code: undefined,
      retriable: false,
      details: {},
      cause: null,
    }
  }
  const { name, message, stack, cause } = error
  const known = error instanceof ForebayError
  return {
    name,
    message,
    stack,
    code: known ? error.code : undefined,
    retriable: known && error.retriable,
    details: Object.fromEntries(
      Object.entries(error).filter(([, value]) => typeof value === 'string' || typeof value === 'number'),
    ),
    cause: cause === undefined ? null : carryError(cause),
  }
}

/** The error again, by `restore` where that knows its class; the stack is that of the thread where it was thrown. */
export function restoreError(
  carried: CarriedError,
  restore: (carried: CarriedError) => Error | null = () => null,
): Error {
  const error = restore(carried) ?? anyError(carried)
  if (carried.cause !== null) error.cause = restoreError(carried.cause, restore)
  if (carried.stack !== undefined) error.stack = carried.stack
  return error
}

function anyError({ name, message, code, retriable, details }: CarriedError): Error {
  const error =
    code === undefined
      ? Object.assign(new Error(message), details)
      : new ForebayError(code, message, { retriable })
  error.name = name
  return error
}
