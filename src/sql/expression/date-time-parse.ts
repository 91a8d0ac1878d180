import { DateTimeFields, type Field } from './date-time-fields.js'
import { type Element, elementsOf } from './date-time-pattern.js'
import { parseZoneName } from './zone-names.js'

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
