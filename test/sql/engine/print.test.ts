import { firstValueFrom, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Headers, ProducerRecord } from '../../../src/log/index.js'
import { PrintQuery } from '../../../src/sql/engine/print-topic.js'
import type { QueryRow } from '../../../src/sql/engine/result-rows.js'
import { type CatalogueFixture, catalogue, parsed } from './catalogue-fixture.js'

function print(fixture: CatalogueFixture, sql: string): Promise<PrintQuery> {
  const { log, metastore } = fixture
  return PrintQuery.start(parsed('print', sql), { log, metastore })
}

/** Everything that is in the topic, and the query that printed it. */
async function printAll(fixture: CatalogueFixture, sql: string) {
  const query = await print(fixture, sql)
  const rows: QueryRow[] = []
  query.rows.subscribe((row) => rows.push(row))
  await query.caughtUp()
  await query.stop()
  return { query, rows: rows.map((r) => r.columns), tombstones: rows.filter((r) => r.tombstone) }
}

async function topicWith(...values: readonly (string | Buffer | null)[]): Promise<CatalogueFixture> {
  const fixture = catalogue()
  await fixture.log.admin.createTopics([{ topic: 't' }])
  await fixture.send(
    ...values.map((value) => ({ topic: 't', value: value === null ? null : Buffer.from(value) })),
  )
  return fixture
}

function int64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64BE(value)
  return buffer
}

function double(value: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeDoubleBE(value)
  return buffer
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}

const VALUE = 2

