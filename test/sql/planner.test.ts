import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileQuery } from '../../src/sql/compile/topology-compiler.js'
import { SqlError } from '../../src/sql/errors.js'
import { createFunctionRegistry } from '../../src/sql/functions/built-in.js'
import { parseScript } from '../../src/sql/parse.js'
import { formatPlan } from '../../src/sql/plan/format-plan.js'
import { Settings } from '../../src/sql/properties.js'
import { StatementExecutor } from '../../src/sql/statements/executor.js'
import type { PersistentQuery } from '../../src/sql/statements/persistent-query.js'
import { keySerde, valueSerde } from '../../src/sql/statements/serdes.js'

/*
 * Golden scripts: each `planner/*.sql` is run statement by statement; beside it lies what came of it: the statement,
 * `---`, and the plan with its topology, or the refusal. `npx vitest -u` rewrites them, to be read as a diff.
 */

const directory = join(import.meta.dirname, 'planner')

async function run(script: string): Promise<string> {
  const functions = createFunctionRegistry()
  const topics = new Map<string, number>()
  let started: PersistentQuery | null = null
  const executor = new StatementExecutor({
    functions,
    topics: {
      partitionsOf: async (topic) => topics.get(topic) ?? null,
      create: async (topic, partitions) => void topics.set(topic, partitions),
      delete: async (topic) => void topics.delete(topic),
      list: async () => [...topics.keys()],
      append: async () => {},
    },
    queries: {
      check: () => {},
      start: async (query) => {
        started = query
      },
      stop: async () => {},
      pause: async () => {},
      resume: async () => {},
    },
  })
  const topologyOf = (query: PersistentQuery): string =>
    compileQuery(query.plan, {
      queryId: query.id,
      functions,
      customType: (name) => executor.metastore.types.get(name),
      keySerde,
      valueSerde,
      log: () => {},
      throwOnInvalidTimestamp: false,
    }).topology.describe()
  const parts: string[] = []
  for (const statement of parseScript(script)) {
    started = null
    let outcome: string
    try {
      const result = await executor.execute(statement, { settings: new Settings({}) })
      const query = started as PersistentQuery | null
      outcome =
        query === null
          ? (result as { message: string }).message
          : `${query.id}\n${formatPlan(query.plan)}\n${topologyOf(query)}`
    } catch (error) {
      if (!(error instanceof SqlError)) throw error
      outcome = `refused: ${error.render()}`
    }
    parts.push(`${statement.text}\n---\n${outcome.trimEnd()}\n`)
  }
  return parts.join('\n')
}

describe('plans', () => {
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.sql'))) {
    it(`of ${file}`, async () => {
      const result = await run(readFileSync(join(directory, file), 'utf8'))
      await expect(result).toMatchFileSnapshot(join(directory, file.replace('.sql', '.txt')))
    })
  }
})
