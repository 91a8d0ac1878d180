import type { Log } from '../src/log/index.js'
import { SqlEngine } from '../src/sql/index.js'
import { type Measurement, measure } from './measure.js'
import { withLog } from './workloads.js'

const ROWS = Number(process.env['BENCH_ROWS'] ?? 1_000_000)

async function fillPeople(log: Log): Promise<void> {
  await log.admin.createTopics([{ topic: 'people', partitions: 1 }])
  const producer = log.producer()
  for (let i = 0; i < ROWS; i++) {
    const value = {
      EMAIL: `p${(i * 7919) % ROWS}@example.com`,
      CITY: `city ${i % 1000}`,
      SCORE: (i * 31) % 10_007,
    }
    producer.write({ topic: 'people', key: Buffer.from(`p${i}`), value: Buffer.from(JSON.stringify(value)) })
    if (i % 10_000 === 0) await producer.flush()
  }
  await producer.close()
}

/** Pull queries on a table of many rows: queries a second, with an index and without. */
export async function benchPull(): Promise<Measurement[]> {
  const results: Measurement[] = []
  await withLog(async (log, stateDirectory) => {
    await fillPeople(log)
    const engine = await SqlEngine.create({ log, stateDirectory })
    const queries = async (name: string, count: number, sql: (i: number) => string, note: string) => {
      const text = `${name}, ${ROWS.toLocaleString('en-US')} rows`
      const run = async (timed: (body: () => Promise<void>) => Promise<void>) =>
        timed(async () => {
          for (let i = 0; i < count; i++) await engine.pull(sql(i))
        })
      results.push(await measure(text, count, run, note))
    }
    const byEmail = (i: number) =>
      `SELECT id, score FROM people WHERE email = 'p${(i * 104_729) % ROWS}@example.com';`
    const top = () => 'SELECT id, score FROM people ORDER BY score DESC LIMIT 10;'
    try {
      await engine.execute(
        `CREATE TABLE people_topic (id STRING PRIMARY KEY, email STRING, city STRING, score INT)
           WITH (KAFKA_TOPIC = 'people', VALUE_FORMAT = 'JSON');
         CREATE TABLE people AS SELECT * FROM people_topic;`,
      )
      await engine.caughtUp()
      await queries(
        'pull by key',
        1000,
        (i) => `SELECT score FROM people WHERE id = 'p${(i * 104_729) % ROWS}';`,
        '',
      )
      await queries('pull by another column', 3, byEmail, 'scan')
      await queries('pull the first 10 in order', 3, top, 'scan')
      await queries('pull COUNT(*) by city', 1, () => 'SELECT city, COUNT(*) FROM people GROUP BY city;', '')
      await engine.execute(
        'CREATE INDEX by_email ON people (email); CREATE INDEX by_score ON people (score);',
      )
      await queries('pull by another column', 1000, byEmail, 'index')
      await queries('pull the first 10 in order', 1000, top, 'index')
    } finally {
      await engine.close()
    }
  })
  return results
}
