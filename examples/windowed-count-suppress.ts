/*
 * One final count an hour: clicks per page in tumbling windows, each sent once, when it has closed. Clicks may come up
 * to ten minutes late; what comes later is left out and counted.
 *
 *     npm run example -- windowed-count-suppress
 */
import { Log } from 'forebay/log'
import { BufferConfig, KafkaStreams, Serdes, StreamsBuilder, Suppressed, TimeWindows } from 'forebay/streams'

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
      const hour = new Date(window.start).toISOString().slice(0, 13)
      return [window.key, { page: window.key, hour, clicks: clicks ?? 0 }] as const
    })
    .to('hourly-clicks', { keySerde: string, valueSerde: Serdes.json<HourlyCount>() })
  return builder.build()
}

/** Returns the final counts, in the order in which they were sent, and the number of clicks that came too late. */
export async function runClicks(
  clicks: readonly Click[],
): Promise<{ counts: HourlyCount[]; tooLate: number }> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'clicks' }, { topic: 'hourly-clicks' }])
  const producer = log.producer({ keySerde: string, valueSerde: string })
  for (const { page, at } of clicks) {
    await producer.write({ topic: 'clicks', key: page, value: '', timestamp: at })
  }
  await producer.close()

  const streams = new KafkaStreams(clicksTopology(), { log, applicationId: 'clicks' })
  await streams.start()
  await streams.caughtUp()
  const tooLate = streams.metrics().droppedRecords
  await streams.close()

  const counts: HourlyCount[] = []
  const consumer = log.consumer({ valueSerde: Serdes.json<HourlyCount>(), autoOffsetReset: 'earliest' })
  consumer.assign([{ topic: 'hourly-clicks', partition: 0 }])
  for (const { value } of await consumer.poll(0)) counts.push(value!)
  await consumer.close()
  await log.close()
  return { counts, tooLate }
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
  console.log(`${tooLate} click came too late`)
}
