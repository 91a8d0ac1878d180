import { SqlEngine } from '../src/sql/index.js'
import { type Measurement, measure } from './measure.js'
import { dropResult, ordersColumns, runQuery, withSources } from './sql-workloads.js'
import {
  fill,
  RECORDS,
  recordsOf,
  TITLES,
  WORKLOADS,
  type Workload,
  withLog,
  yardstick,
} from './workloads.js'

/** The input lies in its topics when the clock starts; it stops when the last output record is committed. */
export async function benchSql(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const workload of WORKLOADS) {
    results.push(await yardstick(workload))
    await withSources(workload, async (engine) => {
      results.push(await query(engine, `${TITLES[workload]}, SQL`, workload, recordsOf(workload)))
    })
  }
  return results
}

/** What exactly-once costs over at-least-once: the same query with either, one after the other. */
export async function benchGuarantees(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const workload of WORKLOADS) {
    await withSources(workload, async (engine) => {
      for (const guarantee of ['at_least_once', 'exactly_once_v2']) {
        await engine.execute(`SET 'processing.guarantee' = '${guarantee}';`)
        const note = guarantee === 'at_least_once' ? 'at-least-once' : 'exactly-once'
        results.push(await query(engine, `${TITLES[workload]}, SQL`, workload, recordsOf(workload), note))
      }
    })
  }
  return results
}

/** W3 over ever more keys: the cost of a record grows where keys no longer fit the cache. */
export async function benchSqlCurves(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const keys of [100, 1_000, 10_000, 100_000, 1_000_000]) {
    const topic = `orders_${keys}`
    await withLog(async (log, stateDirectory) => {
      await fill(log, topic)
      const engine = await SqlEngine.create({ log, stateDirectory })
      try {
        await engine.execute(
          `CREATE STREAM orders ${ordersColumns} WITH (KAFKA_TOPIC = '${topic}', VALUE_FORMAT = 'JSON');`,
        )
        const name = `W3 count and sum by ${keys.toLocaleString('en-US')} keys, SQL`
        results.push(await query(engine, name, 'w3', RECORDS))
      } finally {
        await engine.close()
      }
    })
  }
  return results
}

function query(
  engine: SqlEngine,
  title: string,
  workload: Workload,
  records: number,
  note = 'exactly-once',
): Promise<Measurement> {
  return measure(
    title,
    records,
    async (timed) => {
      await timed(() => runQuery(engine, workload))
      await dropResult(engine, workload)
    },
    note,
  )
}
