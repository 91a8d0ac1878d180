import type { Decimal } from 'decimal.js'
import { type Bigint, doubleToBigint, doubleToInteger, negateBigint } from '../expression/arithmetic.js'
import { compare } from '../expression/comparison.js'
import { SqlDecimal } from '../expression/decimal.js'
import { widestDecimal } from '../expression/type-coercion.js'
import type { ComparisonKind } from '../expression/typed-expression.js'
import { type SqlType, SqlTypes } from '../types.js'
import { naturalLogarithm } from './logarithm.js'
import type { FunctionBody, ScalarFunction, ScalarVariant } from './registry.js'

function sameAsFirst(types: readonly (SqlType | null)[]): SqlType {
  return types[0]!
}

/** DECIMAL(p, s) without its fraction. */
function wholePart(types: readonly (SqlType | null)[]): SqlType {
  const type = types[0]!
  return type.kind === 'DECIMAL' ? SqlTypes.decimal(type.precision - type.scale, 0) : type
}

/** Variants for INT, BIGINT and DOUBLE that compute with doubles. */
function ofDoubles(name: string, parameters: readonly string[], fn: FunctionBody): ScalarFunction {
  const variants = ['INT', 'BIGINT', 'DOUBLE'].map(
    (type): ScalarVariant => ({
      parameters: parameters.map((parameter) => `${type} ${parameter}`).join(', '),
      returns: 'DOUBLE',
      fn: type === 'BIGINT' ? (...args: Bigint[]) => fn(...args.map(Number)) : fn,
    }),
  )
  return { name, variants }
}

/** One variant each for the numeric types; the results have the type of the argument. */
function ofNumbers(
  name: string,
  bodies: { int: FunctionBody; bigint: FunctionBody; double: FunctionBody; decimal: FunctionBody },
): ScalarFunction {
  return {
    name,
    variants: [
      { parameters: 'INT value', returns: 'INTEGER', fn: bodies.int },
      { parameters: 'BIGINT value', returns: 'BIGINT', fn: bodies.bigint },
      { parameters: 'DOUBLE value', returns: 'DOUBLE', fn: bodies.double },
      { parameters: 'DECIMAL value', returns: sameAsFirst, fn: bodies.decimal },
    ],
  }
}

/** Halves go up, also for negative numbers. */
function roundDecimal(value: Decimal, places: number): Decimal {
  const mode = value.isPositive() ? SqlDecimal.ROUND_HALF_UP : SqlDecimal.ROUND_HALF_DOWN
  return roundTo(value, places, mode)
}

function roundTo(value: Decimal, places: number, mode: Decimal.Rounding): Decimal {
  const decimal = new SqlDecimal(value)
  if (places >= 0) return decimal.toDecimalPlaces(places, mode)
  const unit = new SqlDecimal(10).pow(-places)
  return decimal.div(unit).toDecimalPlaces(0, mode).times(unit)
}

function roundDouble(
  value: number,
  places: number,
  round: (decimal: Decimal, places: number) => Decimal,
): number {
  // Java fails on NaN and the infinities here, which have no decimal.
  if (!Number.isFinite(value)) throw new RangeError('Infinite or NaN')
  return round(new SqlDecimal(value), places).toNumber()
}

function truncDecimal(value: Decimal, places: number): Decimal {
  return roundTo(value, places, SqlDecimal.ROUND_DOWN)
}

function roundHalfUpToBigint(value: number): Bigint {
  const floor = Math.floor(value)
  return doubleToBigint(value - floor >= 0.5 ? floor + 1 : floor)
}

function rounding(
  name: string,
  toWhole: (value: number) => Bigint,
  round: (value: Decimal, places: number) => Decimal,
): ScalarFunction {
  return {
    name,
    variants: [
      { parameters: 'INT value', returns: 'BIGINT', fn: (value: number) => value },
      { parameters: 'BIGINT value', returns: 'BIGINT', fn: (value: Bigint) => value },
      { parameters: 'DOUBLE value', returns: 'BIGINT', fn: toWhole },
      { parameters: 'DECIMAL value', returns: wholePart, fn: (value: Decimal) => round(value, 0) },
      {
        parameters: 'DOUBLE value, INT decimalPlaces',
        returns: 'DOUBLE',
        fn: (value: number, places: number) => roundDouble(value, places, round),
      },
      { parameters: 'DECIMAL value, INT decimalPlaces', returns: sameAsFirst, fn: round },
    ],
  }
}

