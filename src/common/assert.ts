/** Programmer errors are asserted; operating errors are typed and returned or thrown as `ForebayError`. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/** Closes an exhaustive `switch`: a forgotten case does not compile. */
export function assertNever(value: never): never {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`)
}
