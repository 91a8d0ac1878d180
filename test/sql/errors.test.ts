import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { SqlEngine, SqlError } from '../../src/sql/index.js'

/*
 * What people read when a statement is refused: every message as a whole. `npx vitest run -u` writes them anew; then read
 * them as somebody would who has just made that mistake.
 */

const directory = join(import.meta.dirname, 'errors')

const setup = `
  CREATE STREAM clicks (user_id INT KEY, page STRING, ms INT) WITH (KAFKA_TOPIC = 'clicks', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
  CREATE STREAM views (user_id INT KEY, page STRING) WITH (KAFKA_TOPIC = 'views', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
  CREATE TABLE users (id INT PRIMARY KEY, name STRING, address STRUCT<city STRING, street STRING>)
    WITH (KAFKA_TOPIC = 'users', VALUE_FORMAT = 'JSON', PARTITIONS = 2);
  CREATE TABLE wide (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'wide', VALUE_FORMAT = 'JSON', PARTITIONS = 3);
  CREATE TABLE counts AS SELECT page, COUNT(*) AS n FROM clicks GROUP BY page;`

describe('refused statements', () => {
  it('say what is wrong, where, and what to write instead', async () => {
    const log = Log.memory()
    const engine = await SqlEngine.create({ log })
    await engine.execute(setup)
    const parts: string[] = []
    for (const line of readFileSync(join(directory, 'statements.sql'), 'utf8').trimEnd().split('\n')) {
      if (line.startsWith('-- ')) {
        parts.push(`${line.slice(3)}\n${'='.repeat(line.length - 3)}\n`)
        continue
      }
      const error = await refusal(engine, line)
      expect.soft(error.location, line).not.toBeNull()
      parts.push(`${error.render()}\n`)
    }
    await engine.close()
    await log.close()
    await expect(parts.join('\n')).toMatchFileSnapshot(join(directory, 'messages.txt'))
  })
})

async function refusal(engine: SqlEngine, sql: string): Promise<SqlError> {
  try {
    for await (const outcome of engine.run(sql)) {
      if (outcome.kind === 'query') await outcome.query.stop()
    }
  } catch (error) {
    if (error instanceof SqlError) return error
    throw new Error(`${sql}: ${error instanceof Error ? error.stack : error}`)
  }
  return new SqlError(`ACCEPTED: ${sql}`, { location: null })
}
