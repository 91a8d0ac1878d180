import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log } from '../src/log/index.js'
import { SqlEngine } from '../src/sql/index.js'
import { type Measurement, measure } from './measure.js'
import { BASE_MS, type Order, orders } from './orders.js'

const RECORDS = Number(process.env['BENCH_ORDERS'] ?? 1_000_000)

const definition = `CREATE STREAM orders (customer_id STRING KEY, order_id BIGINT, region STRING, product STRING,
  amount DOUBLE, qty INT, ts BIGINT) WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON');`

const filterAndProject = `CREATE STREAM w2 AS SELECT customer_id, order_id, amount * qty AS total
  FROM orders WHERE amount > 50 EMIT CHANGES;`

const countByKey = `CREATE TABLE w3 AS SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total
  FROM orders GROUP BY customer_id EMIT CHANGES;`

/** The input lies in its topic when the clock starts; it stops when the last output record is in the log. */
export async function benchSql(): Promise<Measurement[]> {
  const lines = [...orders(RECORDS)].map((o) => ({
    key: Buffer.from(o.customer_id),
    value: orderBytes(o),
    ts: o.ts,
  }))
  const results = [
    await measure(
      'loop with JSON.parse: filter and project',
      RECORDS,
      (timed) => timed(() => loopFilter(lines)),
      'yardstick',
    ),
    await measure(
      'loop with JSON.parse: count and sum by 10,000 keys',
      RECORDS,
      (timed) => timed(() => loopCount(lines)),
      'yardstick',
    ),
  ]
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  const engine = await SqlEngine.create({ log, stateDirectory: join(directory, 'state') })
  try {
    await log.admin.createTopics([{ topic: 'orders', partitions: 1, configs: { 'retention.ms': '-1' } }])
    const producer = log.producer({ batchSize: 65_536 })
    for (const { key, value, ts } of lines) {
      const full = producer.write({ topic: 'orders', key, value, timestamp: ts })
      if (full !== undefined) await full
    }
    await producer.close()
    lines.length = 0
    await engine.execute(definition)
    results.push(
      await query(engine, 'W2 SQL filter and project', filterAndProject, 'DROP STREAM w2 DELETE TOPIC;'),
    )
    results.push(
      await query(engine, 'W3 SQL count and sum by 10,000 keys', countByKey, 'DROP TABLE w3 DELETE TOPIC;'),
    )
  } finally {
    await engine.close()
    await log.close()
    rmSync(directory, { recursive: true })
  }
  return results
}

function orderBytes({ customer_id: _, ...order }: Order): Buffer {
  return Buffer.from(JSON.stringify(order))
}

function query(engine: SqlEngine, name: string, create: string, drop: string): Promise<Measurement> {
  return measure(
    name,
    RECORDS,
    async (timed) => {
      await timed(async () => {
        await engine.execute(create)
        await engine.caughtUp()
      })
      await engine.execute(drop)
    },
    'exactly-once',
  )
}

interface Line {
  readonly key: Buffer
  readonly value: Buffer
}

function loopFilter(lines: readonly Line[]): void {
  let bytes = 0
  for (const { key, value } of lines) {
    const order = JSON.parse(value.toString()) as Order
    if (order.amount > 50) {
      const row = { CUSTOMER_ID: key.toString(), ORDER_ID: order.order_id, TOTAL: order.amount * order.qty }
      bytes += Buffer.from(JSON.stringify(row)).length
    }
  }
  if (bytes === 0) throw new Error(`nothing passed the filter from ${BASE_MS} on`)
}

function loopCount(lines: readonly Line[]): void {
  const counts = new Map<string, { n: number; total: number }>()
  let bytes = 0
  for (const { key, value } of lines) {
    const order = JSON.parse(value.toString()) as Order
    const id = key.toString()
    let entry = counts.get(id)
    if (entry === undefined) counts.set(id, (entry = { n: 0, total: 0 }))
    entry.n++
    entry.total += order.amount
    bytes += Buffer.from(JSON.stringify({ N: entry.n, TOTAL: entry.total })).length
  }
  if (bytes === 0) throw new Error('nothing was counted')
}
