/** `npm run bench [-- log|sql|streams|latency|memory …]`: records per second, median of five runs after one warm-up, everything in one process. */
import { cpus } from 'node:os'
import { formatHeader } from './measure.js'

const suites: Readonly<Record<string, () => Promise<unknown>>> = {
  log: async () => (await import('./log.bench.js')).benchLog(),
  'log-curves': async () => (await import('./log-curves.bench.js')).benchLogCurves(),
  sql: async () => (await import('./sql.bench.js')).benchSql(),
  'sql-curves': async () => (await import('./sql.bench.js')).benchSqlCurves(),
  guarantees: async () => (await import('./sql.bench.js')).benchGuarantees(),
  'many-queries': async () => (await import('./many-queries.bench.js')).benchManyQueries(),
  latency: async () => (await import('./latency.bench.js')).benchLatency(),
  memory: async () => (await import('./memory.bench.js')).benchMemory(),
  'state-curves': async () => (await import('./state-curves.bench.js')).benchStateCurves(),
  pull: async () => (await import('./pull.bench.js')).benchPull(),
  streams: async () => (await import('./streams.bench.js')).benchStreams(),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in suites))
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`)
  process.exit(2)
}
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}\n\n${formatHeader()}`,
)
for (const name of wanted.length > 0 ? wanted : Object.keys(suites)) await suites[name]!()
