import { civilOf, dayMs, epochDayOf, floorMod, utc, type Zone } from './date-time.js'
import { DateTimeFields, type Field } from './date-time-fields.js'
import { longZoneName, parseZoneName, shortZoneName } from './zone-names.js'

/*
 * Patterns of java.time.format.DateTimeFormatter, in English and without regard to case when parsing:
 * `yyyy-MM-dd'T'HH:mm:ss.SSSX`, `dd-MMM-yyyy[ HH:mm]`.
 */

type SignStyle = 'never' | 'normal' | 'exceedsPad'

type Element =
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

// ------------------------------------------------------------------------------------------------ reading

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
function elementsOf(pattern: string): readonly Element[] {
  let elements = cache.get(pattern)
  if (elements === undefined) {
    elements = readPattern(pattern)
    if (cache.size > 1000) cache.clear()
    cache.set(pattern, elements)
  }
  return elements
}

// ---------------------------------------------------------------------------------------------- formatting

/** What the value has: a DATE no hours, a TIME no days, neither a zone. */
export type Parts = 'date' | 'time' | 'timestamp'

interface Moment {
  readonly localMs: number
  readonly epochMs: number
  readonly zone: Zone
  readonly parts: Parts
}

/** @throws RangeError for a bad pattern, or one that asks for parts the value does not have. */
export function formatPattern(pattern: string, epochMs: number, parts: Parts, zone: Zone = utc): string {
  const moment = { epochMs, localMs: epochMs + zone.offsetAt(epochMs), zone, parts }
  return formatElements(elementsOf(pattern), moment)
}

function formatElements(elements: readonly Element[], moment: Moment): string {
  let text = ''
  for (const element of elements) text += formatElement(element, moment)
  return text
}

function formatElement(element: Element, moment: Moment): string {
  switch (element.kind) {
    case 'literal':
      return element.text
    case 'number':
      return formatNumber(fieldOf(element.field, moment), element.min, element.sign)
    case 'reducedYear':
      return String(floorMod(fieldOf(element.field, moment), 100)).padStart(2, '0')
    case 'fraction':
      return String(fieldOf('milli', moment))
        .padStart(3, '0')
        .padEnd(element.width, '0')
        .slice(0, element.width)
    case 'text':
      return element.names[fieldOf(element.field, moment) - element.first]!
    case 'optional':
      try {
        return formatElements(element.elements, moment)
      } catch (error) {
        if (error instanceof RangeError) return ''
        throw error
      }
  }
  if (moment.parts !== 'timestamp') throw new RangeError('Unsupported field: the value has no time zone')
  const offsetMs = moment.zone.offsetAt(moment.epochMs)
  switch (element.kind) {
    case 'offset':
      return formatOffset(offsetMs, element.form, element.zero)
    case 'localizedOffset':
      return formatLocalizedOffset(offsetMs, element.full)
    case 'zoneId':
      return moment.zone.id
    case 'zoneName':
      return element.full
        ? longZoneName(moment.zone, moment.epochMs)
        : shortZoneName(moment.zone, moment.epochMs)
  }
}

function formatNumber(value: number, min: number, sign: SignStyle): string {
  const digits = String(Math.abs(value)).padStart(min, '0')
  if (value < 0) return `-${digits}`
  return sign === 'exceedsPad' && digits.length > min ? `+${digits}` : digits
}

function formatOffset(offsetMs: number, form: string, zero: string): string {
  const total = Math.round(Math.abs(offsetMs) / 1000)
  if (total === 0) return zero
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60].map(
    (part) => String(part).padStart(2, '0'),
  ) as [string, string, string]
  const colon = form.includes(':') ? ':' : ''
  let text = `${offsetMs < 0 ? '-' : '+'}${hours}`
  if (form !== '+HHmm' || minutes !== '00') text += colon + minutes
  if (form.endsWith('ss') && seconds !== '00') text += colon + seconds
  return text
}

function formatLocalizedOffset(offsetMs: number, full: boolean): string {
  const total = Math.round(Math.abs(offsetMs) / 1000)
  if (total === 0) return 'GMT'
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor(total / 60) % 60
  const sign = offsetMs < 0 ? '-' : '+'
  const tail = full || minutes > 0 ? `:${String(minutes).padStart(2, '0')}` : ''
  return `GMT${sign}${full ? String(hours).padStart(2, '0') : hours}${tail}`
}

