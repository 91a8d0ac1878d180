import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log, type Producer } from '../../../src/log/index.js'
import { Serdes } from '../../../src/serde/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

const topic = '_confluent-ksql-default__command_topic'
const orders = `CREATE STREAM orders (id INT KEY, amount INT)
  WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function restart(): Promise<void> {
  await engine.close()
  engine = await SqlEngine.create({ log })
}

async function written(): Promise<Record<string, unknown>[]> {
  const consumer = log.consumer({
    valueSerde: Serdes.json<Record<string, unknown>>(),
    autoOffsetReset: 'earliest',
  })
  consumer.assign([{ topic, partition: 0 }])
  const [end] = await consumer.endOffsets([{ topic, partition: 0 }])
  const found: Record<string, unknown>[] = []
  while (found.length < end!) found.push(...(await consumer.poll(100)).map((r) => r.value!))
  await consumer.close()
  return found
}

/** Writes what an engine that was killed before its next step would have left. */
async function append(...commands: Record<string, unknown>[]): Promise<void> {
  const producer: Producer<Uint8Array, Record<string, unknown>> = log.producer({
    valueSerde: Serdes.json<Record<string, unknown>>(),
    lingerMs: 0,
  })
  for (const value of commands) await producer.send({ topic, value })
  await producer.close()
}

async function sources(): Promise<string[]> {
  return engine.metastore.sources.map((s) => s.name).filter((name) => !name.startsWith('KSQL_'))
}

describe('the command topic', () => {
  it('holds a command before it takes effect, and its outcome after that', async () => {
    await engine.execute(orders)
    expect(await written()).toEqual([
      { statement: orders, properties: {}, queryId: null, sequence: 0 },
      { outcomeOf: 0, status: 'success' },
    ])
  })

  it('holds nothing of statements that are refused, or that change nothing', async () => {
    await engine.execute(orders)
    const before = await written()
    await expect(engine.execute('CREATE STREAM x AS SELECT * FROM nowhere;')).rejects.toThrow('NOWHERE')
    await engine.execute(orders.replace('STREAM', 'STREAM IF NOT EXISTS'))
    await engine.execute('SHOW STREAMS; INSERT INTO orders VALUES (1, 2);')
    expect(await written()).toEqual(before)
  })

  it('has a command carried out that a crash came before', async () => {
    await engine.execute(orders)
    await engine.execute('INSERT INTO orders VALUES (1, 10);')
    await append({
      statement: 'CREATE STREAM large AS SELECT * FROM orders WHERE amount > 5;',
      properties: {},
      queryId: 'CSAS_LARGE_0',
      sequence: 1,
    })
    await restart()
    await engine.caughtUp()
    expect((await engine.pull('SELECT amount FROM large;')).map((r) => r.columns)).toEqual([[10]])
    expect((await written()).at(-1)).toEqual({ outcomeOf: 1, status: 'success' })
    await restart()
    expect([...engine.executor.queries.keys()]).toEqual(['CSAS_LARGE_0'])
  })

  it('drops a topic whose drop a crash came before, and stops its query', async () => {
    await engine.execute(orders)
    await engine.execute('CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;')
    await append({
      statement: 'DROP TABLE counts DELETE TOPIC;',
      properties: {},
      queryId: null,
      sequence: 2,
    })
    await restart()
    expect(await sources()).toEqual(['ORDERS'])
    const topics = await log.admin.listTopics()
    expect(topics.filter((name) => name === 'COUNTS' || name.includes('CTAS_COUNTS'))).toEqual([])
  })

  it('does not run again what has failed', async () => {
    await engine.execute(orders)
    await append(
      {
        statement: 'CREATE STREAM copy AS SELECT * FROM orders;',
        properties: {},
        queryId: 'CSAS_COPY_0',
        sequence: 1,
      },
      { outcomeOf: 1, status: 'failed', message: 'disk full' },
    )
    await restart()
    expect(await sources()).toEqual(['ORDERS'])
    await engine.execute('CREATE STREAM copy AS SELECT * FROM orders;')
    expect((await written()).at(-1)).toEqual({ outcomeOf: 2, status: 'success' })
  })

  it('reports a command that cannot be finished, and runs the others', async () => {
    await engine.execute(orders)
    await append({ statement: 'DROP STREAM nowhere;', properties: {}, queryId: null, sequence: 1 })
    await restart()
    expect(await sources()).toEqual(['ORDERS'])
    expect((await written()).at(-1)).toMatchObject({ outcomeOf: 1, status: 'failed' })
    await engine.processingLog.flush()
    const [row] = await engine.pull('SELECT query_id, kind, reason FROM KSQL_PROCESSING_LOG;')
    expect(row!.columns).toEqual(['DROP STREAM nowhere;', 'restart', 'Stream NOWHERE does not exist'])
  })

  it('reads commands that were written without outcomes', async () => {
    await engine.close()
    await append({ statement: orders, properties: {}, queryId: null })
    engine = await SqlEngine.create({ log })
    expect(await sources()).toEqual(['ORDERS'])
  })

  it('leaves alone a topic that was made anew after a DROP … DELETE TOPIC', async () => {
    await engine.execute(orders)
    await engine.execute('DROP STREAM orders DELETE TOPIC;')
    await engine.execute(orders)
    await engine.execute('INSERT INTO orders VALUES (1, 10);')
    await restart()
    expect((await engine.pull('SELECT amount FROM orders;')).map((r) => r.columns)).toEqual([[10]])
  })

  it('does not bring back a topic that was dropped', async () => {
    await engine.execute(orders)
    await engine.execute('DROP STREAM orders DELETE TOPIC;')
    await restart()
    expect(await log.admin.listTopics()).not.toContain('orders')
  })

  it('keeps what ALTER SYSTEM has set', async () => {
    await engine.execute(`ALTER SYSTEM 'ksql.output.topic.name.prefix' = 'made-';`)
    await restart()
    await engine.execute(`${orders} CREATE STREAM copy AS SELECT * FROM orders;`)
    expect(engine.metastore.find('COPY')?.topic).toBe('made-COPY')
  })

  it('forgets the schemas of a topic that is dropped', async () => {
    const typed = orders.replace("VALUE_FORMAT = 'JSON'", "VALUE_FORMAT = 'AVRO'")
    await engine.execute(typed)
    await engine.execute('DROP STREAM orders DELETE TOPIC;')
    await engine.execute(typed.replace('amount INT', 'amount STRING'))
    const { schemaRegistry } = engine.executor
    expect(schemaRegistry.versions('orders-value').map((v) => v.version)).toEqual([2])
    await restart()
    expect(engine.executor.schemaRegistry.versions('orders-value').map((v) => v.version)).toEqual([2])
  })
})
