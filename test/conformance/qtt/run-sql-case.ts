import type { Statement } from '../../../src/sql/ast.js'
import { SqlError } from '../../../src/sql/errors.js'
import type { DataSource } from '../../../src/sql/metastore.js'
import { parseScript } from '../../../src/sql/parse.js'
import { Settings } from '../../../src/sql/properties.js'
import { type AssertRecord, checkRecord, checkSource } from '../../../src/sql/statements/assertions.js'
import { serdesOf } from '../../../src/sql/statements/serdes.js'
import type { KeyValueStore, StateStore } from '../../../src/state/index.js'
import type { Case } from './cases.js'
import type { LoggedRecord } from './check-outputs.js'
import { errorDifference } from './expected-error.js'
import { Harness, type HostedQuery, QueryDriver } from './harness.js'
import { declareTopics } from './run-qtt-case.js'

/** Runs a script of the sql suite (README section 10). Null when it passes. */
export async function runSqlCase(c: Case): Promise<string | null> {
  const script = new SqlScript(c)
  try {
    await script.run()
  } catch (error) {
    return errorDifference(c, error)
  } finally {
    script.close()
  }
  return c.expectedError === null ? null : 'an error was expected, none came'
}

class SqlScript {
  readonly #case: Case
  readonly #harness: Harness
  readonly #session = new Map<string, string>()
  readonly #drivers = new Map<string, { hosted: HostedQuery; driver: QueryDriver }>()
  /** How many records of each topic ASSERT has seen. */
  readonly #cursors = new Map<string, number>()

  constructor(c: Case) {
    this.#case = c
    this.#harness = new Harness(c.properties)
    this.#harness.onInsert = (record) => this.#pipe(record)
  }

  async run(): Promise<void> {
    const statements = parseScript(this.#case.statements.join('\n'))
    declareTopics(this.#case, statements, this.#harness)
    for (const statement of statements) {
      await this.#execute(statement)
      this.#refreshDrivers()
    }
  }

  close(): void {
    for (const { driver } of this.#drivers.values()) driver.close()
  }

  get #settings(): Settings {
    return new Settings(Object.fromEntries(this.#session), this.#case.properties)
  }

  async #execute(statement: Statement): Promise<void> {
    switch (statement.kind) {
      case 'set':
        this.#session.set(statement.property, statement.value)
        return
      case 'unset':
        this.#session.delete(statement.property)
        return
      case 'assertValues':
      case 'assertTombstone':
        return this.#assertRecord(statement)
      case 'assertSource':
        return checkSource(statement, this.#source(statement.statement.name), {
          metastore: this.#harness.executor.metastore,
          settings: this.#settings,
          registry: this.#harness.registry,
        })
      default:
        await this.#harness.executor.execute(statement, { settings: this.#settings })
    }
  }

  /** A replaced query goes on with the state of the one before. */
  #refreshDrivers(): void {
    for (const [id, hosted] of this.#harness.queries) {
      const before = this.#drivers.get(id)
      if (before?.hosted === hosted) continue
      const driver = new QueryDriver(hosted)
      if (before !== undefined) {
        copyState(before.driver, driver)
        before.driver.close()
      }
      this.#drivers.set(id, { hosted, driver })
    }
    for (const [id, { driver }] of this.#drivers) {
      if (this.#harness.queries.has(id)) continue
      driver.close()
      this.#drivers.delete(id)
    }
  }

  /** Through every query that reads the topic, and on, depth first. */
  #pipe(record: LoggedRecord): void {
    for (const { driver } of this.#drivers.values()) {
      if (!driver.sources.includes(record.topic)) continue
      for (const written of driver.feed(record)) {
        this.#harness.appendRecord(written)
        this.#pipe(written)
      }
    }
  }

  #source(name: string): DataSource {
    const source = this.#harness.executor.metastore.find(name)
    if (source === undefined) throw new SqlError(`${name} does not exist`)
    return source
  }

  #assertRecord(statement: AssertRecord): void {
    const source = this.#source(statement.name)
    const cursor = this.#cursors.get(source.topic) ?? 0
    this.#cursors.set(source.topic, cursor + 1)
    const { functions, registry } = this.#harness
    const record = this.#harness.logOf(source.topic)[cursor]
    checkRecord(statement, source, record, { functions, serdes: serdesOf(registry) })
  }
}

function copyState(from: QueryDriver, to: QueryDriver): void {
  const target = to.driver.getAllStateStores()
  for (const [name, store] of from.driver.getAllStateStores()) {
    const other = target.get(name)
    if (other === undefined || !isKeyValue(store) || !isKeyValue(other)) continue
    for (const { key, value } of store.all()) other.put(key, value as never)
  }
}

function isKeyValue(store: StateStore): store is KeyValueStore<unknown, unknown> {
  return 'putIfAbsent' in store
}
