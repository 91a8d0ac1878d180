import type { StreamsMetrics } from './runtime/kafka-streams.js'
import type { DurationFigures } from './runtime/metrics.js'
import type { StreamsTaskMetrics } from './runtime/task-figures.js'

export interface PrometheusOptions {
  /** What `KafkaStreams.lag` gives, if it is to be shown. */
  readonly lag?: ReadonlyMap<string, number>
  /** Put on every sample, beside those that it has. */
  readonly labels?: Readonly<Record<string, string>>
}

type Labels = Readonly<Record<string, string>>
type Sample = readonly [suffix: string, labels: Labels, value: number]
type Type = 'counter' | 'gauge' | 'summary'

const prefix = 'forebay_streams_'

/**
 * Metrics in Prometheus' text format 0.0.4, for `Content-Type: text/plain; version=0.0.4`. Names, labels and units are
 * stable: times in seconds, counters end with `_total`; those of a task begin anew when it moves or the instance starts.
 */
export function prometheusText(metrics: StreamsMetrics, options: PrometheusOptions = {}): string {
  const common = { application_id: metrics.applicationId, ...options.labels }
  let text = ''
  const family = (name: string, type: Type, help: string, samples: readonly Sample[]) => {
    if (samples.length === 0) return
    text += `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n`
    for (const [suffix, labels, value] of samples) {
      text += `${prefix}${name}${suffix}${labelText({ ...common, ...labels })} ${numberText(value)}\n`
    }
  }
  const perTask = (of: (task: StreamsTaskMetrics) => number): Sample[] =>
    metrics.tasks.map((task) => ['', { task: task.taskId }, of(task)])
  const durations = (of: (task: StreamsTaskMetrics) => DurationFigures): Sample[] =>
    metrics.tasks.flatMap((task) => {
      const labels = { task: task.taskId }
      const { count, sumMs } = of(task)
      return [
        ['_sum', labels, sumMs / 1000],
        ['_count', labels, count],
      ] satisfies Sample[]
    })

  family('state', 'gauge', 'State of the instance: 1 for the present one.', [
    ['', { state: metrics.state }, 1],
  ])
  family('commits_total', 'counter', 'Commits of the instance.', [['', {}, metrics.commits]])
  family('restarts_total', 'counter', 'Times the instance began anew after a failure.', [
    ['', {}, metrics.restarts],
  ])
  family(
    'records_in_total',
    'counter',
    'Records processed.',
    perTask((task) => task.recordsIn),
  )
  family(
    'records_out_total',
    'counter',
    'Results written.',
    perTask((task) => task.recordsOut),
  )
  family(
    'changelog_records_total',
    'counter',
    'Changes of state written to changelogs.',
    perTask((task) => task.changelogRecordsOut),
  )
  family(
    'buffered_records',
    'gauge',
    'Records that have been read and wait for their turn.',
    perTask((task) => task.buffered),
  )
  family('dropped_records_total', 'counter', 'Records left out, by node and reason.', droppedSamples(metrics))
  family(
    'record_latency_seconds',
    'summary',
    'From the event time of a record to the end of the commit that contains it.',
    durations((task) => task.latency),
  )
  family(
    'record_latency_max_seconds',
    'gauge',
    'The greatest latency of a record.',
    perTask((task) => task.latency.maxMs / 1000),
  )
  family(
    'processing_seconds_total',
    'counter',
    'Wall-clock time spent in processing.',
    perTask((task) => task.processingMs / 1000),
  )
  family(
    'commit_seconds',
    'summary',
    'Duration of commits.',
    durations((task) => task.commits),
  )
  family(
    'stream_time_seconds',
    'gauge',
    'Event time up to which records have been processed.',
    perTask((task) => task.streamTimeMs / 1000),
  )
  const stores = metrics.tasks.flatMap(({ taskId, stores: all }) =>
    Object.entries(all).map(([store, figures]) => ({ labels: { task: taskId, store }, ...figures })),
  )
  family(
    'store_lookups_total',
    'counter',
    'Look-ups of single keys.',
    stores.map(({ labels, lookUps }) => ['', labels, lookUps]),
  )
  family(
    'store_cache_misses_total',
    'counter',
    'Look-ups that had to read the database.',
    stores.map(({ labels, misses }) => ['', labels, misses]),
  )
  family('lag_records', 'gauge', 'Records of source partitions that wait.', lagSamples(options.lag))
  return text
}

function droppedSamples({ tasks }: StreamsMetrics): Sample[] {
  return tasks.flatMap(({ taskId, droppedByNode }) =>
    Object.entries(droppedByNode).flatMap(([node, reasons]) =>
      Object.entries(reasons).map(([reason, count]): Sample => ['', { task: taskId, node, reason }, count]),
    ),
  )
}

function lagSamples(lag: ReadonlyMap<string, number> = new Map()): Sample[] {
  return [...lag].map(([name, records]) => {
    const dash = name.lastIndexOf('-')
    return ['', { topic: name.slice(0, dash), partition: name.slice(dash + 1) }, records]
  })
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