describe('PRINT', () => {
  it('shows time, key, value, partition, offset and headers of each record', async () => {
    const fixture = catalogue()
    await fixture.log.admin.createTopics([{ topic: 't', partitions: 2 }])
    const headers: Headers = [
      { key: 'trace', value: Buffer.from('4bf9') },
      { key: 'raw', value: Buffer.from([0, 255]) },
      { key: 'none', value: null },
    ]
    await fixture.send(
      { topic: 't', partition: 1, timestamp: 5, key: Buffer.from('k'), value: Buffer.from('v'), headers },
      { topic: 't', partition: 1, timestamp: 6, key: Buffer.from('k'), value: null },
    )
    const { rows, query } = await printAll(fixture, "PRINT 't' FROM BEGINNING;")
    expect(query.columns.map((c) => c.name)).toEqual([
      'ROWTIME',
      'KEY',
      'VALUE',
      'PARTITION',
      'OFFSET',
      'HEADERS',
    ])
    expect(rows).toEqual([
      [5, 'k', 'v', 1, 0, 'trace=4bf9, raw=0x00ff, none=NULL'],
      [6, 'k', null, 1, 1, ''],
    ])
  })

  it('keeps tombstones on the screen: they are records too', async () => {
    const { rows, tombstones } = await printAll(await topicWith('a', null), 'PRINT t FROM BEGINNING;')
    expect(rows.map((r) => r[VALUE])).toEqual(['a', null])
    expect(tombstones).toEqual([])
  })

  it('begins with what comes after the statement, even before somebody reads', async () => {
    const fixture = await topicWith('old')
    const query = await print(fixture, 'PRINT t;')
    await fixture.send({ topic: 't', value: Buffer.from('new') })
    const row = await firstValueFrom(query.rows)
    await query.stop()
    expect(row.columns[VALUE]).toBe('new')
  })

  it('goes on showing records as they come', async () => {
    const fixture = await topicWith('a')
    const query = await print(fixture, 'PRINT t FROM BEGINNING;')
    const three = firstValueFrom(query.rows.pipe(take(3), toArray()))
    await query.caughtUp()
    for (const value of ['b', 'c']) {
      await fixture.send({ topic: 't', value: Buffer.from(value) })
      await query.caughtUp()
    }
    expect((await three).map((r) => r.columns[VALUE])).toEqual(['a', 'b', 'c'])
    await query.stop()
  })

  it('ends at its LIMIT', async () => {
    const query = await print(await topicWith('a', 'b', 'c'), 'PRINT t FROM BEGINNING LIMIT 2;')
    const rows = await firstValueFrom(query.rows.pipe(toArray()))
    expect(rows.map((r) => r.columns[VALUE])).toEqual(['a', 'b'])
  })

  it('shows every n-th record with INTERVAL, and counts the LIMIT in shown ones', async () => {
    const fixture = await topicWith('a', 'b', 'c', 'd', 'e', 'f', 'g')
    const { rows } = await printAll(fixture, 'PRINT t FROM BEGINNING INTERVAL 3;')
    expect(rows.map((r) => r[VALUE])).toEqual(['a', 'd', 'g'])
    const query = await print(fixture, 'PRINT t FROM BEGINNING INTERVAL 3 LIMIT 2;')
    const limited = await firstValueFrom(query.rows.pipe(toArray()))
    expect(limited.map((r) => r.columns[VALUE])).toEqual(['a', 'd'])
  })

  it('shows committed records only, and catches up over the markers of transactions', async () => {
    const fixture = await topicWith()
    const producer = fixture.log.producer({ transactionalId: 'x', lingerMs: 0 })
    await producer.initTransactions()
    for (const [value, commit] of [
      ['kept', true],
      ['undone', false],
    ] as const) {
      producer.beginTransaction()
      await producer.send({ topic: 't', value: Buffer.from(value) })
      await (commit ? producer.commitTransaction() : producer.abortTransaction())
    }
    const { rows } = await printAll(fixture, 'PRINT t FROM BEGINNING;')
    expect(rows.map((r) => r[VALUE])).toEqual(['kept'])
  })

  it('can be read in a loop, which ends it when left', async () => {
    const fixture = await topicWith('a', 'b', 'c')
    const ended: string[] = []
    const query = await PrintQuery.start(parsed('print', 'PRINT t FROM BEGINNING;'), {
      log: fixture.log,
      metastore: fixture.metastore,
      onEnd: ({ id }) => ended.push(id),
    })
    const seen: unknown[] = []
    for await (const { columns } of query) {
      seen.push(columns[VALUE])
      if (seen.length === 2) break
    }
    expect(seen).toEqual(['a', 'b'])
    expect(ended).toEqual(['print_t'])
  })

  it('completes its rows at stop, and lets those go who wait for it', async () => {
    const query = await print(await topicWith(), 'PRINT t;')
    const rows = firstValueFrom(query.rows.pipe(toArray()))
    const unread = await print(await topicWith('a'), 'PRINT t FROM BEGINNING;')
    const waiting = unread.caughtUp()
    await query.stop()
    await query.stop()
    await unread.stop()
    expect(await rows).toEqual([])
    await waiting
    await query.caughtUp()
  })

  it('explains an empty screen', async () => {
    const fixture = await topicWith('a', 'b')
    const query = await print(fixture, 'PRINT t;')
    expect(await query.explainEmpty()).toBe(
      'No records yet: topic t holds 2. New ones are printed. Add FROM BEGINNING to see those that are there.',
    )
    await query.stop()
  })

  it('refuses a topic that is not there, and proposes the one that may be meant', async () => {
    const failure = print(await topicWith(), 'PRINT T;')
    await expect(failure).rejects.toThrow("Could not find topic 'T'. Topic names are case-sensitive.")
    await expect(failure).rejects.toMatchObject({ suggestion: "Did you mean 't'?" })
  })

  it.each(['PRINT t INTERVAL 0;', 'PRINT t LIMIT 0;'])('refuses %s', async (sql) => {
    await expect(print(await topicWith(), sql)).rejects.toThrow('must be at least 1')
  })
})

