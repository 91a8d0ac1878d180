import { createRequire } from 'node:module'
import { Instant, LocalDateTime, ZoneId, ZoneOffset, type ZoneRules } from '@js-joda/core'

/*
 * DATE is days since the epoch, TIME ms of the day, TIMESTAMP ms since the epoch; none has a zone. The calendar is
 * the proleptic Gregorian one.
 */

export const dayMs = 86_400_000

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

export function epochDayOf(year: number, month: number, day: number): number {
  // Years begin in March, so that the leap day comes last.
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

export function civilOf(epochDay: number): CivilDate {
  const shifted = epochDay + 719468
  const era = Math.floor(shifted / 146097)
  const dayOfEra = shifted - era * 146097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Like `%`, but never negative. */
export function floorMod(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor
}

// -------------------------------------------------------------------------------------------------- zones

export interface Zone {
  readonly id: string
  /** Offset from UTC, in ms. */
  offsetAt(epochMs: number): number
  /** Wall clock, as ms since 1970-01-01T00:00 there, to the instant: in a gap later, in an overlap the earlier. */
  toEpochMs(localMs: number): number
}

const zones = new Map<string, Zone>()

/** @throws RangeError for what is neither an offset (`+02:00`, `Z`) nor a zone id (`Europe/London`). */
export function zoneOf(id: string): Zone {
  const known = zones.get(id)
  if (known !== undefined) return known
  let found: ZoneId
  try {
    found = ZoneId.of(id)
  } catch {
    found = regionOf(id)
  }
  const zone =
    found instanceof ZoneOffset ? fixedZone(id, found.totalSeconds() * 1000) : regionZone(id, found)
  if (zones.size < 1000) zones.set(id, zone)
  return zone
}

/** The table of the world's zones is loaded with the first one that is named: it takes 70 ms. */
function regionOf(id: string): ZoneId {
  createRequire(import.meta.url)('@js-joda/timezone')
  try {
    return ZoneId.of(id)
  } catch (cause) {
    throw new RangeError(`Unknown time zone: '${id}'`, { cause })
  }
}

export function fixedZone(id: string, offsetMs: number): Zone {
  return { id, offsetAt: () => offsetMs, toEpochMs: (local) => local - offsetMs }
}

export const utc: Zone = fixedZone('Z', 0)

function regionZone(id: string, zone: ZoneId): Zone {
  const rules: ZoneRules = zone.rules()
  return {
    id,
    offsetAt: (epochMs) => rules.offset(Instant.ofEpochMilli(epochMs)).totalSeconds() * 1000,
    toEpochMs(localMs) {
      const seconds = Math.floor(localMs / 1000)
      const local = LocalDateTime.ofEpochSecond(seconds, 0, ZoneOffset.UTC)
      return local.atZone(zone).toInstant().toEpochMilli() + (localMs - seconds * 1000)
    },
  }
}

// ----------------------------------------------------------------------------------------------- ISO text

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function yearText(year: number): string {
  if (year > 9999) return `+${year}`
  return year < 0 ? `-${pad(-year, 4)}` : pad(year, 4)
}

/** `2020-05-26` */
export function formatDate(epochDay: number): string {
  const { year, month, day } = civilOf(epochDay)
  return `${yearText(year)}-${pad(month, 2)}-${pad(day, 2)}`
}

/** `01:34:20.123` */
export function formatTime(msOfDay: number): string {
  const seconds = Math.floor(msOfDay / 1000)
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return `${time.map((part) => pad(part, 2)).join(':')}.${pad(msOfDay % 1000, 3)}`
}

/** `2020-05-26T01:34:20.123` */
export function formatTimestamp(epochMs: number): string {
  return `${formatDate(Math.floor(epochMs / dayMs))}T${formatTime(floorMod(epochMs, dayMs))}`
}

const dateForm = /^([+-]?\d{4,9})(?:-(\d\d)(?:-(\d\d))?)?$/

/** `2020-05-26`, or a part of it: `2020-05`, `2020`. @throws RangeError */
export function parseDate(text: string): number {
  const [, year, month = '01', day = '01'] = dateForm.exec(text) ?? []
  if (year !== undefined) {
    const [y, m, d] = [Number(year), Number(month), Number(day)]
    if (m >= 1 && m <= 12 && d >= 1 && d <= daysInMonth(y, m)) return epochDayOf(y, m, d)
  }
  throw new RangeError(
    `Failed to parse date '${text}'\nRequired format is: "yyyy-MM-dd", for example '2020-05-26'. ` +
      `Partials are also supported, for example '2020-05'`,
  )
}

/** `01:34:20.123`, `01:34:20` or `01:34`. @throws RangeError */
export function parseTime(text: string): number {
  const time = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/.exec(text)
  const value = time === null ? null : timeOfParts(time)
  if (value !== null) return value
  throw new RangeError(
    `Failed to parse time '${text}'\nRequired format is: "HH:mm:ss.SSS", for example: '01:34:20.123' or ` +
      `'01:34:20'. Partials are also supported, for example '01:34'`,
  )
}

function timeOfParts(parts: RegExpExecArray): number | null {
  const [, hour = '0', minute = '0', second = '0', fraction = ''] = parts
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  return seconds * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'))
}

const timestampForm = /^([^T]+)(?:T([\d:.]*)(Z|[+-][\d:]+)?)?$/
const timestampTime = /^(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?$/

/** `2020-05-26T23:59:58.000+0200` or a part of it from the left; without a zone it is UTC. @throws RangeError */
export function parseTimestamp(text: string): number {
  const [, date, time = '', zone] = timestampForm.exec(text) ?? []
  const parts = timestampTime.exec(time)
  const msOfDay = parts === null ? null : timeOfParts(parts)
  if (date !== undefined && msOfDay !== null) {
    try {
      const local = parseDate(date) * dayMs + msOfDay
      return zone === undefined || zone === 'Z' ? local : zoneOf(zone).toEpochMs(local)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  throw new RangeError(
    `Failed to parse timestamp '${text}'\nRequired format is: "yyyy-MM-dd'T'HH:mm:ss.SSS", with an optional ` +
      `numeric 4-digit timezone, for example: '2020-05-26T23:59:58.000' or with tz: ` +
      `'2020-05-26T23:59:58.000+0200'. A trailing 'Z' instead of tz indicates the zero UTC offset. ` +
      'Partials are also supported, for example "2020-05-26"',
  )
}
