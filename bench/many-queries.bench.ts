import { type Measurement, measure } from './measure.js'
import { withSources } from './sql-workloads.js'
import { RECORDS } from './workloads.js'

/** So that the longest run does not take minutes. */
const READS_MAX = 20 * RECORDS

/** Ever more queries over one topic, each with a result of its own: records read, by all queries together, per second. */
export async function benchManyQueries(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const queries of [1, 10, 50, 200]) {
    const records = Math.min(RECORDS, Math.floor(READS_MAX / queries))
    results.push(await manyQueries(queries, records))
  }
  return results
}

async function manyQueries(queries: number, records: number): Promise<Measurement> {
  let measurement: Measurement | null = null
  await withSources(
    'w2',
    async (engine) => {
      const numbers = Array.from({ length: queries }, (_, i) => i)
      measurement = await measure(
        `W2 by ${queries} queries over one topic of ${records.toLocaleString('en-US')}`,
        queries * records,
        async (timed) => {
          await timed(async () => {
            await engine.execute(
              numbers
                .map(
                  (i) =>
                    `CREATE STREAM result${i} AS SELECT customer_id, order_id, amount * qty AS total FROM orders
                     WHERE amount > ${50 + (i % 50)} EMIT CHANGES;`,
                )
                .join('\n'),
            )
            await engine.caughtUp()
          })
          await engine.execute(numbers.map((i) => `DROP STREAM result${i} DELETE TOPIC;`).join('\n'))
        },
        'exactly-once',
      )
    },
    records,
  )
  return measurement!
}
