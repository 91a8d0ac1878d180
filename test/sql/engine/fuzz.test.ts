import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Log } from '../../../src/log/index.js'
import { formatStatement, SqlEngine, SqlError } from '../../../src/sql/index.js'
import { query } from '../sql-arbitrary.js'

/* Whatever is asked, it is answered or refused with a SqlError. A failing case is printed with its seed. */

let log: Log
let engine: SqlEngine

beforeAll(async () => {
  log = Log.memory()
  engine = await SqlEngine.create({ log })
  await engine.execute(`
    CREATE STREAM a (id INT KEY, a INT, b STRING, day DATE, \`x y\` ARRAY<INT>, "1A" STRUCT<a INT, b STRING>)
      WITH (KAFKA_TOPIC = 'a', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    CREATE TABLE b (id INT PRIMARY KEY, a INT, b STRING, \`select\` DECIMAL(4, 2))
      WITH (KAFKA_TOPIC = 'b', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`)
})

afterAll(async () => {
  await engine.close()
  await log.close()
})

async function answered(sql: string): Promise<void> {
  try {
    for await (const outcome of engine.run(sql)) if (outcome.kind === 'query') await outcome.query.stop()
  } catch (error) {
    if (error instanceof SqlError) expect(error.render()).not.toBe('')
    else throw new Error(`${sql}\n${error instanceof Error ? error.stack : String(error)}`)
  }
}

const words =
  "SELECT * id a b day `x y` FROM a b WHERE GROUP BY HAVING EMIT CHANGES FINAL LIMIT 1 5 1.5 'x' '2020-01-01' NULL TRUE ( ) , . = < > + - * / || AND OR NOT IN LIKE BETWEEN IS CASE WHEN THEN ELSE END CAST AS INT STRING COUNT(*) SUM(a) LEN(b) EXPLODE(`x y`) ABS(a) ARRAY[1] [1] -> JOIN ON WITHIN 1 HOUR WINDOW TUMBLING (SIZE 1 HOUR) PARTITION BY".split(
    ' ',
  )

describe('the engine', () => {
  it('answers or refuses random queries', async () => {
    const statement = fc.tuple(query, fc.boolean()).map(([tree, explain]) => {
      const text = formatStatement({ kind: 'select', query: tree, location: null, text: '' })
      return explain ? `EXPLAIN ${text}` : text.replace(/ EMIT \w+/, '')
    })
    await fc.assert(fc.asyncProperty(statement, answered), { numRuns: 150 })
  })

  it('answers or refuses words in any order', async () => {
    const statement = fc
      .array(fc.constantFrom(...words), { minLength: 1, maxLength: 14 })
      .map((list) => `EXPLAIN SELECT ${list.join(' ')} FROM a EMIT CHANGES;`)
    await fc.assert(fc.asyncProperty(statement, answered), { numRuns: 300 })
  })

  it('answers or refuses mutilated statements', async () => {
    const good = [
      'EXPLAIN CREATE TABLE t AS SELECT b, COUNT(*) AS n, SUM(a) + 1 AS s FROM a WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 0 SECONDS) WHERE a > 5 GROUP BY b HAVING COUNT(*) > 1 EMIT FINAL;',
      'EXPLAIN CREATE STREAM s WITH (PARTITIONS = 2) AS SELECT x.id AS id, y.b, CASE WHEN x.a > 1 THEN 2 ELSE 3 END AS c FROM a x LEFT JOIN b y ON x.id = y.id EMIT CHANGES;',
      "DESCRIBE a EXTENDED; SHOW STREAMS; LIST TOPICS; EXPLAIN SELECT `x y`[1], day, CAST('2020-01-01' AS DATE) FROM a EMIT CHANGES LIMIT 3;",
    ]
    const mutilated = fc
      .tuple(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(200), fc.nat(12), fc.constantFrom('', ' ', ...words)), {
          minLength: 1,
          maxLength: 3,
        }),
      )
      .map(([text, cuts]) => {
        let result = text
        for (const [at, length, put] of cuts) result = result.slice(0, at) + put + result.slice(at + length)
        // What would change the catalogue for the cases after it is only explained.
        return /^\s*(EXPLAIN|DESCRIBE|SHOW|LIST)/i.test(result) ? result : `EXPLAIN ${result}`
      })
    await fc.assert(fc.asyncProperty(mutilated, answered), { numRuns: 300 })
  })
})