const dateFields: ReadonlySet<Field> = new Set<Field>([
  'era',
  'year',
  'yearOfEra',
  'weekYear',
  'month',
  'quarter',
  'weekOfYear',
  'weekOfMonth',
  'day',
  'dayOfYear',
  'dayOfWeek',
  'alignedWeekOfMonth',
])

function fieldOf(field: Field, moment: Moment): number {
  const ofDate = dateFields.has(field)
  if (moment.parts === (ofDate ? 'time' : 'date')) throw new RangeError(`Unsupported field: ${field}`)
  const day = Math.floor(moment.localMs / dayMs)
  return ofDate ? dateField(field, day) : timeField(field, moment.localMs - day * dayMs)
}

function timeField(field: Field, msOfDay: number): number {
  const hour = Math.floor(msOfDay / 3_600_000)
  switch (field) {
    case 'hour':
      return hour
    case 'clockHour':
      return hour === 0 ? 24 : hour
    case 'hourOfAmPm':
      return hour % 12
    case 'clockHourOfAmPm':
      return hour % 12 === 0 ? 12 : hour % 12
    case 'amPm':
      return hour < 12 ? 0 : 1
    case 'minute':
      return Math.floor(msOfDay / 60_000) % 60
    case 'second':
      return Math.floor(msOfDay / 1000) % 60
    case 'milli':
      return msOfDay % 1000
    case 'milliOfDay':
      return msOfDay
    case 'nanoOfSecond':
      return (msOfDay % 1000) * 1_000_000
    case 'nanoOfDay':
      return msOfDay * 1_000_000
    default:
      throw new RangeError(`Unsupported field: ${field}`)
  }
}

function dateField(field: Field, epochDay: number): number {
  const { year, month, day } = civilOf(epochDay)
  const dayOfYear = epochDay - epochDayOf(year, 1, 1) + 1
  switch (field) {
    case 'era':
      return year > 0 ? 1 : 0
    case 'year':
      return year
    case 'yearOfEra':
      return year > 0 ? year : 1 - year
    case 'month':
      return month
    case 'quarter':
      return Math.floor((month - 1) / 3) + 1
    case 'day':
      return day
    case 'dayOfYear':
      return dayOfYear
    case 'dayOfWeek':
      return floorMod(epochDay + 3, 7) + 1
    case 'alignedWeekOfMonth':
      return Math.floor((day - 1) / 7) + 1
    case 'weekOfMonth':
      return Math.floor((day - 1 + floorMod(epochDay - day + 4, 7)) / 7) + 1
    case 'weekYear':
    case 'weekOfYear': {
      // ISO weeks: the Thursday of the week decides to which year it belongs.
      const thursday = epochDay - floorMod(epochDay + 3, 7) + 3
      const weekYear = civilOf(thursday).year
      return field === 'weekYear' ? weekYear : Math.floor((thursday - epochDayOf(weekYear, 1, 1)) / 7) + 1
    }
    default:
      throw new RangeError(`Unsupported field: ${field}`)
  }
}

// ------------------------------------------------------------------------------------------------- parsing

interface ParseState {
  readonly text: string
  readonly fields: DateTimeFields
}

/**
 * The fields the text gives, not yet brought together.
 * @throws RangeError when text and pattern do not agree.
 */
export function parsePattern(pattern: string, text: string): DateTimeFields {
  const state: ParseState = { text, fields: new DateTimeFields() }
  const end = parseElements(elementsOf(pattern), state, 0)
  if (end < 0) throw new RangeError(`Text '${text}' could not be parsed at index ${-end - 1}`)
  if (end < text.length) {
    throw new RangeError(`Text '${text}' could not be parsed, unparsed text found at index ${end}`)
  }
  return state.fields
}

/** The position after the match, or `-1 - position` of what does not fit. */
function parseElements(elements: readonly Element[], state: ParseState, start: number): number {
  let at = start
  for (const element of elements) {
    at = parseElement(element, state, at)
    if (at < 0) return at
  }
  return at
}

