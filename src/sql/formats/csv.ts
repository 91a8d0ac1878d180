import { SerializationError } from '../../serde/index.js'

/*
 * One line of comma-separated values, by the rules of the library ksqlDB writes and reads DELIMITED with: a field
 * that begins with a quote ends at the closing one, quotes inside are doubled; all else is taken as it stands.
 */

/** The fields of the first line; empty lines before it are passed over. */
export function splitLine(text: string, delimiter: string): string[] {
  let start = 0
  while (text[start] === '\n' || text[start] === '\r') start++
  if (start === text.length) throw new SerializationError('no fields in the record')
  if (text.includes('"') || /[\r\n]/.test(text)) return splitQuoted(text, start, delimiter)
  return text.split(delimiter)
}

function splitQuoted(text: string, start: number, delimiter: string): string[] {
  const fields: string[] = []
  let at = start
  for (;;) {
    const field = text[at] === '"' ? quotedField(text, at, delimiter) : plainField(text, at, delimiter)
    fields.push(field.value)
    at = field.end
    if (text[at] !== delimiter) return fields
    at++
  }
}

function isLineEnd(character: string | undefined): boolean {
  return character === undefined || character === '\n' || character === '\r'
}

function plainField(text: string, at: number, delimiter: string): { value: string; end: number } {
  let end = at
  while (text[end] !== delimiter && !isLineEnd(text[end])) end++
  return { value: text.slice(at, end), end }
}

function quotedField(text: string, at: number, delimiter: string): { value: string; end: number } {
  let value = ''
  let from = at + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote === -1) throw new SerializationError('a quoted field without end')
    value += text.slice(from, quote)
    if (text[quote + 1] !== '"') {
      let end = quote + 1
      while (text[end] === ' ' && delimiter !== ' ') end++
      if (text[end] !== delimiter && !isLineEnd(text[end])) {
        throw new SerializationError('text after the closing quote of a field')
      }
      return { value, end }
    }
    value += '"'
    from = quote + 2
  }
}

/**
 * Quoted when reading it back would go wrong otherwise. The library is careful at the start of a line, where it
 * quotes all that does not begin with a letter or a digit, negative numbers too.
 */
export function needsQuotes(text: string, delimiter: string, isFirst: boolean): boolean {
  if (text === '') return isFirst
  const first = text.charCodeAt(0)
  const isAlphanumeric =
    (first >= 0x30 && first <= 0x39) || (first >= 0x41 && first <= 0x5a) || (first >= 0x61 && first <= 0x7a)
  if (isFirst && !isAlphanumeric) return true
  if (first <= 0x23) return true
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (character === '\n' || character === '\r' || character === '"' || character === delimiter) return true
  }
  return text.charCodeAt(text.length - 1) <= 0x20
}

export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

// ------------------------------------------------------------------------------------------- delimiters

const named: Readonly<Record<string, string>> = { SPACE: ' ', TAB: '\t' }

/**
 * VALUE_DELIMITER and KEY_DELIMITER: one character, or SPACE or TAB.
 * @throws RangeError with ksqlDB's text
 */
export function parseDelimiter(text: string): string {
  if (text.trim() === '') {
    throw new RangeError(
      'Delimiter cannot be empty, if you meant to have a tab or space for delimiter, please use the special ' +
        "values 'TAB' or 'SPACE'\nExample valid value: ';'",
    )
  }
  if (text.length === 1) return text
  const character = named[text.toUpperCase()]
  if (character !== undefined) return character
  throw new RangeError(
    `Invalid delimiter value: '${text}'. Delimiter must be a single character or TAB,SPACE\nExample valid value: ';'`,
  )
}