const extremeKinds: readonly (readonly [string, ComparisonKind])[] = [
  ['INT', 'number'],
  ['BIGINT', 'number'],
  ['DOUBLE', 'number'],
  ['STRING', 'string'],
  ['BYTES', 'bytes'],
  ['DATE', 'number'],
  ['TIME', 'number'],
  ['TIMESTAMP', 'number'],
  ['DECIMAL', 'decimal'],
]

/** Nulls are skipped; `sign` is 1 for the largest and -1 for the smallest. */
function extreme(name: string, sign: 1 | -1): ScalarFunction {
  const variants = extremeKinds.map(([type, kind]): ScalarVariant => {
    const better = (a: unknown, b: unknown): boolean => compareTotal(kind, a, b) * sign > 0
    return {
      parameters: `${type} val, ${type}... vals`,
      returns: type === 'DECIMAL' ? (types) => widestDecimal(types.filter((t) => t !== null))! : type,
      nulls: 'handled',
      fn: (...values: unknown[]) =>
        values.reduce(
          (found, value) => (value !== null && (found === null || better(value, found)) ? value : found),
          null,
        ),
    }
  })
  return { name, variants }
}

/** NaN is above everything, as Double.compareTo orders. */
function compareTotal(kind: ComparisonKind, a: unknown, b: unknown): number {
  const order = compare(kind, a, b)
  return Number.isNaN(order) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : order
}

function series(start: number, end: number, step: number): number[] {
  if (step === 0) throw new RangeError('GENERATE_SERIES step cannot be zero')
  if ((end - start) * step < 0) throw new RangeError('GENERATE_SERIES step has wrong sign')
  return Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step)
}

function bigintSeries(start: Bigint, end: Bigint, step: number): Bigint[] {
  if (typeof start === 'number' && typeof end === 'number') return series(start, end, step)
  throw new RangeError('GENERATE_SERIES bounds are too large')
}

const radii = { km: 6371, mi: 3959 }

function earthRadius(unit: string | null): number {
  const name = (unit ?? '').trim().toLowerCase()
  if (['', 'km', 'kilometer', 'kilometers', 'kilometre', 'kilometres'].includes(name)) return radii.km
  if (['mi', 'mile', 'miles'].includes(name)) return radii.mi
  throw new RangeError(
    'GeoDistance function units parameter must be one of mi, mile, miles, km, kilometer, kilometers, ' +
      `kilometre or kilometres. Values are case-insensitive. Got '${unit}'`,
  )
}

/** Haversine distance on a sphere. */
function geoDistance(lat1: number, lon1: number, lat2: number, lon2: number, unit: string | null): number {
  if (Math.abs(lat1) > 90 || Math.abs(lat2) > 90) {
    throw new RangeError(
      'valid latitude values for GeoDistance function are in the range of -90 to 90 decimal degrees',
    )
  }
  if (Math.abs(lon1) > 180 || Math.abs(lon2) > 180) {
    throw new RangeError(
      'valid longitude values for GeoDistance function are in the range of -180 to +180 decimal degrees',
    )
  }
  const radius = earthRadius(unit)
  const radians = Math.PI / 180
  const haversine = (angle: number): number => Math.sin(angle / 2) ** 2
  const a =
    haversine((lat2 - lat1) * radians) +
    haversine((lon2 - lon1) * radians) * Math.cos(lat1 * radians) * Math.cos(lat2 * radians)
  return 2 * Math.asin(Math.sqrt(a)) * radius
}

function logarithm(base: number, value: number): number {
  return base <= 0 || base === 1 ? Number.NaN : naturalLogarithm(value) / naturalLogarithm(base)
}

const absBigint = (value: Bigint): Bigint => (value < 0 ? negateBigint(value) : value)

