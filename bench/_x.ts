import { Log } from '/work/main/src/log/index.ts'
import { SqlEngine } from '/work/main/src/sql/index.ts'
import { orders } from '/work/main/bench/orders.ts'
import { mkdtempSync } from 'node:fs'
const d = mkdtempSync('/tmp/w3-')
const log = await Log.open({ dataDirectory: d + '/log' })
const engine = await SqlEngine.create({ log, stateDirectory: d + '/state' })
await log.admin.createTopics([{ topic: 'orders', partitions: 1, configs: { 'retention.ms': '-1' } }])
const p = log.producer({ batchSize: 65536 })
for (const { customer_id, ...o } of orders(1_000_000)) { const f = p.write({ topic: 'orders', key: Buffer.from(customer_id), value: Buffer.from(JSON.stringify(o)), timestamp: o.ts }); if (f) await f }
await p.close()
await engine.execute(`CREATE STREAM orders (customer_id STRING KEY, order_id BIGINT, region STRING, product STRING,
  amount DOUBLE, qty INT, ts BIGINT) WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON');`)
const which = process.argv[2]
const q = which === 'w2' ? `CREATE STREAM w2 AS SELECT customer_id, order_id, amount * qty AS total FROM orders WHERE amount > 50 EMIT CHANGES;` : which === 'w4' ? `CREATE TABLE w2 AS SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total FROM orders WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY customer_id EMIT CHANGES;` : `CREATE TABLE w2 AS SELECT customer_id, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY customer_id EMIT CHANGES;`
for (let i = 0; i < 4; i++) {
  const t = performance.now()
  await engine.execute(q); await engine.caughtUp()
  console.log(which, (1e6 / (performance.now() - t)).toFixed(0), 'k/s')
  await engine.execute(which === 'w2' ? 'DROP STREAM w2 DELETE TOPIC;' : 'DROP TABLE w2 DELETE TOPIC;')
}
await engine.close(); await log.close()
