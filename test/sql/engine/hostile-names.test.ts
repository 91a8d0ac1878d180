import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { SqlEngine, SqlError } from '../../../src/sql/index.js'

/* Names that would be code, or members of every object, somewhere on the way from DDL to rows. */

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '"; globalThis.broken = 1; "',
  "'; globalThis.broken = 1; '",
  'a`b',
  'line\nbreak',
  '\u2028globalThis.broken = 1',
  "x' OR '1'='1",
  'DROP TABLE x; --',
  ' ',
  'é😀',
]

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`

let log: Log
let engine: SqlEngine
let members: string[]

beforeEach(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  members = Object.getOwnPropertyNames(Object.prototype)
  ;(globalThis as Record<string, unknown>)['broken'] = 0
})

afterEach(async () => {
  expect((globalThis as Record<string, unknown>)['broken']).toBe(0)
  delete (globalThis as Record<string, unknown>)['broken']
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(members)
  expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  await engine.close()
  await log.close()
})

const declarations = names.map((name) => `${quoted(name)} STRING`).join(', ')
const columns = names.map(quoted).join(', ')
const values = names.map(text).join(', ')

/** AVRO refuses names that its records cannot have; the others hold every name. */
const formats = ['JSON', 'DELIMITED', 'JSON_SR', 'AVRO', 'PROTOBUF', 'PROTOBUF_NOSR']

describe.each(formats)('hostile names of columns in %s', (format) => {
  it('go through a stream, a query, a table and its rows, or are refused', async () => {
    const create = `CREATE STREAM s (k STRING KEY, ${declarations})
      WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = '${format}', PARTITIONS = 1);`
    if (format === 'AVRO') {
      await expect(engine.execute(create)).rejects.toBeInstanceOf(SqlError)
      return
    }
    await engine.execute(create)
    const latest = names.map((name) => `MAX(${quoted(name)}) AS ${quoted(name)}`).join(', ')
    await engine.execute(`
      CREATE STREAM copy AS SELECT k, ${columns} FROM s WHERE ${quoted(names[0]!)} IS NOT NULL;
      CREATE TABLE t WITH (VALUE_FORMAT = 'JSON') AS SELECT k, ${latest} FROM copy GROUP BY k;
      INSERT INTO s (k, ${columns}) VALUES ('key', ${values});`)
    await engine.caughtUp()
    const expected = Object.fromEntries([['K', 'key'], ...names.map((name) => [name, name])])
    const [row] = await engine.pull(`SELECT * FROM t WHERE k = 'key';`)
    expect(Object.entries(row!.row)).toEqual(Object.entries(expected))
    expect(Object.getPrototypeOf(row!.row)).toBe(Object.prototype)
    const [scanned] = await engine.pull('SELECT * FROM copy;')
    expect(Object.entries(scanned!.row)).toEqual(Object.entries(expected))
  })
})

describe('hostile names', () => {
  it('of streams, tables and types are only names', async () => {
    for (const [i, name] of names.entries()) {
      await engine.execute(`
        CREATE TYPE ${quoted(`${name}_type`)} AS STRUCT<${quoted(name)} INT>;
        CREATE STREAM ${quoted(name)} (k INT KEY, ${quoted('v')} ${quoted(`${name}_type`)})
          WITH (KAFKA_TOPIC = 's${i}', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
        CREATE TABLE ${quoted(`${name}_t`)} WITH (KAFKA_TOPIC = 't${i}') AS
          SELECT k, SUM(${quoted('v')}->${quoted(name)}) AS ${quoted(name)} FROM ${quoted(name)} GROUP BY k;
        INSERT INTO ${quoted(name)} VALUES (1, STRUCT(${quoted(name)} := ${i}));`)
    }
    await engine.caughtUp()
    for (const [i, name] of names.entries()) {
      const [row] = await engine.pull(`SELECT ${quoted(name)} FROM ${quoted(`${name}_t`)} WHERE k = 1;`)
      expect(Object.entries(row!.row)).toEqual([[name, i]])
      await engine.execute(`DESCRIBE ${quoted(`${name}_t`)} EXTENDED;`)
    }
    await engine.close()
    engine = await SqlEngine.create({ log })
    expect(engine.metastore.sources).toHaveLength(2 * names.length + 1)
  })

  it('of fields, keys of maps, settings and variables are only names', async () => {
    await engine.execute(
      `CREATE STREAM s (k INT KEY, m MAP<STRING, STRING>, d STRUCT<${names
        .map((name) => `${quoted(name)} STRING`)
        .join(', ')}>) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`,
    )
    const entries = names.map((name) => `${text(name)} := ${text(name)}`).join(', ')
    const fields = names.map((name) => `${quoted(name)} := ${text(name)}`).join(', ')
    await engine.execute(`INSERT INTO s VALUES (1, MAP(${entries}), STRUCT(${fields}));`)
    const [row] = await engine.pull('SELECT m, d FROM s;')
    const { M, D } = row!.row as { M: Map<string, string>; D: Record<string, string> }
    expect([...M]).toEqual(names.map((name) => [name, name]))
    expect(Object.entries(D)).toEqual(names.map((name) => [name, name]))
    for (const name of names) {
      expect(
        (await engine.pull(`SELECT m[${text(name)}] AS x, d->${quoted(name)} AS y FROM s;`))[0]!.columns,
      ).toEqual([name, name])
      await expect(engine.execute(`SET ${text(name)} = 'x';`)).rejects.toBeInstanceOf(SqlError)
      await engine.execute(`UNSET ${text(name)};`)
    }
    await engine.execute(`DEFINE constructor = 'fine'; SHOW VARIABLES;`)
    expect(engine.variables).toEqual({ constructor: 'fine' })
    await expect(engine.execute('SELECT * FROM \u0024{toString};')).rejects.toThrow(
      'Undefined variable: toString',
    )
  })
})