export const numericFunctions: readonly ScalarFunction[] = [
  ofNumbers('abs', {
    int: (value: number) => Math.abs(value) | 0,
    bigint: absBigint,
    double: Math.abs,
    decimal: (value: Decimal) => value.abs(),
  }),
  ofNumbers('ceil', {
    int: (value: number) => value,
    bigint: (value: Bigint) => value,
    double: Math.ceil,
    decimal: (value: Decimal) => value.ceil(),
  }),
  ofNumbers('floor', {
    int: (value: number) => value,
    bigint: (value: Bigint) => value,
    double: Math.floor,
    decimal: (value: Decimal) => value.floor(),
  }),
  rounding('round', roundHalfUpToBigint, roundDecimal),
  rounding('trunc', doubleToBigint, truncDecimal),
  {
    name: 'sign',
    variants: [
      { parameters: 'INT value', returns: 'INTEGER', fn: Math.sign },
      {
        parameters: 'BIGINT value',
        returns: 'INTEGER',
        fn: (value: Bigint) => Number(value > 0) - Number(value < 0),
      },
      // NaN has no sign: 0, as Java narrows it.
      {
        parameters: 'DOUBLE value',
        returns: 'INTEGER',
        fn: (value: number) => doubleToInteger(Math.sign(value)),
      },
    ],
  },
  ofDoubles('sqrt', ['value'], Math.sqrt),
  ofDoubles('cbrt', ['value'], Math.cbrt),
  ofDoubles('exp', ['exponent'], Math.exp),
  ofDoubles('ln', ['value'], naturalLogarithm),
  ofDoubles('log', ['value'], naturalLogarithm),
  ofDoubles('log', ['base', 'value'], logarithm),
  ofDoubles('power', ['base', 'exponent'], Math.pow),
  { name: 'pi', variants: [{ parameters: '', returns: 'DOUBLE', fn: () => Math.PI }] },
  {
    name: 'random',
    deterministic: false,
    variants: [
      {
        parameters: '',
        returns: 'DOUBLE',
        create: ({ random }) => {
          const bytes = Buffer.alloc(8)
          // 53 random bits, as many as a double's fraction holds.
          return () => Number(random.fill(bytes).readBigUInt64LE() >> 11n) / 2 ** 53
        },
      },
    ],
  },
  ofDoubles('sin', ['value'], Math.sin),
  ofDoubles('cos', ['value'], Math.cos),
  ofDoubles('tan', ['value'], Math.tan),
  ofDoubles('asin', ['value'], Math.asin),
  ofDoubles('acos', ['value'], Math.acos),
  ofDoubles('atan', ['value'], Math.atan),
  ofDoubles('atan2', ['y', 'x'], Math.atan2),
  ofDoubles('sinh', ['value'], Math.sinh),
  ofDoubles('cosh', ['value'], Math.cosh),
  ofDoubles('tanh', ['value'], Math.tanh),
  ofDoubles('cot', ['value'], (value: number) => 1 / Math.tan(value)),
  ofDoubles('degrees', ['value'], (value: number) => (value * 180) / Math.PI),
  ofDoubles('radians', ['value'], (value: number) => (value / 180) * Math.PI),
  extreme('greatest', 1),
  extreme('least', -1),
  {
    name: 'generate_series',
    variants: [
      {
        parameters: 'INT start, INT end',
        returns: 'ARRAY<INTEGER>',
        fn: (start: number, end: number) => series(start, end, end > start ? 1 : -1),
      },
      { parameters: 'INT start, INT end, INT step', returns: 'ARRAY<INTEGER>', fn: series },
      {
        parameters: 'BIGINT start, BIGINT end',
        returns: 'ARRAY<BIGINT>',
        fn: (start: Bigint, end: Bigint) => bigintSeries(start, end, end > start ? 1 : -1),
      },
      { parameters: 'BIGINT start, BIGINT end, INT step', returns: 'ARRAY<BIGINT>', fn: bigintSeries },
    ],
  },
  {
    name: 'geo_distance',
    variants: [
      {
        parameters: 'DOUBLE lat1, DOUBLE lon1, DOUBLE lat2, DOUBLE lon2, STRING units',
        returns: 'DOUBLE',
        fn: geoDistance,
      },
      {
        parameters: 'DOUBLE lat1, DOUBLE lon1, DOUBLE lat2, DOUBLE lon2',
        returns: 'DOUBLE',
        fn: (lat1: number, lon1: number, lat2: number, lon2: number) =>
          geoDistance(lat1, lon1, lat2, lon2, null),
      },
    ],
  },
]
