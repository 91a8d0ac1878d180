import { SqlEngine } from '../src/sql/index.js'
import { type Measurement, measure } from './measure.js'
import { fill, RECORDS, recordsOf, TITLES, type Workload, withLog, yardstick } from './workloads.js'

const ordersColumns = `(customer_id STRING KEY, order_id BIGINT, region STRING, product STRING,
  amount DOUBLE, qty INT, ts BIGINT)`

const definitions: Readonly<Record<string, string>> = {
  orders: `CREATE STREAM orders ${ordersColumns} WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON');`,
  customers: `CREATE TABLE customers (customer_id STRING PRIMARY KEY, name STRING, tier STRING)
    WITH (KAFKA_TOPIC = 'customers', VALUE_FORMAT = 'JSON');`,
  orders_by_id: `CREATE STREAM orders_by_id (order_id STRING KEY, customer_id STRING, region STRING,
    product STRING, amount DOUBLE, qty INT, ts BIGINT)
    WITH (KAFKA_TOPIC = 'orders_by_id', VALUE_FORMAT = 'JSON');`,
  payments: `CREATE STREAM payments (order_id STRING KEY, paid DOUBLE, method STRING, ts BIGINT)
    WITH (KAFKA_TOPIC = 'payments', VALUE_FORMAT = 'JSON');`,
}

interface Query {
  readonly topics: readonly string[]
  readonly result: 'STREAM' | 'TABLE'
  readonly select: string
}

const countAndSum = 'SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total FROM orders'

const queries: Readonly<Record<Workload, Query>> = {
  w2: {
    topics: ['orders'],
    result: 'STREAM',
    select: 'SELECT customer_id, order_id, amount * qty AS total FROM orders WHERE amount > 50',
  },
  w3: { topics: ['orders'], result: 'TABLE', select: `${countAndSum} GROUP BY customer_id` },
  w4: {
    topics: ['orders'],
    result: 'TABLE',
    select: `${countAndSum} WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY customer_id`,
  },
  w5: {
    topics: ['orders', 'customers'],
    result: 'STREAM',
    select: `SELECT o.customer_id, o.order_id, o.amount, c.name, c.tier FROM orders o
      LEFT JOIN customers c ON o.customer_id = c.customer_id`,
  },
  w6: {
    topics: ['orders_by_id', 'payments'],
    result: 'STREAM',
    select: `SELECT o.order_id, o.amount, p.paid, p.method FROM orders_by_id o
      JOIN payments p WITHIN 10 MINUTES ON o.order_id = p.order_id`,
  },
}

/** The input lies in its topics when the clock starts; it stops when the last output record is committed. */
export async function benchSql(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const workload of Object.keys(queries) as Workload[]) {
    results.push(await yardstick(workload))
    const { topics, result, select } = queries[workload]
    await withLog(async (log, stateDirectory) => {
      for (const topic of topics) await fill(log, topic)
      const engine = await SqlEngine.create({ log, stateDirectory })
      try {
        await engine.execute(topics.map((topic) => definitions[topic]).join('\n'))
        results.push(await query(engine, TITLES[workload], recordsOf(workload), result, select))
      } finally {
        await engine.close()
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
        const name = `W3 count and sum by ${keys.toLocaleString('en-US')} keys`
        results.push(await query(engine, name, RECORDS, 'TABLE', queries.w3.select))
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
  records: number,
  result: 'STREAM' | 'TABLE',
  select: string,
): Promise<Measurement> {
  return measure(
    `${title}, SQL`,
    records,
    async (timed) => {
      await timed(async () => {
        await engine.execute(`CREATE ${result} result AS ${select} EMIT CHANGES;`)
        await engine.caughtUp()
      })
      await engine.execute(`DROP ${result} result DELETE TOPIC;`)
    },
    'exactly-once',
  )
}
