import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'

/*
 * The demo's results computed from its two files by plain loops, sharing no code with Forebay.
 */

const data = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

interface Flight {
  date: string
  delay: number
  origin: string
  destination: string
}

export interface Delays {
  flights: number
  mean: number
  worst: number
}

export const flights: Flight[] = JSON.parse(readFileSync(join(data, 'flights-20k.json'), 'utf8'))
const airports = new Map<string, { state: string; city: string }>(
  (
    parse(readFileSync(join(data, 'airports.csv')), { columns: true }) as {
      iata: string
      state: string
      city: string
    }[]
  ).map((a) => [a.iata, a]),
)

function delaysBy(keyOf: (flight: Flight) => string): Map<string, Delays> {
  const sums = new Map<string, { flights: number; total: number; worst: number }>()
  for (const flight of flights) {
    const key = keyOf(flight)
    const sum = sums.get(key) ?? { flights: 0, total: 0, worst: Number.NEGATIVE_INFINITY }
    sums.set(key, {
      flights: sum.flights + 1,
      total: sum.total + flight.delay,
      worst: Math.max(sum.worst, flight.delay),
    })
  }
  return new Map(
    [...sums].map(([key, s]) => [key, { flights: s.flights, mean: s.total / s.flights, worst: s.worst }]),
  )
}

/** Key: origin, blank, yyyy-MM-dd. No flight comes later than another of its airport, so none is late. */
export const byDay = delaysBy((f) => `${f.origin} ${f.date.slice(0, 10).replaceAll('/', '-')}`)

/** Every flight has an airport, and every airport a state. */
export const byState = delaysBy((f) => airports.get(f.origin)!.state)

/** Flights over 15 minutes late: origin, city, state, destination, delay. */
export const delayed = flights
  .filter((f) => f.delay > 15)
  .map(
    (f) =>
      [
        f.origin,
        airports.get(f.origin)!.city,
        airports.get(f.origin)!.state,
        f.destination,
        f.delay,
      ] as const,
  )
