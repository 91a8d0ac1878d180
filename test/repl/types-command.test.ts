import { expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { parseArguments } from '../../src/repl/arguments.js'
import { declarations } from '../../src/repl/types-command.js'
import { SqlEngine } from '../../src/sql/index.js'

it('writes the row types of all streams and tables', async () => {
  const log = await Log.memory()
  const engine = await SqlEngine.create({
    log,
    properties: { 'ksql.logging.processing.stream.auto.create': 'false' },
  })
  await engine.execute(`
    CREATE STREAM late_flights (id INT KEY, \`Name*/\` STRING, miles BIGINT, price DECIMAL(4, 2), raw BYTES,
        legs ARRAY<STRUCT<a INT, \`b c\` DOUBLE>>, tags MAP<STRING, BOOLEAN>)
      WITH (KAFKA_TOPIC = 'flights', VALUE_FORMAT = 'JSON', PARTITIONS = 1);
    CREATE STREAM \`late flights\` (at_day DATE) WITH (KAFKA_TOPIC = 'flights', VALUE_FORMAT = 'JSON');
    CREATE TABLE per_minute AS SELECT id, COUNT(*) AS n FROM late_flights WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY id;`)
  expect(declarations(engine)).toBe(`import type { Decimal } from 'decimal.js'

/** Stream LATE_FLIGHTS */
export interface LateFlights {
  readonly ID: number | null
  readonly "Name*/": string | null
  readonly MILES: number | bigint | null
  readonly PRICE: Decimal | null
  readonly RAW: Uint8Array | null
  readonly LEGS: readonly ({ readonly A: number | null; readonly "b c": number | null } | null)[] | null
  readonly TAGS: ReadonlyMap<string, boolean | null> | null
}

/** Table PER_MINUTE */
export interface PerMinute {
  readonly ID: number | null
  readonly WINDOWSTART: number | bigint | null
  readonly WINDOWEND: number | bigint | null
  readonly N: number | bigint | null
}

/** Stream \`late flights\` */
export interface LateFlights2 {
  readonly AT_DAY: number | null
}

export {}
`)
  await engine.close()
  await log.close()
})

it('is a command of its own', () => {
  expect(parseArguments(['types', '--data', 'here'])).toMatchObject({
    command: 'types',
    dataDirectory: 'here',
  })
})
