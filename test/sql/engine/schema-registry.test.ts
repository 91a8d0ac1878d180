import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

/* Statements that take their columns from the schema registry, and put their schemas there. */

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log, properties: { 'auto.offset.reset': 'earliest' } })
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function restart(): Promise<void> {
  await engine.close()
  engine = await SqlEngine.create({ log, properties: { 'auto.offset.reset': 'earliest' } })
}

async function rows(sql: string): Promise<unknown[][]> {
  const found = await engine.pull(sql)
  return found.map((row) => [...row.columns]).sort((a, b) => (String(a) < String(b) ? -1 : 1))
}

const registry = () => engine.executor.schemaRegistry

const readings = (format: string): string =>
  `CREATE STREAM readings (sensor STRING KEY, value DOUBLE, tags ARRAY<STRING>)
     WITH (KAFKA_TOPIC = 'readings', FORMAT = '${format}', PARTITIONS = 3);`

describe.each(['AVRO', 'PROTOBUF', 'JSON_SR'])('streams and tables in %s', (format) => {
  it('go on after a restart, with the schemas they had', async () => {
    await engine.execute(readings(format))
    await engine.execute(
      'CREATE TABLE totals AS SELECT sensor, SUM(value) AS total FROM readings GROUP BY sensor;',
    )
    const insert = (sensor: string, value: number) =>
      engine.execute(`INSERT INTO readings (sensor, value, tags) VALUES ('${sensor}', ${value}, ARRAY['a']);`)
    for (let i = 0; i < 10; i++) await insert(`s${i % 3}`, i)
    await engine.caughtUp()
    const before = registry()
      .subjects()
      .map((s) => [s, registry().latest(s)?.schema.id])
    expect(before.map(([subject]) => subject)).toEqual([
      'readings-key',
      'readings-value',
      'TOTALS-key',
      'TOTALS-value',
    ])
    await restart()
    expect(
      registry()
        .subjects()
        .map((s) => [s, registry().latest(s)?.schema.id]),
    ).toEqual(before)
    await insert('s0', 100)
    await engine.caughtUp()
    expect(await rows('SELECT * FROM totals;')).toEqual([
      ['s0', 118],
      ['s1', 12],
      ['s2', 15],
    ])
    expect(await rows("SELECT tags FROM readings WHERE sensor = 's1' LIMIT 1;")).toEqual([[['a']]])
  })

  it('are read by streams that do not say their columns', async () => {
    await engine.execute(readings(format))
    await engine.execute("INSERT INTO readings (sensor, value, tags) VALUES ('s', 1.5, ARRAY['x', 'y']);")
    await engine.execute(`CREATE STREAM again WITH (KAFKA_TOPIC = 'readings', FORMAT = '${format}');`)
    const key = format === 'PROTOBUF' ? 'SENSOR' : 'ROWKEY'
    expect(engine.metastore.find('AGAIN')?.schema.toString()).toBe(
      `\`${key}\` STRING KEY, \`VALUE\` DOUBLE, \`TAGS\` ARRAY<STRING>`,
    )
    expect(await rows('SELECT * FROM again;')).toEqual([['s', 1.5, ['x', 'y']]])
  })
})

describe('columns that were taken from the registry', () => {
  const schema = (...fields: object[]) =>
    ({ type: 'AVRO', text: JSON.stringify({ type: 'record', name: 'r', fields }) }) as const
  const added = { name: 'b', type: ['null', 'string'], default: null }

  beforeEach(async () => {
    await log.admin.createTopics([{ topic: 't', partitions: 1 }])
  })

  it('stay what they were when the statement is replayed', async () => {
    registry().register('t-value', schema({ name: 'a', type: 'int' }))
    await engine.execute("CREATE STREAM s WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO');")
    registry().register('t-value', schema({ name: 'a', type: 'int' }, added))
    await restart()
    expect(engine.metastore.find('S')?.schema.toString()).toBe('`A` INTEGER')
  })

  it('keep the names of a schema chosen by its id, after a restart too', async () => {
    const { id } = registry().register('t-value', schema({ name: 'a', type: 'int' })).schema
    await engine.execute(
      `CREATE STREAM s WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO', VALUE_SCHEMA_ID = ${id});`,
    )
    await restart()
    expect(engine.metastore.find('S')?.schema.toString()).toBe('`a` INTEGER')
  })

  it('are refused where there is no schema', async () => {
    const statement = "CREATE STREAM s WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO');"
    await expect(engine.execute(statement)).rejects.toThrow(
      "Schema for message values on topic 't' does not exist",
    )
  })
})

it('a query whose results do not fit the schema of its topic is refused before it starts', async () => {
  await engine.execute(readings('AVRO'))
  await engine.execute("CREATE STREAM out WITH (KAFKA_TOPIC = 'o') AS SELECT sensor, value FROM readings;")
  const other =
    "CREATE STREAM other WITH (KAFKA_TOPIC = 'o') AS SELECT sensor, CAST(value AS STRING) AS value FROM readings;"
  await expect(engine.execute(other)).rejects.toThrow(
    'Could not register schema for topic: Schema being registered is incompatible',
  )
  expect(engine.metastore.find('OTHER')).toBeUndefined()
})

describe.each(['AVRO', 'PROTOBUF', 'JSON_SR'])('joins of topics with %s keys', (format) => {
  const count = 20

  it('find every partner, though the schemas of their keys have different ids', async () => {
    await engine.execute(`
      CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 's', FORMAT = '${format}', PARTITIONS = 4);
      CREATE TABLE t (id STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC = 't', FORMAT = '${format}', PARTITIONS = 4);
      CREATE TABLE u (uid STRING PRIMARY KEY, ref STRING) WITH (KAFKA_TOPIC = 'u', FORMAT = '${format}', PARTITIONS = 4);`)
    for (let i = 0; i < count; i++) {
      await engine.execute(`INSERT INTO t (id, w) VALUES ('k${i}', ${i});
        INSERT INTO u (uid, ref) VALUES ('k${i}', 'k${(i * 7) % count}');`)
    }
    await engine.execute(`
      CREATE STREAM st AS SELECT s.k AS k, v, w FROM s JOIN t ON s.k = t.id EMIT CHANGES;
      CREATE TABLE tu AS SELECT t.id AS id, w, ref FROM t JOIN u ON t.id = u.uid;
      CREATE TABLE ut AS SELECT u.uid AS uid, w FROM u JOIN t ON u.ref = t.id;`)
    await engine.caughtUp()
    for (let i = 0; i < count; i++) await engine.execute(`INSERT INTO s (k, v) VALUES ('k${i}', ${i});`)
    await engine.caughtUp()
    const each = <T>(make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
    const sorted = (expected: unknown[][]) => expected.sort((a, b) => (String(a) < String(b) ? -1 : 1))
    expect(await rows('SELECT * FROM st;')).toEqual(sorted(each((i) => [`k${i}`, i, i])))
    expect(await rows('SELECT * FROM tu;')).toEqual(sorted(each((i) => [`k${i}`, i, `k${(i * 7) % count}`])))
    expect(await rows('SELECT * FROM ut;')).toEqual(sorted(each((i) => [`k${i}`, (i * 7) % count])))
  })
})
