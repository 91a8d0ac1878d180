import type { Field } from './date-time-fields.js'

/*
 * Patterns of java.time.format.DateTimeFormatter, in English and without regard to case when parsing:
 * `yyyy-MM-dd'T'HH:mm:ss.SSSX`, `dd-MMM-yyyy[ HH:mm]`.
 */

export type SignStyle = 'never' | 'normal' | 'exceedsPad'

export type Element =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      kind: 'number'
      readonly field: Field
      readonly min: number
      readonly max: number
      readonly sign: SignStyle
      reserve: number
    }
  | { readonly kind: 'reducedYear'; readonly field: Field }
  | { readonly kind: 'fraction'; readonly width: number }
  | {
      readonly kind: 'text'
      readonly field: Field
      readonly names: readonly string[]
      readonly first: number
    }
  | { readonly kind: 'offset'; readonly form: string; readonly zero: string }
  | { readonly kind: 'localizedOffset'; readonly full: boolean }
  | { readonly kind: 'zoneId' }
  | { readonly kind: 'zoneName'; readonly full: boolean }
  | { readonly kind: 'optional'; readonly elements: readonly Element[] }

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const short = (names: readonly string[]): string[] => names.map((name) => name.slice(0, 3))
const narrow = (names: readonly string[]): string[] => names.map((name) => name.slice(0, 1))

function patternError(message: string): RangeError {
  return new RangeError(message)
}

function tooMany(letter: string): RangeError {
  return patternError(`Too many pattern letters: ${letter}`)
}

function number(field: Field, min: number, max = min, sign: SignStyle = 'never'): Element {
  return { kind: 'number', field, min, max, sign, reserve: 0 }
}

/** One or two letters: as many digits as needed, or exactly two. */
function shortNumber(field: Field, letter: string, count: number): Element {
  if (count === 1) return number(field, 1, 19, 'normal')
  if (count === 2) return number(field, 2)
  throw tooMany(letter)
}

function yearElement(field: Field, count: number): Element {
  if (count === 2) return { kind: 'reducedYear', field }
  return number(field, count, 19, count < 4 ? 'normal' : 'exceedsPad')
}

function textElement(field: Field, names: readonly string[], count: number, letter: string): Element {
  const forms = [short(names), short(names), short(names), names, narrow(names)]
  const form = forms[count - 1]
  if (form === undefined) throw tooMany(letter)
  return { kind: 'text', field, names: form, first: 1 }
}

const quarterNames = [
  ['Q1', 'Q2', 'Q3', 'Q4'],
  ['1st quarter', '2nd quarter', '3rd quarter', '4th quarter'],
  ['1', '2', '3', '4'],
]

const eraNames = [
  ['BC', 'AD'],
  ['Before Christ', 'Anno Domini'],
  ['B', 'A'],
]

function offsetElement(letter: string, count: number): Element {
  if (letter === 'Z') {
    if (count <= 3) return { kind: 'offset', form: '+HHMM', zero: '+0000' }
    if (count === 4) return { kind: 'localizedOffset', full: true }
    if (count === 5) return { kind: 'offset', form: '+HH:MM:ss', zero: 'Z' }
    throw tooMany(letter)
  }
  const form = ['+HHmm', '+HHMM', '+HH:MM', '+HHMMss', '+HH:MM:ss'][count - 1]
  if (form === undefined) throw tooMany(letter)
  const zero = letter === 'X' ? 'Z' : count === 1 ? '+00' : count % 2 === 0 ? '+0000' : '+00:00'
  return { kind: 'offset', form, zero }
}

