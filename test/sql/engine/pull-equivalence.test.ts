import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Random, randomBelow, seededRandom } from '../../../src/common/index.js'
import { Log } from '../../../src/log/index.js'
import { materializedTable } from '../../../src/sql/engine/materialized-tables.js'
import { pull } from '../../../src/sql/engine/pull-query.js'
import { SqlEngine } from '../../../src/sql/index.js'
import { parseScript } from '../../../src/sql/parse.js'
import { analyze } from '../../../src/sql/statements/plan-persistent.js'

/*
 * Random rows, with all that SQLite sees in other ways than SQL here: nulls, NaN, -0.0, whole numbers past 2^53,
 * decimals, text that UTF-8 cannot hold. Random queries give the same from SQLite as from the stores in memory.
 */

const seeds = process.env.FOREBAY_SEEDS === undefined ? [1, 2, 3] : seedsOf(process.env.FOREBAY_SEEDS)
const QUERIES = 120

function seedsOf(text: string): number[] {
  const [from, to] = text.split('-').map(Number) as [number, number | undefined]
  return to === undefined
    ? Array.from({ length: from }, (_, i) => i + 1)
    : Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

const texts = [
  '',
  'a',
  'b',
  'Ab',
  'ü',
  '\ud7ff',
  '\ue000',
  '😀',
  '\ud800',
  'a\udfff',
  '\uffff',
  'a\0b',
  "it's",
]

/** Columns with their types, JSON as a producer writes it, and the same as constants of the language. */
const columns: Readonly<
  Record<string, { type: string; json: readonly string[]; literals: readonly string[] }>
> = {
  B: { type: 'BOOLEAN', json: ['true', 'false'], literals: ['true', 'FALSE'] },
  I: {
    type: 'INT',
    json: ['0', '1', '-1', '7', '2147483647', '-2147483648'],
    literals: ['0', '1', '-1', '7', '2147483648', '0.5', '7.0', '1e0', '-2147483648'],
  },
  L: {
    type: 'BIGINT',
    json: ['0', '7', '9007199254740991', '9007199254740993', '-9223372036854775808', '9223372036854775807'],
    literals: [
      '7',
      '9007199254740992',
      '9007199254740993',
      '9223372036854775807',
      '9.007199254740992e15',
      '-1.5',
    ],
  },
  D: {
    type: 'DOUBLE',
    json: [
      '0.0',
      '-0.0',
      '1.5',
      '-0.1',
      '0.12345678901234568',
      '"NaN"',
      '1e300',
      '-1e-300',
      '"Infinity"',
      '"-Infinity"',
    ],
    literals: [
      '0',
      '0e0',
      '1.5e0',
      '1.5',
      '-0.1',
      '0.1234567890123456789',
      '-1e-300',
      '1',
      'SQRT(-1)',
      '9223372036854775807',
      '1.50',
      '-0.1',
      '1.50000000000000000001',
    ],
  },
  M: {
    type: 'DECIMAL(8, 2)',
    json: ['0.00', '-0.50', '12.00', '9.99', '-12.00', '999999.99', '-0.51'],
    literals: ['0', '9.99', '12', '-0.5', '9.990', '9.999', '-12.0', '1e1'],
  },
  S: {
    type: 'STRING',
    json: texts.map((text) => JSON.stringify(text)),
    literals: texts.map((text) => `'${text.replaceAll("'", "''")}'`),
  },
  Y: {
    type: 'BYTES',
    json: ['""', '"AA=="', '"/w=="', '"AAE="'],
    literals: ["TO_BYTES('ff', 'hex')", "TO_BYTES('00', 'hex')"],
  },
  DA: { type: 'DATE', json: ['0', '-1', '20000'], literals: ["'1970-01-01'", "'2024-10-04'"] },
  TS: {
    type: 'TIMESTAMP',
    json: ['0', '-1', '1700000000000'],
    literals: ["'1970-01-01'", "'2023-11-14T22:13:20'"],
  },
}
const names = Object.keys(columns)

class Queries {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  below(n: number): number {
    return randomBelow(this.#random, n)
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  row(): string {
    const fields = names.flatMap((name) =>
      this.below(5) === 0 ? [] : [`"${name}": ${this.one(columns[name]!.json)}`],
    )
    return `{${fields.join(', ')}}`
  }

  condition(alias: string, depth = 2): string {
    const name = this.one(names)
    const { literals } = columns[name]!
    const column = `${alias}.${name}`
    const literal = () => this.one(literals)
    switch (this.below(depth === 0 ? 6 : 9)) {
      case 0:
        return `${column} IS ${this.one(['', 'NOT '])}NULL`
      case 1:
        return `${column} IN (${literal()}, ${literal()})`
      case 2:
        return name === 'B' ? column : `${column} BETWEEN ${literal()} AND ${literal()}`
      case 3:
      case 4:
      case 5: {
        const operator = this.one(name === 'B' ? ['=', '<>'] : ['=', '<>', '<', '<=', '>', '>='])
        return this.below(4) === 0
          ? `${literal()} ${operator} ${column}`
          : `${column} ${operator} ${literal()}`
      }
      case 6:
        return `NOT (${this.condition(alias, depth - 1)})`
      case 7:
        return `(${this.condition(alias, depth - 1)} OR ${this.condition(alias, depth - 1)})`
      default:
        return `(${this.condition(alias, depth - 1)} AND ${this.condition(alias, depth - 1)})`
    }
  }

  where(...aliases: readonly string[]): string {
    const conditions = Array.from({ length: this.below(3) }, () => this.condition(this.one(aliases)))
    return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  }

  /** Ordered by a key at last, where it matters which rows are taken. */
  order(alias: string, last: string): string {
    const items = Array.from({ length: this.below(3) }, () => {
      const nulls = this.one(['', '', ' NULLS FIRST', ' NULLS LAST'])
      return `${alias}.${this.one(names)}${this.one(['', ' DESC'])}${nulls}`
    })
    const limit = this.one(['', ` LIMIT ${this.below(8)}`, ` LIMIT ${this.below(8)} OFFSET ${this.below(5)}`])
    return ` ORDER BY ${[...items, last].join(', ')}${limit}`
  }

  query(): string {
    const shown = names.filter(() => this.below(3) === 0)
    const list = (alias: string) => ['ID', ...shown].map((name) => `${alias}.${name}`).join(', ')
    switch (this.below(5)) {
      case 0: {
        const group = this.one(names)
        const other = this.one(names.filter((name) => name !== group))
        if (this.below(2) === 0) {
          const groups = this.one([
            '',
            `GROUP BY t.${group}`,
            `GROUP BY t.${group}, t.${other} HAVING MIN(t.L) < 7`,
          ])
          return `SELECT COUNT(*) AS n, COUNT(t.D) AS d, SUM(t.I) AS i, MIN(t.L) AS l, MAX(t.TS) AS ts
            FROM t${this.where('t')} ${groups};`
        }
        return `SELECT t.${group} AS g, COUNT(*) AS n, MAX(t.I) AS i, MIN(t.S) AS s FROM t${this.where('t')}
          GROUP BY t.${group} HAVING COUNT(*) > ${this.below(2)};`
      }
      case 1: {
        const type = this.one(['', 'LEFT ', 'RIGHT ', 'FULL '])
        const on = this.one([
          't.ID = u.ID',
          't.S = u.S',
          't.D = u.D',
          't.L = u.L AND t.ID < u.ID',
          't.M = u.M',
        ])
        const where = this.one([
          this.where('t', 'u'),
          this.where('t', 'u'),
          ' WHERE t.ID IN (3, 4, 6)',
          ' WHERE u.ID = 9',
        ])
        return `SELECT t.ID AS id, u.ID AS other, t.S AS s, u.L AS l FROM t ${type}JOIN u ON ${on}${where};`
      }
      case 2:
        return `SELECT DISTINCT ${this.one(names)}, ${this.one(['1', 'UCASE(S)'])} AS x FROM t${this.where('t')};`
      case 3:
        return `SELECT ${list('t')}, t.ROWTIME AS r, LN(t.I) AS f FROM t${this.where('t')};`
      default:
        return `SELECT ${list('t')} FROM t${this.where('t')}${this.order('t', 't.ID')};`
    }
  }
}

const tables = `
  CREATE TABLE t_topic (id INT PRIMARY KEY, ${names.map((n) => `${n} ${columns[n]!.type}`).join(', ')})
    WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
  CREATE TABLE u_topic (id INT PRIMARY KEY, ${names.map((n) => `${n} ${columns[n]!.type}`).join(', ')})
    WITH (KAFKA_TOPIC = 'u', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
  CREATE TABLE t AS SELECT * FROM t_topic;
  CREATE TABLE u AS SELECT * FROM u_topic;
  CREATE INDEX by_l ON t (l, s);
  CREATE INDEX by_d ON t (d);
  CREATE INDEX by_s ON t (s);`

for (const seed of seeds) {
  describe(`seed ${seed}`, () => {
    let log: Log
    let engine: SqlEngine
    const queries = new Queries(seededRandom(seed))

    beforeAll(async () => {
      log = Log.memory()
      engine = await SqlEngine.create({ log })
      await engine.execute(tables)
      const producer = log.producer()
      for (let id = 0; id < 80; id++) {
        const key = Buffer.alloc(4)
        key.writeInt32BE(id)
        producer.write({ topic: 't', key, value: Buffer.from(queries.row()) })
        if (id % 3 === 0) producer.write({ topic: 'u', key, value: Buffer.from(queries.row()) })
      }
      await producer.flush()
      await producer.close()
      await engine.caughtUp()
    })

    afterAll(async () => {
      await engine.close()
      await log.close()
    })

    /** Rows as text, which tells -0.0 from 0.0 and one NaN from none. */
    async function result(sql: string, withoutSqlite: boolean): Promise<string[]> {
      const [statement] = parseScript(sql)
      if (statement?.kind !== 'select') throw new Error('no query')
      const context = engine.executor.plannerContext(new Map())
      const settings = engine.settings()
      const analysis = analyze(statement.query, { metastore: engine.metastore, settings, context })
      const compiler = engine.apps.compilerOptions('pull', settings)
      const tableOf = (source: Parameters<typeof materializedTable>[0]) =>
        materializedTable(source, engine.apps.running)
      const { rows } = await pull({ analysis, context, compiler, tableOf, log, withoutSqlite })
      const found = rows.map(({ columns: values }) => values.map(textOf).join(' | '))
      return statement.query.orderBy === null ? found.sort() : found
    }

    function textOf(value: unknown): string {
      if (Object.is(value, -0)) return '-0'
      if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
      return typeof value === 'string' ? JSON.stringify(value) : `${String(value)} ${typeof value}`
    }

    it(`gives the same from SQLite as from memory (FOREBAY_SEEDS=${seed}-${seed})`, async () => {
      let found = 0
      for (let i = 0; i < QUERIES; i++) {
        const sql = queries.query()
        const [fromSqlite, fromMemory] = [await result(sql, false), await result(sql, true)]
        expect(fromSqlite, sql).toEqual(fromMemory)
        found += fromSqlite.length
      }
      expect(found).toBeGreaterThan(QUERIES)
    })
  })
}