describe('the formats PRINT guesses', () => {
  const cases: readonly [string, readonly (string | Buffer)[], string, readonly string[]][] = [
    ['JSON objects', ['{"a":1}', '[2]'], 'JSON', ['{"a":1}', '[2]']],
    ['bare JSON values', ['1', '"x"'], 'JSON or KAFKA_STRING', ['1', '"x"']],
    ['text', ['hello', 'wörld'], 'KAFKA_STRING', ['hello', 'wörld']],
    ['lines with as many fields', ['a,1', 'b,2'], 'DELIMITED or KAFKA_STRING', ['a,1', 'b,2']],
    ['lines with fields of different number', ['a,1', 'b'], 'KAFKA_STRING', ['a,1', 'b']],
    ['4 bytes', [int32(7), int32(-1)], 'KAFKA_INT', ['7', '-1']],
    [
      '8 bytes',
      [int64(42n), int64(-(2n ** 63n))],
      'KAFKA_BIGINT or KAFKA_DOUBLE',
      ['42', '-9223372036854775808'],
    ],
    [
      '8 bytes of the size of everyday doubles',
      [double(1.5), double(-2e6)],
      'KAFKA_DOUBLE or KAFKA_BIGINT',
      ['1.5', '-2000000'],
    ],
    ['text of 4 and 8 characters', ['abcd', 'abcdefgh'], 'KAFKA_STRING', ['abcd', 'abcdefgh']],
    [
      'numbers whose bytes are text, among others',
      [int32(0x41424344), int32(1)],
      'KAFKA_INT',
      ['1094861636', '1'],
    ],
    ['JSON beside text', ['{"a":1}', 'b'], 'KAFKA_STRING', ['{"a":1}', 'b']],
    ['other bytes', [Buffer.from([0, 1, 254]), 'text'], 'BYTES', ['0x0001fe', 'text']],
  ]

  it.each(cases)('%s', async (_what, values, label, shown) => {
    const { query, rows } = await printAll(await topicWith(...values), 'PRINT t FROM BEGINNING;')
    expect(rows.map((r) => r[VALUE])).toEqual(shown)
    expect(query.formats).toBe(`Key format: unknown, no data yet, value format: ${label}`)
  })

  it('follow the declaration where the bytes leave it open', async () => {
    const fixture = await topicWith(int64(4607182418800017408n))
    expect((await printAll(fixture, 'PRINT t FROM BEGINNING;')).rows[0]![VALUE]).toBe('1')
    await fixture.run("CREATE STREAM S (V BIGINT) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'KAFKA');")
    const { rows, query } = await printAll(fixture, 'PRINT t FROM BEGINNING;')
    expect(rows[0]![VALUE]).toBe('4607182418800017408')
    expect(query.formats).toContain('value format: KAFKA_BIGINT')
  })

  it('do not follow a declaration the bytes speak against', async () => {
    const fixture = await topicWith('text')
    await fixture.run("CREATE STREAM S (V BIGINT) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'KAFKA');")
    expect((await printAll(fixture, 'PRINT t FROM BEGINNING;')).rows[0]![VALUE]).toBe('text')
  })

  async function windowedKeys(window: string, ...keys: readonly Buffer[]) {
    const fixture = await topicWith()
    await fixture.run(
      `CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON', ${window});`,
    )
    const value = Buffer.from('{"V":1}')
    await fixture.send(
      ...keys.map((key): ProducerRecord<Uint8Array, Uint8Array> => ({ topic: 't', key, value })),
    )
    const { rows, query } = await printAll(fixture, 'PRINT t FROM BEGINNING;')
    return { keys: rows.map((r) => r[1]), formats: query.formats }
  }

  it('read windowed keys where a windowed source is declared on the topic', async () => {
    const tumbling = await windowedKeys(
      "WINDOW_TYPE = 'TUMBLING', WINDOW_SIZE = '10 SECONDS'",
      Buffer.concat([Buffer.from('pen'), int64(20_000n)]),
    )
    expect(tumbling.keys).toEqual(['[pen@20000/30000]'])
    expect(tumbling.formats).toContain('Key format: TUMBLING(KAFKA_STRING)')
    const session = await windowedKeys(
      "WINDOW_TYPE = 'SESSION'",
      Buffer.concat([Buffer.from('pen'), int64(9n), int64(4n)]),
    )
    expect(session.keys).toEqual(['[pen@4/9]'])
  })

  it('show plain keys of such a topic as what they are', async () => {
    const { keys, formats } = await windowedKeys("WINDOW_TYPE = 'SESSION'", Buffer.from('pen'))
    expect(keys).toEqual(['pen'])
    expect(formats).toContain('Key format: KAFKA_STRING')
  })
})
