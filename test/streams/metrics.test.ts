import { describe, expect, it } from 'vitest'
import { ManualClock, nextEventLoopTurn } from '../../src/common/index.js'
import { prometheusText, StreamsBuilder, type StreamsMetrics } from '../../src/streams/index.js'
import { logWith, produce, run, texts } from './runtime/app-kit.js'

function counting() {
  const builder = new StreamsBuilder()
  builder.stream<string, string>('in', texts).groupByKey().count({ name: 'count', store: 'counts' })
  return builder.build()
}

describe('the figures of a running instance', () => {
  it('tell records, what was dropped where, latency, commits and look-ups, task by task', async () => {
    const log = await logWith({ in: 1 })
    const clock = new ManualClock(5000)
    const streams = run(log, counting(), { clock })
    await produce(log, 'in', [
      { key: 'a', value: 'x', timestamp: 1000 },
      { key: null, value: 'x', timestamp: 2000 },
      { key: 'a', value: 'x', timestamp: 4000 },
    ])
    await streams.start()
    await streams.caughtUp()
    const { tasks, ...all } = streams.metrics()
    expect(all).toMatchObject({ applicationId: 'app', recordsIn: 3, droppedRecords: 1 })
    expect(tasks).toHaveLength(1)
    expect(tasks[0]).toMatchObject({
      taskId: '0_0',
      recordsIn: 3,
      buffered: 0,
      droppedByNode: { count: { 'null-key': 1 } },
      streamTimeMs: 4000,
      latency: { count: 3, sumMs: 4000 + 3000 + 1000, maxMs: 4000 },
      processingMs: 0,
      commits: { sumMs: 0, maxMs: 0 },
    })
    expect(tasks[0]!.commits.count).toBeGreaterThan(0)
    expect(tasks[0]!.stores.counts!.lookUps).toBeGreaterThan(0)
    await streams.close()
    await log.close()
  })

  it('come as an Observable, at once and at every interval of the clock', async () => {
    const log = await logWith({ in: 1 })
    const clock = new ManualClock(0)
    const streams = run(log, counting(), { clock })
    await streams.start()
    const seen: number[] = []
    const subscription = streams
      .metricsChanges({ intervalMs: 1000 })
      .subscribe(({ recordsIn }) => seen.push(recordsIn))
    await produce(log, 'in', [{ key: 'a', value: 'x' }])
    await streams.caughtUp()
    expect(seen).toEqual([0])
    clock.advance(1000)
    expect(seen).toEqual([0, 1])
    clock.advance(2500)
    expect(seen).toEqual([0, 1, 1, 1])
    subscription.unsubscribe()
    clock.advance(10_000)
    expect(seen).toHaveLength(4)
    await streams.close()
    await log.close()
  })

  it('are valid Prometheus text, with the lag where it is given', async () => {
    const log = await logWith({ in: 2 })
    const streams = run(log, counting())
    await produce(log, 'in', [{ key: 'a', value: 'x' }])
    await streams.start()
    await streams.caughtUp()
    const lines = prometheusText(streams.metrics(), { lag: await streams.lag() })
      .trimEnd()
      .split('\n')
    const sample = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+$/
    for (const line of lines) {
      expect(line).toMatch(line.startsWith('#') ? /^# (HELP|TYPE) forebay_streams_[a-z_]+ ./ : sample)
    }
    const families = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2])
    expect(new Set(families).size).toBe(families.length)
    expect(lines).toContain('forebay_streams_state{application_id="app",state="RUNNING"} 1')
    expect(lines).toContain('forebay_streams_lag_records{application_id="app",topic="in",partition="1"} 0')
    await streams.close()
    await nextEventLoopTurn()
    await log.close()
  })
})

describe('Prometheus text', () => {
  const metrics: StreamsMetrics = {
    applicationId: 'orders',
    state: 'RUNNING',
    recordsIn: 7,
    recordsOut: 2,
    droppedRecords: 3,
    commits: 4,
    restarts: 1,
    tasks: [
      {
        taskId: '0_1',
        recordsIn: 7,
        recordsOut: 2,
        changelogRecordsOut: 5,
        buffered: 6,
        droppedRecords: 3,
        droppedByReason: { late: 3 },
        droppedByNode: { 'say "\\hi"\n': { late: 3 } },
        streamTimeMs: 1500,
        latency: { count: 7, sumMs: 3500, maxMs: 900 },
        processingMs: 250,
        commits: { count: 4, sumMs: 20, maxMs: 9 },
        stores: { counts: { lookUps: 10, misses: 1 } },
      },
    ],
  }

  it('has stable names, labels and units, and escapes what labels must not hold', () => {
    const text = prometheusText(metrics, { lag: new Map([['in-put-3', 8]]), labels: { instance: 'one' } })
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const own = 'application_id="orders",instance="one"'
    expect(samples).toEqual([
      `forebay_streams_state{${own},state="RUNNING"} 1`,
      `forebay_streams_commits_total{${own}} 4`,
      `forebay_streams_restarts_total{${own}} 1`,
      `forebay_streams_records_in_total{${own},task="0_1"} 7`,
      `forebay_streams_records_out_total{${own},task="0_1"} 2`,
      `forebay_streams_changelog_records_total{${own},task="0_1"} 5`,
      `forebay_streams_buffered_records{${own},task="0_1"} 6`,
      `forebay_streams_dropped_records_total{${own},task="0_1",node="say \\"\\\\hi\\"\\n",reason="late"} 3`,
      `forebay_streams_record_latency_seconds_sum{${own},task="0_1"} 3.5`,
      `forebay_streams_record_latency_seconds_count{${own},task="0_1"} 7`,
      `forebay_streams_record_latency_max_seconds{${own},task="0_1"} 0.9`,
      `forebay_streams_processing_seconds_total{${own},task="0_1"} 0.25`,
      `forebay_streams_commit_seconds_sum{${own},task="0_1"} 0.02`,
      `forebay_streams_commit_seconds_count{${own},task="0_1"} 4`,
      `forebay_streams_stream_time_seconds{${own},task="0_1"} 1.5`,
      `forebay_streams_store_lookups_total{${own},task="0_1",store="counts"} 10`,
      `forebay_streams_store_cache_misses_total{${own},task="0_1",store="counts"} 1`,
      `forebay_streams_lag_records{${own},topic="in-put",partition="3"} 8`,
    ])
  })

  it('leaves out what there is nothing of', () => {
    expect(prometheusText({ ...metrics, tasks: [] })).not.toContain('task')
  })
})
