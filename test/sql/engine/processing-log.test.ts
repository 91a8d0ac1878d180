import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine } from '../../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`
    CREATE STREAM clicks (id INT KEY, page STRING, ms INT)
      WITH (KAFKA_TOPIC = 'clicks', KEY_FORMAT = 'JSON', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    CREATE TABLE pages (page STRING PRIMARY KEY, title STRING)
      WITH (KAFKA_TOPIC = 'pages', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function send(
  topic: string,
  key: string | null,
  value: string | null,
  timestamp: number,
): Promise<void> {
  const producer = log.producer({ lingerMs: 0 })
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
  await producer.send({ topic, key: bytes(key), value: bytes(value), timestamp })
  await producer.close()
}

async function logged(columns: string): Promise<unknown[][]> {
  await engine.caughtUp()
  await engine.processingLog.flush()
  return (await engine.pull(`SELECT ${columns} FROM KSQL_PROCESSING_LOG;`)).map((row) => [...row.columns])
}

const bytes = `FROM_BYTES(record_key, 'utf8'), FROM_BYTES(record_value, 'utf8')`

describe('the processing log', () => {
  it('holds records that come too late for their window, with their place and bytes', async () => {
    await engine.execute(`CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM clicks
      WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY id;`)
    await send('clicks', '1', '{"PAGE":"a"}', 1000)
    await send('clicks', '1', '{"PAGE":"b"}', 9000)
    await send('clicks', '1', '{"PAGE":"late"}', 1500)
    expect(await logged(`query_id, kind, record_topic, record_partition, record_offset, ${bytes}`)).toEqual([
      ['CTAS_COUNTS_0', 'late', 'clicks', 0, 2, '1', '{"PAGE":"late"}'],
    ])
  })

  it('holds records without the key that a join needs', async () => {
    await engine.execute(
      'CREATE STREAM titled AS SELECT c.page AS page, title, ms FROM clicks c JOIN pages p ON c.page = p.page;',
    )
    await send('clicks', '1', '{"MS":3}', 5)
    const rows = await logged(`query_id, kind, record_offset, ${bytes}`)
    expect(rows).toEqual([['CSAS_TITLED_0', 'null-key-repartition', 0, '1', '{"MS":3}']])
  })

  it('holds records that GROUP BY has no group for', async () => {
    await engine.execute('CREATE TABLE counts AS SELECT page, COUNT(*) AS n FROM clicks GROUP BY page;')
    await send('clicks', '1', '{"MS":3}', 5)
    expect(await logged(`query_id, kind, record_offset, ${bytes}`)).toEqual([
      ['CTAS_COUNTS_0', 'null-key', 0, '1', '{"MS":3}'],
    ])
  })

  it('holds the bytes of what cannot be read, in ksqlDB’s shape too', async () => {
    await engine.execute('CREATE STREAM copy AS SELECT * FROM clicks;')
    await send('clicks', '1', '{"PAGE":', 5)
    const [row] = await logged(
      `logger, level, message->type, message->deserializationError->\`topic\`, message->deserializationError->recordB64`,
    )
    expect(row).toEqual([
      'processing.CSAS_COPY_0.Deserialize',
      'ERROR',
      0,
      'clicks',
      Buffer.from('{"PAGE":').toString('base64'),
    ])
  })

  it('says why a query has stopped', async () => {
    await engine.execute(
      `CREATE TABLE sums AS SELECT id, SUM(CAST(ms AS DECIMAL(3, 0))) AS s FROM clicks GROUP BY id;`,
    )
    await send('clicks', '1', '{"MS":999}', 5)
    await send('clicks', '1', '{"MS":999}', 6)
    await expect(engine.caughtUp()).rejects.toThrow()
    await engine.processingLog.flush()
    const rows = await engine.pull('SELECT query_id, kind, message->type FROM KSQL_PROCESSING_LOG;')
    expect(rows.map((r) => [...r.columns])).toEqual([['CTAS_SUMS_0', 'failure', 4]])
  })

  it('does not feed on itself', async () => {
    await engine.execute(
      'CREATE STREAM places AS SELECT query_id, 1 / (record_offset - record_offset) AS x FROM KSQL_PROCESSING_LOG;',
    )
    await engine.execute('CREATE STREAM copy AS SELECT * FROM clicks;')
    await send('clicks', '1', '{"PAGE":', 5)
    expect((await logged('query_id')).map(([id]) => id)).toEqual(['CSAS_COPY_1'])
    await engine.caughtUp()
    expect(engine.processingLog.count('CSAS_PLACES_0')).toBe(1)
  })

  it('is not there where it is not wanted', async () => {
    const other = Log.memory()
    const properties = { 'ksql.logging.processing.stream.auto.create': 'false' }
    const quiet = await SqlEngine.create({ log: other, properties })
    expect(quiet.metastore.sources).toEqual([])
    await quiet.close()
    await other.close()
  })
})
