import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`CREATE STREAM orders (id INT KEY, item STRING, amount INT)
    WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

const versions = (subject: string): number[] =>
  engine.executor.schemaRegistry.versions(subject).map((v) => v.version)

const create = "CREATE STREAM copy WITH (VALUE_FORMAT = 'AVRO') AS SELECT id, amount FROM orders;"

describe('the schema of a query’s results', () => {
  it('gets a version when the query gets a column, and earlier records are read with it', async () => {
    await engine.execute(`${create} INSERT INTO orders VALUES (1, 'pen', 10);`)
    await engine.caughtUp()
    await engine.execute(
      `CREATE OR REPLACE STREAM copy WITH (VALUE_FORMAT = 'AVRO') AS SELECT id, amount, item FROM orders;
       INSERT INTO orders VALUES (2, 'ink', 20);`,
    )
    await engine.caughtUp()
    expect(versions('COPY-value')).toEqual([1, 2])
    const rows = await engine.pull('SELECT * FROM copy;')
    expect(rows.map((r) => [...r.columns])).toEqual([
      [1, 10, null],
      [2, 20, 'ink'],
    ])
  })

  it('is refused with the reason where the topic’s schemas do not allow it, and nothing is changed', async () => {
    const registry = engine.executor.schemaRegistry
    const field = { name: 'AMOUNT', type: { type: 'array', items: 'string' } }
    const text = JSON.stringify({
      type: 'record',
      name: 'KsqlDataSourceSchema',
      namespace: 'io.confluent.ksql.avro_schemas',
      fields: [field],
    })
    registry.register('COPY-value', { type: 'AVRO', text })
    await registry.flush()
    const topics = await log.admin.listTopics()
    await expect(engine.execute(create)).rejects.toThrow(/incompatible with an earlier schema.*AMOUNT/s)
    expect(await log.admin.listTopics()).toEqual(topics)
    expect(engine.metastore.find('COPY')).toBeUndefined()
    registry.setCompatibility('COPY-value', 'NONE')
    await engine.execute(create)
    expect(versions('COPY-value')).toEqual([1, 2])
  })
})