function parseElement(element: Element, state: ParseState, at: number): number {
  const { text } = state
  switch (element.kind) {
    case 'literal': {
      const found = text.slice(at, at + element.text.length)
      return found.toLowerCase() === element.text.toLowerCase() ? at + element.text.length : -1 - at
    }
    case 'number':
      return parseNumber(element, state, at)
    case 'reducedYear': {
      if (!/^\d\d$/.test(text.slice(at, at + 2))) return -1 - at
      return store(state, element.field, 2000 + Number(text.slice(at, at + 2)), at, at + 2)
    }
    case 'fraction': {
      const digits = text.slice(at, at + element.width)
      if (digits.length < element.width || !/^\d+$/.test(digits)) return -1 - at
      return store(state, 'nanoOfSecond', Number(digits.padEnd(9, '0')), at, at + element.width)
    }
    case 'text':
      return parseText(element, state, at)
    case 'optional': {
      const before = new Map(state.fields)
      const end = parseElements(element.elements, state, at)
      if (end >= 0) return end
      state.fields.clear()
      for (const [field, value] of before) state.fields.set(field, value)
      return at
    }
    case 'offset':
      return parseOffset(element, state, at)
    case 'localizedOffset': {
      if (text.slice(at, at + 3).toUpperCase() !== 'GMT') return -1 - at
      const match = /^([+-])(\d{1,2})(?::?(\d\d))?/.exec(text.slice(at + 3))
      if (match === null) return store(state, 'offsetSeconds', 0, at, at + 3)
      const [all, sign, hours, minutes = '0'] = match
      const seconds = (Number(hours) * 3600 + Number(minutes) * 60) * (sign === '-' ? -1 : 1)
      return store(state, 'offsetSeconds', seconds, at, at + 3 + all.length)
    }
    case 'zoneId':
    case 'zoneName': {
      const found = parseZoneName(text.slice(at), element.kind === 'zoneName')
      if (found === null) return -1 - at
      state.fields.zone = found.zone
      return at + found.length
    }
  }
}

function store(state: ParseState, field: Field, value: number, at: number, end: number): number {
  const known = state.fields.get(field)
  if (known !== undefined && known !== value) return -1 - at
  state.fields.set(field, value)
  return end
}

function parseNumber(element: Extract<Element, { kind: 'number' }>, state: ParseState, at: number): number {
  const { text } = state
  const signed = text[at] === '-' || text[at] === '+'
  if (signed && element.sign === 'never') return -1 - at
  if (text[at] === '+' && element.sign !== 'exceedsPad') return -1 - at
  const start = signed ? at + 1 : at
  let count = 0
  while (count < element.max + element.reserve && /^\d$/.test(text.charAt(start + count))) count++
  if (element.reserve > 0) count = Math.max(element.min, count - element.reserve)
  count = Math.min(count, element.max)
  const digits = text.slice(start, start + count)
  if (digits.length < element.min || !/^\d+$/.test(digits)) return -1 - at
  if (element.sign === 'exceedsPad') {
    if (text[at] === '+' && count <= element.min) return -1 - at
    if (!signed && count > element.min) return -1 - at
  }
  const value = Number(digits)
  return store(state, element.field, text[at] === '-' ? -value : value, at, start + count)
}

function parseText(element: Extract<Element, { kind: 'text' }>, state: ParseState, at: number): number {
  const rest = state.text.slice(at).toLowerCase()
  let best = -1
  for (const [i, name] of element.names.entries()) {
    const longer = best === -1 || name.length > element.names[best]!.length
    if (longer && rest.startsWith(name.toLowerCase())) best = i
  }
  if (best === -1) return -1 - at
  return store(state, element.field, best + element.first, at, at + element.names[best]!.length)
}

const offsetForms: Readonly<Record<string, RegExp>> = {
  '+HHmm': /^([+-])(\d\d)(\d\d)?/,
  '+HHMM': /^([+-])(\d\d)(\d\d)/,
  '+HH:MM': /^([+-])(\d\d):(\d\d)/,
  '+HHMMss': /^([+-])(\d\d)(\d\d)(\d\d)?/,
  '+HH:MM:ss': /^([+-])(\d\d):(\d\d)(?::(\d\d))?/,
}

function parseOffset(element: Extract<Element, { kind: 'offset' }>, state: ParseState, at: number): number {
  const rest = state.text.slice(at)
  const match = offsetForms[element.form]!.exec(rest)
  if (match !== null) {
    const [all, sign, hours, minutes = '0', seconds = '0'] = match
    const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
    return store(state, 'offsetSeconds', sign === '-' ? -size : size, at, at + all.length)
  }
  if (rest.slice(0, element.zero.length).toLowerCase() !== element.zero.toLowerCase()) return -1 - at
  return store(state, 'offsetSeconds', 0, at, at + element.zero.length)
}
