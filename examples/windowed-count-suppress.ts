/*
 * One final count an hour: clicks per page in tumbling windows, each sent once, when it has closed. Clicks may come up
 * to ten minutes late; what comes later is left out of the counts, and goes to a topic of its own.
 *
 *     npm run example -- windowed-count-suppress
 */
import { Log } from 'forebay/log'
import {
  BufferConfig,
  deserialize,
  KafkaStreams,
  Serdes,
  StreamsBuilder,
  Suppressed,
  TimeWindows,
} from 'forebay/streams'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const string = Serdes.string()

export interface Click {
  readonly page: string
  /** Event time, ms. */
  readonly at: number
}

export interface HourlyCount {
  readonly page: string
  readonly hour: string
  readonly clicks: number
}

/** A click that came after the count of its hour. */
export interface LateClick {
  readonly page: string
  readonly hour: string
}

const hourOf = (window: { readonly start: number }) => new Date(window.start).toISOString().slice(0, 13)

export function clicksTopology() {
  const builder = new StreamsBuilder()
  builder
    .stream('clicks', { keySerde: string, valueSerde: string })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(HOUR_MS, 10 * MINUTE_MS))
    .count({ store: 'clicks-by-hour' })
    .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
    .toStream()
    .map((window, clicks) => {
      const count: HourlyCount = { page: window.key, hour: hourOf(window), clicks: clicks ?? 0 }
      return [window.key, count]
    })
    .to('hourly-clicks', { keySerde: string, valueSerde: Serdes.json() })
  builder
    .droppedRecords()
    .filter((_node, dropped) => dropped.reason === 'late')
    .mapValues(({ key, window }): LateClick => ({ page: deserialize(string, key)!, hour: hourOf(window!) }))
    .to('late-clicks', { keySerde: string, valueSerde: Serdes.json() })
  return builder.build()
}

/** Returns the final counts, in the order in which they were sent, and the clicks that came too late. */
export async function runClicks(
  clicks: readonly Click[],
): Promise<{ counts: HourlyCount[]; tooLate: LateClick[] }> {
  const log = Log.memory()
  await log.admin.createTopics(['clicks', 'hourly-clicks', 'late-clicks'].map((topic) => ({ topic })))
  const producer = log.producer({ keySerde: string, valueSerde: string })
  for (const { page, at } of clicks) {
    await producer.write({ topic: 'clicks', key: page, value: '', timestamp: at })
  }
  await producer.close()

  const streams = new KafkaStreams(clicksTopology(), { log, applicationId: 'clicks' })
  await streams.start()
  await streams.caughtUp()
  await streams.close()

  const counts = await readAll<HourlyCount>(log, 'hourly-clicks')
  const tooLate = await readAll<LateClick>(log, 'late-clicks')
  await log.close()
  return { counts, tooLate }
}

async function readAll<T>(log: Log, topic: string): Promise<T[]> {
  const consumer = log.consumer({ valueSerde: Serdes.json<T>(), autoOffsetReset: 'earliest' })
  consumer.assign([{ topic, partition: 0 }])
  const records = await consumer.poll(0)
  await consumer.close()
  return records.map(({ value }) => value!)
}

export const someClicks: readonly Click[] = [
  ['/', '09:01'],
  ['/', '09:30'],
  ['/docs', '09:59'],
  ['/', '10:05'],
  // Six minutes late: still in its window. The next one finds its window closed.
  ['/', '09:58'],
  ['/docs', '10:12'],
  ['/', '09:57'],
  ['/', '11:30'],
].map(([page, time]) => ({ page: page!, at: Date.parse(`2026-01-01T${time}Z`) }))

if (process.argv[1] === import.meta.filename) {
  const { counts, tooLate } = await runClicks(someClicks)
  console.table(counts)
  console.log('too late:', tooLate)
}
