import type { TimeUnit } from '../ast.js'
import { dayMs, floorMod, utc, type Zone, zoneOf } from '../expression/date-time.js'
import {
  hasDate,
  hasTime,
  resolveDate,
  resolveTime,
  resolveTimestamp,
} from '../expression/date-time-fields.js'
import { formatPattern } from '../expression/date-time-format.js'
import { parsePattern } from '../expression/date-time-parse.js'
import type { FunctionBody, ScalarFunction, ScalarVariant } from './registry.js'

const unitMs: Record<TimeUnit, number> = {
  DAYS: dayMs,
  HOURS: 3_600_000,
  MINUTES: 60_000,
  SECONDS: 1000,
  MILLISECONDS: 1,
}

/** Adds (`sign` 1) or takes away (-1) so many units. */
function shift(
  name: string,
  type: string,
  sign: 1 | -1,
  move: (value: number, ms: number) => number,
): ScalarFunction {
  return {
    name,
    variants: [
      {
        parameters: `INTERVALUNIT unit, INT interval, ${type} ${type.toLowerCase()}`,
        returns: type,
        fn: (unit: TimeUnit, interval: number, value: number) => move(value, unitMs[unit] * interval * sign),
      },
    ],
  }
}

const shiftDate = (day: number, ms: number): number => Math.trunc((day * dayMs + ms) / dayMs)
const shiftTime = (time: number, ms: number): number => floorMod(time + ms, dayMs)
const shiftTimestamp = (timestamp: number, ms: number): number => timestamp + ms

/** Says in the error what could not be done with which value. */
function explained<Result>(what: string, value: unknown, pattern: string, body: () => Result): Result {
  try {
    return body()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new RangeError(`Failed to ${what} '${String(value)}' with pattern '${pattern}': ${cause.message}`, {
      cause,
    })
  }
}

function parseDateText(text: string, pattern: string): number {
  return explained('parse date', text, pattern, () => {
    const fields = parsePattern(pattern, text)
    if (hasTime(fields)) throw new RangeError('Date format contains time field.')
    return resolveDate(fields)
  })
}

function parseTimeText(text: string, pattern: string): number {
  return explained('parse time', text, pattern, () => {
    const fields = parsePattern(pattern, text)
    if (hasDate(fields)) throw new RangeError('Time format contains date field.')
    return resolveTime(fields).ms
  })
}

/** Text in the zone it names, else in `zone`, to ms since the epoch; what the pattern leaves out is 1970-01-01T00:00. */
export function parseTimestampText(text: string, pattern: string, zone: Zone = utc): number {
  return explained('parse timestamp', text, pattern, () =>
    resolveTimestamp(parsePattern(pattern, text), zone),
  )
}

export function formatTimestampText(timestamp: number, pattern: string, zone: Zone = utc): string {
  return explained('format timestamp', timestamp, pattern, () =>
    formatPattern(pattern, timestamp, 'timestamp', zone),
  )
}

function formatDateText(day: number, pattern: string): string {
  return explained('format date', day, pattern, () => formatPattern(pattern, day * dayMs, 'date'))
}

function formatTimeText(time: number, pattern: string): string {
  return explained('format time', time, pattern, () => formatPattern(pattern, time, 'time'))
}

function convertZone(timestamp: number, from: string, to: string): number {
  return timestamp + zoneOf(to).offsetAt(timestamp) - zoneOf(from).offsetAt(timestamp)
}

function simple(name: string, parameters: string, returns: string, fn: FunctionBody): ScalarFunction {
  return { name, variants: [{ parameters, returns, fn }] }
}

/** A variant without a zone argument and one with it. */
function withZone(
  name: string,
  parameters: string,
  returns: string,
  convert: (value: never, pattern: string, zone: Zone) => unknown,
  defaultZone: 'utc' | 'system',
): ScalarFunction {
  const zoned: ScalarVariant = {
    parameters: `${parameters}, STRING timeZone`,
    returns,
    fn: (value: never, pattern: string, zone: string) => convert(value, pattern, zoneOf(zone)),
  }
  const unzoned: ScalarVariant = {
    parameters,
    returns,
    create: (site) => {
      const zone = defaultZone === 'utc' ? utc : zoneOf(site.zone)
      return (value: never, pattern: string) => convert(value, pattern, zone)
    },
  }
  return { name, variants: [unzoned, zoned] }
}

function now(
  name: string,
  parameters: string,
  returns: string,
  toValue: (nowMs: number) => number,
): ScalarFunction {
  return {
    name,
    variants: [
      {
        parameters: '',
        returns,
        create:
          ({ clock }) =>
          () =>
            toValue(clock.now()),
      },
      { parameters, returns, fn: (value: number) => value },
    ],
  }
}

export const dateFunctions: readonly ScalarFunction[] = [
  now('unix_date', 'DATE date', 'INTEGER', (ms) => Math.floor(ms / dayMs)),
  now('unix_timestamp', 'TIMESTAMP timestamp', 'BIGINT', (ms) => ms),
  simple('from_days', 'INT days', 'DATE', (days: number) => days),
  simple('from_unixtime', 'BIGINT epochMilli', 'TIMESTAMP', (ms: number | bigint) => Number(ms)),
  simple('parse_date', 'STRING formattedDate, STRING formatPattern', 'DATE', parseDateText),
  simple('parse_time', 'STRING formattedTime, STRING formatPattern', 'TIME', parseTimeText),
  withZone(
    'parse_timestamp',
    'STRING formattedTimestamp, STRING formatPattern',
    'TIMESTAMP',
    parseTimestampText,
    'utc',
  ),
  simple('format_date', 'DATE date, STRING formatPattern', 'STRING', formatDateText),
  simple('format_time', 'TIME time, STRING formatPattern', 'STRING', formatTimeText),
  withZone(
    'format_timestamp',
    'TIMESTAMP timestamp, STRING formatPattern',
    'STRING',
    formatTimestampText,
    'utc',
  ),
  simple(
    'convert_tz',
    'TIMESTAMP timestamp, STRING fromTimeZone, STRING toTimeZone',
    'TIMESTAMP',
    convertZone,
  ),
  shift('dateadd', 'DATE', 1, shiftDate),
  shift('datesub', 'DATE', -1, shiftDate),
  shift('timeadd', 'TIME', 1, shiftTime),
  shift('timesub', 'TIME', -1, shiftTime),
  shift('timestampadd', 'TIMESTAMP', 1, shiftTimestamp),
  shift('timestampsub', 'TIMESTAMP', -1, shiftTimestamp),
  simple('datetostring', 'INT epochDays, STRING formatPattern', 'STRING', formatDateText),
  simple('stringtodate', 'STRING formattedDate, STRING formatPattern', 'INTEGER', parseDateText),
  withZone(
    'timestamptostring',
    'BIGINT epochMilli, STRING formatPattern',
    'STRING',
    (ms: number | bigint, pattern, zone) => formatTimestampText(Number(ms), pattern, zone),
    'system',
  ),
  withZone(
    'stringtotimestamp',
    'STRING formattedTimestamp, STRING formatPattern',
    'BIGINT',
    parseTimestampText,
    'system',
  ),
]
