import { dayMs, daysInMonth, epochDayOf, fixedZone, isLeapYear, type Zone } from './date-time.js'

/** Names of what a pattern letter stands for. */
export type Field =
  | 'era'
  | 'year'
  | 'yearOfEra'
  | 'weekYear'
  | 'month'
  | 'quarter'
  | 'weekOfYear'
  | 'weekOfMonth'
  | 'day'
  | 'dayOfYear'
  | 'dayOfWeek'
  | 'alignedWeekOfMonth'
  | 'hour'
  | 'clockHour'
  | 'hourOfAmPm'
  | 'clockHourOfAmPm'
  | 'amPm'
  | 'minute'
  | 'second'
  | 'milli'
  | 'milliOfDay'
  | 'nanoOfSecond'
  | 'nanoOfDay'
  | 'offsetSeconds'

/** What a text said, by field. */
export class DateTimeFields extends Map<Field, number> {
  zone: Zone | null = null
}

const timeFields: readonly Field[] = [
  'hour',
  'clockHour',
  'hourOfAmPm',
  'clockHourOfAmPm',
  'amPm',
  'minute',
  'second',
  'milliOfDay',
  'nanoOfSecond',
  'nanoOfDay',
]

export function hasTime(fields: DateTimeFields): boolean {
  return timeFields.some((field) => fields.has(field))
}

export function hasDate(fields: DateTimeFields): boolean {
  return [...fields.keys()].some((field) => !timeFields.includes(field) && field !== 'offsetSeconds')
}

function within(field: Field, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value
  throw new RangeError(`Invalid value for ${field} (valid values ${low} - ${high}): ${value}`)
}

/** What is missing is taken from 1970-01-01. Days past the end of a month of fewer than 31 give its last day. */
export function resolveDate(fields: DateTimeFields): number {
  const year = resolveYear(fields)
  const dayOfYear = fields.get('dayOfYear')
  if (dayOfYear !== undefined && !fields.has('month')) {
    if (dayOfYear === 366 && year === null) {
      throw new RangeError('Leap day cannot be parsed without supplying the year field')
    }
    return (
      epochDayOf(year ?? 1970, 1, 1) +
      within('dayOfYear', dayOfYear, 1, isLeapYear(year ?? 1970) ? 366 : 365) -
      1
    )
  }
  const weekOfYear = fields.get('weekOfYear')
  if (weekOfYear !== undefined && fields.has('weekYear')) {
    const fourth = epochDayOf(fields.get('weekYear')!, 1, 4)
    const monday = fourth - ((((fourth + 3) % 7) + 7) % 7)
    return monday + (within('weekOfYear', weekOfYear, 1, 53) - 1) * 7 + (fields.get('dayOfWeek') ?? 1) - 1
  }
  const quarter = fields.get('quarter')
  const month = within('month', fields.get('month') ?? (quarter === undefined ? 1 : quarter * 3 - 2), 1, 12)
  const day = within('day', fields.get('day') ?? 1, 1, 31)
  const epochDay = epochDayOf(year ?? 1970, month, Math.min(day, daysInMonth(year ?? 1970, month)))
  const dayOfWeek = fields.get('dayOfWeek')
  if (dayOfWeek !== undefined && fields.has('day') && (((epochDay + 3) % 7) + 7) % 7 !== dayOfWeek - 1) {
    throw new RangeError('The day of the week and the date do not agree')
  }
  return epochDay
}

function resolveYear(fields: DateTimeFields): number | null {
  const year = fields.get('year')
  if (year !== undefined) return year
  const ofEra = fields.get('yearOfEra')
  if (ofEra === undefined) return null
  return fields.get('era') === 0 ? 1 - ofEra : ofEra
}

/** ms of the day; `nextDay` is true for 24:00. */
export function resolveTime(fields: DateTimeFields): { readonly ms: number; readonly nextDay: boolean } {
  const nanoOfDay = fields.get('nanoOfDay')
  if (nanoOfDay !== undefined) return { ms: Math.floor(nanoOfDay / 1e6), nextDay: false }
  const milliOfDay = fields.get('milliOfDay')
  if (milliOfDay !== undefined) return { ms: within('milliOfDay', milliOfDay, 0, dayMs - 1), nextDay: false }
  const minute = within('minute', fields.get('minute') ?? 0, 0, 59)
  const second = within('second', fields.get('second') ?? 0, 0, 59)
  const milli = Math.floor(within('nanoOfSecond', fields.get('nanoOfSecond') ?? 0, 0, 999_999_999) / 1e6)
  const hour = resolveHour(fields)
  if (hour === 24 && minute + second + milli === 0) return { ms: 0, nextDay: true }
  return { ms: ((within('hour', hour, 0, 23) * 60 + minute) * 60 + second) * 1000 + milli, nextDay: false }
}

function resolveHour(fields: DateTimeFields): number {
  const hour = fields.get('hour')
  if (hour !== undefined) return hour
  const clockHour = fields.get('clockHour')
  if (clockHour !== undefined) return within('clockHour', clockHour, 1, 24) % 24
  const clockHourOfAmPm = fields.get('clockHourOfAmPm')
  const hourOfAmPm =
    clockHourOfAmPm === undefined
      ? fields.get('hourOfAmPm')
      : within('clockHourOfAmPm', clockHourOfAmPm, 1, 12) % 12
  if (hourOfAmPm === undefined && !fields.has('amPm')) return 0
  return within('hourOfAmPm', hourOfAmPm ?? 0, 0, 11) + (fields.get('amPm') ?? 0) * 12
}

/** ms since the epoch; `zone` holds where the text names none. */
export function resolveTimestamp(fields: DateTimeFields, zone: Zone): number {
  const { ms, nextDay } = resolveTime(fields)
  const local = (resolveDate(fields) + (nextDay ? 1 : 0)) * dayMs + ms
  const offset = fields.get('offsetSeconds')
  if (fields.zone !== null) return fields.zone.toEpochMs(local)
  return (offset === undefined ? zone : fixedZone('', offset * 1000)).toEpochMs(local)
}