function letterElement(letter: string, count: number): Element {
  switch (letter) {
    case 'u':
      return yearElement('year', count)
    case 'y':
      return yearElement('yearOfEra', count)
    case 'Y':
      return yearElement('weekYear', count)
    case 'M':
    case 'L':
      return count <= 2 ? shortNumber('month', letter, count) : textElement('month', months, count, letter)
    case 'Q':
    case 'q': {
      if (count <= 2) return shortNumber('quarter', letter, count)
      const names = quarterNames[count - 3]
      if (names === undefined) throw tooMany(letter)
      return { kind: 'text', field: 'quarter', names, first: 1 }
    }
    case 'w':
      return shortNumber('weekOfYear', letter, count)
    case 'W':
      if (count > 1) throw tooMany(letter)
      return number('weekOfMonth', 1)
    case 'E':
      return textElement('dayOfWeek', days, count, letter)
    case 'e':
    case 'c':
      return count <= 2
        ? shortNumber('dayOfWeek', letter, count)
        : textElement('dayOfWeek', days, count, letter)
    case 'a':
      if (count > 1) throw tooMany(letter)
      return { kind: 'text', field: 'amPm', names: ['AM', 'PM'], first: 0 }
    case 'G': {
      const names = count <= 3 ? eraNames[0] : eraNames[count - 3]
      if (names === undefined) throw tooMany(letter)
      return { kind: 'text', field: 'era', names, first: 0 }
    }
    case 'd':
      return shortNumber('day', letter, count)
    case 'h':
      return shortNumber('clockHourOfAmPm', letter, count)
    case 'H':
      return shortNumber('hour', letter, count)
    case 'k':
      return shortNumber('clockHour', letter, count)
    case 'K':
      return shortNumber('hourOfAmPm', letter, count)
    case 'm':
      return shortNumber('minute', letter, count)
    case 's':
      return shortNumber('second', letter, count)
    case 'D':
      if (count > 3) throw tooMany(letter)
      return count === 1 ? number('dayOfYear', 1, 19, 'normal') : number('dayOfYear', count, 3)
    case 'F':
      if (count > 1) throw tooMany(letter)
      return number('alignedWeekOfMonth', 1, 19, 'normal')
    case 'S':
      if (count > 9) throw tooMany(letter)
      return { kind: 'fraction', width: count }
    case 'A':
      return number('milliOfDay', count, 19)
    case 'n':
      return number('nanoOfSecond', count, 19)
    case 'N':
      return number('nanoOfDay', count, 19)
    case 'V':
      if (count !== 2) throw patternError(`Pattern letter count must be 2: ${letter}`)
      return { kind: 'zoneId' }
    case 'v':
    case 'z':
      if (count > 4) throw tooMany(letter)
      return { kind: 'zoneName', full: count === 4 }
    case 'O':
      if (count !== 1 && count !== 4) throw patternError(`Pattern letter count must be 1 or 4: ${letter}`)
      return { kind: 'localizedOffset', full: count === 4 }
    case 'X':
    case 'x':
    case 'Z':
      return offsetElement(letter, count)
    default:
      throw patternError(`Unknown pattern letter: ${letter}`)
  }
}

function quotedEnd(pattern: string, start: number): number {
  for (let i = start + 1; i < pattern.length; i++) {
    if (pattern[i] !== "'") continue
    if (pattern[i + 1] !== "'") return i
    i++
  }
  return -1
}

function readPattern(pattern: string): Element[] {
  const stack: Element[][] = [[]]
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    const elements = stack.at(-1)!
    if (/[A-Za-z]/.test(char)) {
      let end = i + 1
      while (pattern[end] === char) end++
      elements.push(letterElement(char, end - i))
      i = end - 1
    } else if (char === "'") {
      const end = quotedEnd(pattern, i)
      // An open quote runs to the end.
      const text = end === -1 ? pattern.slice(i + 1) : pattern.slice(i + 1, end)
      elements.push({ kind: 'literal', text: end === i + 1 ? "'" : text.replaceAll("''", "'") })
      i = end === -1 ? pattern.length : end
    } else if (char === '[') {
      stack.push([])
    } else if (char === ']') {
      if (stack.length === 1) throw patternError('Pattern invalid as it contains ] without previous [')
      stack.pop()
      stack.at(-1)!.push({ kind: 'optional', elements })
    } else if (char === '{' || char === '}' || char === '#') {
      throw patternError(`Pattern includes reserved character: '${char}'`)
    } else {
      elements.push({ kind: 'literal', text: char })
    }
  }
  while (stack.length > 1) {
    const elements = stack.pop()!
    stack.at(-1)!.push({ kind: 'optional', elements })
  }
  reserveWidths(stack[0]!)
  return stack[0]!
}

/** In `yyyyMMdd` the year must leave four digits to what follows it. */
function reserveWidths(elements: readonly Element[]): void {
  let reserve = 0
  for (let i = elements.length - 1; i >= 0; i--) {
    const element = elements[i]!
    if (element.kind === 'optional') reserveWidths(element.elements)
    const width =
      element.kind === 'fraction'
        ? element.width
        : element.kind === 'reducedYear'
          ? 2
          : element.kind === 'number' && element.min === element.max
            ? element.min
            : 0
    if (element.kind === 'number' && width === 0) element.reserve = reserve
    reserve = width === 0 ? 0 : reserve + width
  }
}

const cache = new Map<string, readonly Element[]>()

/** @throws RangeError for a pattern that is none. */
export function elementsOf(pattern: string): readonly Element[] {
  let elements = cache.get(pattern)
  if (elements === undefined) {
    elements = readPattern(pattern)
    if (cache.size > 1000) cache.clear()
    cache.set(pattern, elements)
  }
  return elements
}
