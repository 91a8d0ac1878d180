import { Log } from '../src/log/index.ts'
import { SqlEngine } from '../src/sql/index.ts'
import { orders, BASE_MS } from './orders.ts'
import { mkdtempSync, rmSync } from 'node:fs'
const which = process.argv[2]!
const N = Number(process.argv[3] ?? 1_000_000)
const runs = Number(process.argv[4] ?? 4)
const d = mkdtempSync('/tmp/w3-')
const log = await Log.open({ dataDirectory: d + '/log' })
const engine = await SqlEngine.create({ log, stateDirectory: d + '/state' })
await log.admin.createTopics(['orders', 'payments', 'customers', 'orders_by_id'].map((topic) => ({ topic, partitions: 1, configs: { 'retention.ms': '-1' } })))
const p = log.producer({ batchSize: 65536 })
const put = async (topic: string, key: string, o: unknown, timestamp: number) => { const f = p.write({ topic, key: Buffer.from(key), value: Buffer.from(JSON.stringify(o)), timestamp }); if (f) await f }
for (const { customer_id, ...o } of orders(N)) {
  if (which === 'w6') await put('orders_by_id', String(o.order_id), { customer_id, region: o.region, product: o.product, amount: o.amount, qty: o.qty, ts: o.ts }, o.ts)
  else await put('orders', customer_id, o, o.ts)
}
if (which === 'w5') for (let i = 0; i < 10000; i++) await put('customers', `c${i}`, { name: `Customer ${i}`, tier: 'gold' }, BASE_MS)
if (which === 'w6') for (const o of orders(N)) await put('payments', String(o.order_id), { paid: o.amount, method: o.region, ts: o.ts }, o.ts + 1000)
await p.close()
await engine.execute(`CREATE STREAM orders (customer_id STRING KEY, order_id BIGINT, region STRING, product STRING,
  amount DOUBLE, qty INT, ts BIGINT) WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON');
  CREATE TABLE customers (customer_id STRING PRIMARY KEY, name STRING, tier STRING) WITH (KAFKA_TOPIC = 'customers', VALUE_FORMAT = 'JSON');
  CREATE STREAM orders_by_id (order_id STRING KEY, customer_id STRING, region STRING, product STRING, amount DOUBLE, qty INT, ts BIGINT) WITH (KAFKA_TOPIC = 'orders_by_id', VALUE_FORMAT = 'JSON');
  CREATE STREAM payments (order_id STRING KEY, paid DOUBLE, method STRING, ts BIGINT) WITH (KAFKA_TOPIC = 'payments', VALUE_FORMAT = 'JSON');`)
const q = ({
  w2: `CREATE STREAM w2 AS SELECT customer_id, order_id, amount * qty AS total FROM orders WHERE amount > 50 EMIT CHANGES;`,
  w3: `CREATE TABLE w2 AS SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY customer_id EMIT CHANGES;`,
  w4: `CREATE TABLE w2 AS SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY customer_id EMIT CHANGES;`,
  w5: `CREATE STREAM w2 AS SELECT o.customer_id, o.order_id, o.amount, c.name, c.tier FROM orders o LEFT JOIN customers c ON o.customer_id = c.customer_id EMIT CHANGES;`,
  w6: `CREATE STREAM w2 AS SELECT o.order_id, o.amount, p.paid, p.method FROM orders_by_id o JOIN payments p WITHIN 10 MINUTES ON o.order_id = p.order_id EMIT CHANGES;`,
} as Record<string, string>)[which]!
const records = which === 'w6' ? 2 * N : N
for (let i = 0; i < runs; i++) {
  globalThis.gc?.()
  const t = performance.now(), c = process.cpuUsage()
  await engine.execute(q); await engine.caughtUp()
  const ms = performance.now() - t, u = process.cpuUsage(c)
  console.log(which, (records / ms).toFixed(0), 'k/s wall', (records / ((u.user + u.system) / 1000)).toFixed(0), 'k/s cpu', (process.memoryUsage().rss / 1e6).toFixed(0), 'MB', ms.toFixed(0), 'ms')
  if (i === runs - 1 && process.env['PEEK']) break
  await engine.execute(which === 'w3' || which === 'w4' ? 'DROP TABLE w2 DELETE TOPIC;' : 'DROP STREAM w2 DELETE TOPIC;')
}
await engine.close(); await log.close()
rmSync(d, { recursive: true })
