/*
 * Sessions: what each visitor did between two pauses of more than half an hour. Two sessions grow into one when a late
 * record closes the gap between them.
 *
 *     npm run example -- sessions
 */
import { Log } from 'forebay/log'
import {
  KafkaStreams,
  type ReadOnlySessionStore,
  Serdes,
  SessionWindows,
  StreamsBuilder,
} from 'forebay/streams'

const MINUTE_MS = 60_000
const string = Serdes.string()

export interface Visit {
  readonly visitor: string
  readonly page: string
  /** Event time, ms. */
  readonly at: number
}

export interface Session {
  readonly visitor: string
  readonly minutes: number
  readonly pages: readonly string[]
}

export function sessionsTopology() {
  const builder = new StreamsBuilder()
  builder
    .stream('visits', { keySerde: string, valueSerde: string })
    .groupByKey()
    .windowedBy(SessionWindows.ofInactivityGapAndGrace(30 * MINUTE_MS, 60 * MINUTE_MS))
    .aggregate(
      (): string[] => [],
      (_visitor, page, pages) => [...pages, page],
      (_visitor, older, newer) => [...older, ...newer],
      { store: 'sessions', valueSerde: Serdes.json<string[]>() },
    )
  return builder.build()
}

/** Returns the sessions of one visitor, the first one first. */
export async function runSessions(visits: readonly Visit[], visitor: string): Promise<Session[]> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'visits', partitions: 2 }])
  const producer = log.producer({ keySerde: string, valueSerde: string })
  for (const { visitor: key, page, at } of visits) {
    await producer.write({ topic: 'visits', key, value: page, timestamp: at })
  }
  await producer.close()

  const streams = new KafkaStreams(sessionsTopology(), { log, applicationId: 'sessions' })
  await streams.start()
  await streams.caughtUp()
  const store = streams.store<ReadOnlySessionStore<string, string[]>>('sessions')
  const sessions = [...store.fetch(visitor)].map(({ key, value }) => ({
    visitor: key.key,
    minutes: (key.end - key.start) / MINUTE_MS,
    pages: value,
  }))
  await streams.close()
  await log.close()
  return sessions
}

export const someVisits: readonly Visit[] = [
  ['ada', '/', '09:00'],
  ['ada', '/docs', '09:10'],
  ['bob', '/', '09:12'],
  ['ada', '/pricing', '09:55'],
  ['ada', '/order', '10:30'],
  // Late: it joins the first two sessions of Ada.
  ['ada', '/faq', '09:35'],
].map(([visitor, page, time]) => ({
  visitor: visitor!,
  page: page!,
  at: Date.parse(`2026-01-01T${time}Z`),
}))

if (process.argv[1] === import.meta.filename) console.table(await runSessions(someVisits, 'ada'))
