import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { embeddedSession } from '../../src/repl/embedded-session.js'
import type { OutputFormat } from '../../src/repl/render-outcome.js'
import { runScript } from '../../src/repl/run-script.js'
import { SqlEngine } from '../../src/sql/index.js'

let log: Log
let engine: SqlEngine

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`
    CREATE STREAM s (k STRING KEY, money DECIMAL(6, 2), raw BYTES, day DATE, clock TIME, moment TIMESTAMP,
        times ARRAY<TIMESTAMP>, prices MAP<STRING, DECIMAL(4, 2)>, point STRUCT<x INT, y DATE, z BYTES>)
      WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    INSERT INTO s VALUES ('a', 6.70, 'bmluZQ==', '2026-03-01', '12:34:56', '2026-03-01T12:34:56.789',
      ARRAY['2026-03-01T12:00:00'], MAP('pen' := 12.5), STRUCT(x := 13, y := '2026-03-01', z := 'bmluZQ=='));
    INSERT INTO s (k) VALUES ('b');`)
})

afterEach(async () => {
  await engine.close()
  await log.close()
})

async function shown(sql: string, format: OutputFormat): Promise<string[]> {
  const lines: string[] = []
  await runScript(embeddedSession(engine), sql, {
    out: (line) => lines.push(line),
    error: (line) => lines.push(line),
    format,
    signal: new AbortController().signal,
  })
  return lines
}

describe.each(['SELECT * FROM s;', 'SELECT * FROM s EMIT CHANGES LIMIT 2;'])('values of %s', (sql) => {
  it('are shown as ISO text, digits, base64 and objects in JSON', async () => {
    const [first, second] = (await shown(sql, 'json')).map((line) => JSON.parse(line))
    expect(first).toEqual({
      K: 'a',
      MONEY: '6.70',
      RAW: 'bmluZQ==',
      DAY: '2026-03-01',
      CLOCK: '12:34:56.000',
      MOMENT: '2026-03-01T12:34:56.789',
      TIMES: ['2026-03-01T12:00:00.000'],
      PRICES: { pen: '12.50' },
      POINT: { X: 13, Y: '2026-03-01', Z: 'bmluZQ==' },
    })
    expect(Object.values(second)).toEqual(['b', null, null, null, null, null, null, null, null])
  })

  it('and in CSV', async () => {
    expect((await shown(sql, 'csv'))[1]).toBe(
      'a,6.70,bmluZQ==,2026-03-01,12:34:56.000,2026-03-01T12:34:56.789,"[""2026-03-01T12:00:00.000""]",' +
        '"{""pen"":""12.50""}","{""X"":13,""Y"":""2026-03-01"",""Z"":""bmluZQ==""}"',
    )
  })
})
