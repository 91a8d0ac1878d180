import { civilOf, dayMs, epochDayOf, floorMod, utc, type Zone } from './date-time.js'
import type { Field } from './date-time-fields.js'
import { type Element, elementsOf, type SignStyle } from './date-time-pattern.js'
import { longZoneName, shortZoneName } from './zone-names.js'

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
