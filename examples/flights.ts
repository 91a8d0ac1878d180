/*
 * The job of flights.sql as a program with the Streams DSL. It reads the same files, keeps its log and state in
 * memory, and prints the same rows.
 *
 *     npm run example -- flights
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { nodeFiles, readCsv, readJsonArray, runSource } from 'forebay/connect'
import { Log } from 'forebay/log'
import {
  KafkaStreams,
  type ReadOnlyKeyValueStore,
  type ReadOnlyWindowStore,
  Serdes,
  StreamsBuilder,
  TimeWindows,
  type ValueAndTimestamp,
} from 'forebay/streams'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

interface Flight {
  date: string
  delay: number
  distance: number
  destination: string
}

interface Airport {
  name: string
  city: string
  state: string
}

/** A running count, sum and maximum of delays, in minutes. */
interface Delays {
  flights: number
  total: number
  worst: number
}

const noDelays = (): Delays => ({ flights: 0, total: 0, worst: Number.NEGATIVE_INFINITY })
const addDelay = (sum: Delays, delay: number): Delays => ({
  flights: sum.flights + 1,
  total: sum.total + delay,
  worst: Math.max(sum.worst, delay),
})

const string = Serdes.string()

export function flightsTopology() {
  const builder = new StreamsBuilder()
  const flights = builder.stream('flights', { keySerde: string, valueSerde: Serdes.json<Flight>() })
  const airports = builder.table('airports', { keySerde: string, valueSerde: Serdes.json<Airport>() })

  const located = flights.join(airports, (flight, airport) => ({
    ...flight,
    city: airport.city,
    state: airport.state,
  }))

  located
    .filter((_origin, flight) => flight.delay > 15)
    .to('delayed_flights', { keySerde: string, valueSerde: Serdes.json() })

  flights
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(DAY_MS, HOUR_MS))
    .aggregate(noDelays, (_origin, flight, sum) => addDelay(sum, flight.delay), {
      store: 'delays-by-day',
      retentionMs: 120 * DAY_MS,
      valueSerde: Serdes.json<Delays>(),
    })

  located
    .groupBy((_origin, flight) => flight.state, { keySerde: string, valueSerde: Serdes.json() })
    .aggregate(noDelays, (_state, flight, sum) => addDelay(sum, flight.delay), {
      store: 'delays-by-state',
      valueSerde: Serdes.json<Delays>(),
    })

  return builder.build()
}

/** Writes the two input topics. Event time of a flight is its departure, taken as UTC. */
export async function loadFlights(log: Log, dataDirectory: string): Promise<void> {
  await log.admin.createTopics([
    { topic: 'flights', partitions: 4, configs: { 'retention.ms': '-1' } },
    { topic: 'airports', partitions: 4, configs: { 'cleanup.policy': 'compact' } },
    { topic: 'delayed_flights', partitions: 4, configs: { 'retention.ms': '-1' } },
  ])
  await runSource(log, {
    name: 'airports',
    topic: 'airports',
    rows: readCsv(nodeFiles, join(dataDirectory, 'airports.csv')),
    keySerde: string,
    valueSerde: Serdes.json(),
    toRecord: ({ iata, ...airport }) => ({ key: iata!, value: airport, timestamp: Date.UTC(2000, 0, 1) }),
  })
  await runSource(log, {
    name: 'flights',
    topic: 'flights',
    rows: readJsonArray(nodeFiles, join(dataDirectory, 'flights-20k.json')) as Iterable<
      Flight & { origin: string }
    >,
    keySerde: string,
    valueSerde: Serdes.json(),
    toRecord: ({ origin, ...flight }) => ({ key: origin, value: flight, timestamp: departure(flight.date) }),
  })
}

function departure(date: string): number {
  const [year, month, day, hour, minute] = date.split(/[/ :]/).map(Number)
  return Date.UTC(year!, month! - 1, day!, hour!, minute!)
}

export interface DelayRow {
  readonly key: string
  readonly flights: number
  readonly mean: number
  readonly worst: number
}

/** Runs the job over all the input and returns both tables. */
export async function runFlights(log: Log): Promise<{ byDay: DelayRow[]; byState: DelayRow[] }> {
  const streams = new KafkaStreams(flightsTopology(), { log, applicationId: 'flights' })
  await streams.start()
  await streams.caughtUp()
  const row = (key: string, { flights, total, worst }: Delays): DelayRow => ({
    key,
    flights,
    mean: total / flights,
    worst,
  })
  const days = streams.store<ReadOnlyWindowStore<string, ValueAndTimestamp<Delays>>>('delays-by-day')
  const states = streams.store<ReadOnlyKeyValueStore<string, ValueAndTimestamp<Delays>>>('delays-by-state')
  const byDay = [...days.all()].map(({ key, value }) =>
    row(`${key.key} ${new Date(key.start).toISOString().slice(0, 10)}`, value.value),
  )
  const byState = [...states.all()].map(({ key, value }) => row(key, value.value))
  await streams.close()
  const byKey = (a: DelayRow, b: DelayRow): number => (a.key < b.key ? -1 : 1)
  return { byDay: byDay.sort(byKey), byState: byState.sort(byKey) }
}

if (process.argv[1] === import.meta.filename) {
  const dataDirectory = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data')
  const log = await Log.memory()
  await loadFlights(log, dataDirectory)
  const { byDay, byState } = await runFlights(log)
  console.table(byState)
  console.log(`${byDay.length} airport days, the worst of them:`)
  console.table(byDay.sort((a, b) => b.worst - a.worst).slice(0, 10))
  await log.close()
}
