import type { Case } from './cases.js'

/** Whether an error is the one a case expects; what differs, or null. */
export function errorDifference(c: Case, error: unknown): string | null {
  const found = messagesOf(error)
  const message = `${error instanceof Error ? error.constructor.name : 'error'}: ${found[0]}`
  if (c.expectedError === null) return `threw ${message}`
  const wanted = c.expectedError.message
  if (wanted === null) return null
  const texts = found.flatMap((text) => [text, ...c.statements.map((s) => `${text}\nStatement: ${s}`)])
  return texts.some((text) => text.includes(wanted))
    ? null
    : `wrong error: expected ${wanted} | found ${message}`
}

function messagesOf(error: unknown): string[] {
  const messages: string[] = []
  for (let e = error; e instanceof Error; e = e.cause) messages.push(e.message)
  return messages.length === 0 ? [String(error)] : messages
}
