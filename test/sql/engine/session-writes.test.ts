import { afterEach, beforeEach, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = await Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`
    CREATE STREAM visits (page STRING KEY, duration INT)
      WITH (KAFKA_TOPIC = 'visits', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
    CREATE STREAM long_visits AS SELECT * FROM visits WHERE duration > 10 EMIT CHANGES;
    CREATE TABLE per_page AS SELECT page, COUNT(*) AS n FROM long_visits GROUP BY page EMIT CHANGES;`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function pulled(sql: string, properties = {}): Promise<unknown[][]> {
  return (await engine.pull(sql, { properties })).map((row) => [...row.columns])
}

it('a pull query sees what its session has inserted, through a chain of queries', async () => {
  for (let i = 1; i <= 20; i++) {
    await engine.execute(`INSERT INTO visits VALUES ('home', ${10 + i});`)
    expect(await pulled("SELECT n FROM per_page WHERE page = 'home';")).toEqual([[i]])
  }
  expect(await pulled('SELECT page FROM long_visits;')).toHaveLength(20)
})

it('does not wait for a query that is paused', async () => {
  await engine.execute("PAUSE ALL; INSERT INTO visits VALUES ('home', 11);")
  expect(await pulled('SELECT * FROM per_page;')).toEqual([])
  await engine.execute('RESUME ALL;')
  expect(await pulled('SELECT n FROM per_page;')).toEqual([[1]])
})

it('sees what an INSERT INTO … SELECT adds to the table', async () => {
  await engine.execute(`
    CREATE STREAM imported (page STRING KEY, duration INT)
      WITH (KAFKA_TOPIC = 'imported', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
    INSERT INTO long_visits SELECT * FROM imported EMIT CHANGES;
    INSERT INTO imported VALUES ('about', 99);`)
  expect(await pulled('SELECT page, n FROM per_page;')).toEqual([['about', 1]])
})
