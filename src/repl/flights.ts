import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ForebayError, nodeFiles, systemClock } from '../common/index.js'
import { readCsv, readJsonArray, runSource } from '../connect/index.js'
import type { Log } from '../log/index.js'
import { Serdes } from '../serde/index.js'

/*
 * The demo's data: 20,000 US flights of January to March 2001 and 3,376 airports, from the npm package vega-datasets.
 */

export const FLIGHTS = 20_000

interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

/** Airports are as old as the data set needs them to be: older than the first flight. */
const AIRPORTS_SINCE_MS = Date.UTC(2000, 0, 1)

function dataDirectory(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data')
  } catch (cause) {
    throw new ForebayError('DEMO', "the demo's data are missing: run `npm install vega-datasets`", { cause })
  }
}

export async function createFlightTopics(log: Log): Promise<void> {
  await log.admin.createTopics(
    [
      // The flights happened in 2001: with the default retention of a week they would be gone at once.
      { topic: 'flights', partitions: 4, configs: { 'retention.ms': '-1' } },
      { topic: 'airports', partitions: 4, configs: { 'cleanup.policy': 'compact' } },
    ],
    { ifNotExists: true },
  )
}

/** Writes the airports that are not in the log yet. */
export async function loadAirports(log: Log): Promise<void> {
  await runSource(log, {
    name: 'demo-airports',
    topic: 'airports',
    rows: readCsv(nodeFiles, join(dataDirectory(), 'airports.csv')),
    keySerde: Serdes.string(),
    valueSerde: Serdes.json<Record<string, unknown>>(),
    toRecord: ({ iata, latitude, longitude, ...airport }) => ({
      key: iata!,
      value: { ...airport, latitude: Number(latitude), longitude: Number(longitude) },
      timestamp: AIRPORTS_SINCE_MS,
    }),
  })
}

/** Writes the flights that are not in the log yet; event time is the departure, taken as UTC. */
export async function loadFlights(
  log: Log,
  options: { rate?: number; signal?: AbortSignal; onProgress?: (flights: number) => void },
): Promise<void> {
  await runSource(log, {
    name: 'demo-flights',
    topic: 'flights',
    rows: inSlices(readJsonArray(nodeFiles, join(dataDirectory(), 'flights-20k.json')) as Iterable<Flight>),
    keySerde: Serdes.string(),
    valueSerde: Serdes.json<Omit<Flight, 'origin'>>(),
    toRecord: ({ origin, ...flight }) => ({ key: origin, value: flight, timestamp: departure(flight.date) }),
    ...options,
  })
}

const SLICE_ROWS = 500

/** Lets the event loop turn now and then: a progress bar wants to be drawn, and queries to begin. */
async function* inSlices<R>(rows: Iterable<R>): AsyncGenerator<R> {
  let count = 0
  for (const row of rows) {
    if (++count % SLICE_ROWS === 0) {
      await new Promise<void>((resolve) => systemClock.setTimer(0, resolve, true))
    }
    yield row
  }
}

/** `2001/01/31 23:59` as ms since the epoch. */
export function departure(date: string): number {
  const match = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d)$/.exec(date)
  if (match === null) throw new ForebayError('DEMO', `${date} is not a date of the form yyyy/MM/dd HH:mm`)
  const [year, month, day, hour, minute] = match.slice(1).map(Number)
  return Date.UTC(year!, month! - 1, day!, hour!, minute!)
}
