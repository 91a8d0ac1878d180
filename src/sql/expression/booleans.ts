/** `true` and `yes`, or the beginning of one, in any case. */
export function isTrueText(text: string): boolean {
  return text !== '' && ('true'.startsWith(text.toLowerCase()) || 'yes'.startsWith(text.toLowerCase()))
}

/** Null for what is neither the beginning of `true`, `yes` nor of `false`, `no`. */
export function parseBoolean(text: string): boolean | null {
  if (isTrueText(text)) return true
  const lower = text.toLowerCase()
  return text !== '' && ('false'.startsWith(lower) || 'no'.startsWith(lower)) ? false : null
}
