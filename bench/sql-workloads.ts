import type { Log } from '../src/log/index.js'
import { SqlEngine } from '../src/sql/index.js'
import { fill, RECORDS, type Workload, withLog } from './workloads.js'

/* The workloads as SQL. */

export const ordersColumns = `(customer_id STRING KEY, order_id BIGINT, region STRING, product STRING,
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

export const queries: Readonly<Record<Workload, Query>> = {
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

/** Calls `body` with an engine that knows the sources of a workload, their topics filled. */
export async function withSources(
  workload: Workload,
  body: (engine: SqlEngine, log: Log) => Promise<void>,
  records = RECORDS,
): Promise<void> {
  const { topics } = queries[workload]
  await withLog(async (log, stateDirectory) => {
    for (const topic of topics) await fill(log, topic, records)
    const engine = await SqlEngine.create({ log, stateDirectory })
    try {
      await engine.execute(topics.map((topic) => definitions[topic]).join('\n'))
      await body(engine, log)
    } finally {
      await engine.close()
    }
  })
}

/** From the start of the statement until all input that is there has been processed and committed. */
export async function runQuery(engine: SqlEngine, workload: Workload): Promise<void> {
  const { result, select } = queries[workload]
  await engine.execute(`CREATE ${result} result AS ${select} EMIT CHANGES;`)
  await engine.caughtUp()
}

export async function dropResult(engine: SqlEngine, workload: Workload): Promise<void> {
  await engine.execute(`DROP ${queries[workload].result} result DELETE TOPIC;`)
}
