import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/common/index.js'
import { Log } from '../../../src/log/index.js'
import { RateMeter } from '../../../src/sql/engine/query-rates.js'
import { SqlEngine } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`
    CREATE STREAM orders (id INT KEY, item STRING, price INT)
      WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    CREATE TABLE counts AS SELECT item, COUNT(*) AS n FROM orders GROUP BY item;`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function said(sql: string): Promise<string> {
  const result = (await engine.execute(sql)).at(-1)!
  return result.kind === 'message' ? result.message : ''
}

describe('EXPLAIN ANALYZE of a running query', () => {
  it('shows rates, lag, what its stores hold and how often they had to be read', async () => {
    for (const item of ['pen', 'ink', 'pen']) {
      await engine.execute(`INSERT INTO orders VALUES (1, '${item}', 5);`)
    }
    await engine.caughtUp()
    const text = await said('EXPLAIN ANALYZE CTAS_COUNTS_0;')
    expect(text).toMatch(/in \d+(\.\d)? records\/s, out \d+(\.\d)? records\/s, over the last \d+\.\d s/)
    expect(text).toContain('lag 0')
    expect(text).toMatch(/Stores\n-+\n\S+ : rows 2, bytes \d{4,}, cache hits \d+\.\d % of \d+ look-ups/)
    expect(text).toContain('Logical plan')
    expect(await said('EXPLAIN CTAS_COUNTS_0;')).not.toContain('Stores')
  })

  it('shows what each step has passed over, and the last reason', async () => {
    await engine.execute('CREATE STREAM shares AS SELECT id, 100 / price AS share FROM orders;')
    await engine.execute(
      `INSERT INTO orders VALUES (1, 'pen', 0); INSERT INTO orders (id, price) VALUES (2, 1);`,
    )
    await engine.caughtUp()
    expect(await said('EXPLAIN ANALYZE CSAS_SHARES_1;')).toMatch(
      /Project : logged 1, last at \S+: \/ by zero/,
    )
    expect(await said('EXPLAIN ANALYZE CTAS_COUNTS_0;')).toMatch(
      / : logged 1, last at \S+: The record has no key/,
    )
  })

  it('refuses an unknown id with the nearest one', async () => {
    const failure = engine.execute('EXPLAIN ANALYZE CTAS_COUNT_0;')
    await expect(failure).rejects.toMatchObject({ suggestion: 'Did you mean CTAS_COUNTS_0?' })
  })
})

it('EXPLAIN shows the generated source where it is asked to', async () => {
  const sql = 'EXPLAIN SELECT price * 7 AS much FROM orders EMIT CHANGES;'
  expect(await said(sql)).not.toContain('Generated source')
  await engine.execute(`SET 'ksql.explain.generated.source' = 'true';`)
  expect(await said(sql)).toMatch(/Generated source\n-+\n"use strict";[\s\S]*\b7\b/)
  expect(await said('EXPLAIN CTAS_COUNTS_0;')).toContain('Generated source')
})

describe('rates', () => {
  it('are taken between two looks, the first since the query was started', () => {
    const clock = new ManualClock(1000)
    const meter = new RateMeter(clock)
    meter.started('q')
    clock.advance(2000)
    expect(meter.look('q', { recordsIn: 10, recordsOut: 4 })).toEqual({ inPerS: 5, outPerS: 2, overMs: 2000 })
    clock.advance(500)
    expect(meter.look('q', { recordsIn: 20, recordsOut: 4 })).toEqual({ inPerS: 20, outPerS: 0, overMs: 500 })
    clock.advance(500)
    expect(meter.look('q', { recordsIn: 30, recordsOut: 4 })).toEqual({
      inPerS: 20,
      outPerS: 0,
      overMs: 1000,
    })
  })
})
