import { deserialize } from '../../../src/serde/index.js'
import type { Statement } from '../../../src/sql/ast.js'
import { SqlError } from '../../../src/sql/errors.js'
import { evaluateConstant } from '../../../src/sql/expression/interpreter.js'
import { constantScope } from '../../../src/sql/expression/scope.js'
import type { DataSource } from '../../../src/sql/metastore.js'
import { parseScript } from '../../../src/sql/parse.js'
import { Settings } from '../../../src/sql/properties.js'
import { declareSource } from '../../../src/sql/statements/create-source.js'
import { type SourceSerdes, serdesOf } from '../../../src/sql/statements/serdes.js'
import { SqlTypes } from '../../../src/sql/types.js'
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
        return this.#assertValues(statement, false)
      case 'assertTombstone':
        return this.#assertValues(statement, true)
      case 'assertSource':
        return this.#assertSource(statement)
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

  #assertValues(
    { name, columns, values }: Extract<Statement, { kind: 'assertValues' | 'assertTombstone' }>,
    tombstone: boolean,
  ): void {
    const source = this.#source(name)
    const cursor = this.#cursors.get(source.topic) ?? 0
    this.#cursors.set(source.topic, cursor + 1)
    const record = this.#harness.logOf(source.topic)[cursor]
    if (record === undefined)
      throw new Error(`Expected another record (topic ${source.topic}, record ${cursor})`)
    if (tombstone !== (record.value === null))
      throw new Error('Expected record does not match actual (tombstone)')
    const actual = rowOf(source, record, serdesOf(this.#harness.registry))
    const scope = constantScope(this.#harness.functions)
    for (const [i, column] of columns.entries()) {
      const type = column === 'ROWTIME' ? SqlTypes.BIGINT : source.schema.find(column)?.type
      if (type === undefined) throw new SqlError(`${name} has no column ${column}`)
      const expected = evaluateConstant(values[i]!, scope, type)
      if (text(expected) === text(actual.get(column) ?? null)) continue
      throw new Error(
        `Expected record does not match actual: ${column} is ${text(actual.get(column))}, not ${text(expected)}`,
      )
    }
  }

  #assertSource({ statement }: Extract<Statement, { kind: 'assertSource' }>): void {
    const actual = this.#source(statement.name)
    const { source: expected } = declareSource(
      { ...statement, text: '' },
      this.#harness.executor.metastore,
      this.#settings,
      this.#harness.registry,
    )
    const check = (what: string, a: unknown, b: unknown): void => {
      if (text(a) === text(b)) return
      throw new SqlError(
        `Expected ${what} does not match actual for source ${actual.name}. ${text(a)}, not ${text(b)}`,
      )
    }
    if (expected.schema.toString() !== actual.schema.toString()) {
      throw new SqlError(`Expected schema does not match actual: ${actual.schema.toString()}`)
    }
    check('type', actual.kind, expected.kind)
    check('kafka topic', actual.topic, expected.topic)
    check('key format', actual.keyFormat, expected.keyFormat)
    check('value format', actual.valueFormat.name, expected.valueFormat.name)
    check('value serde features', actual.valueFormat.features, expected.valueFormat.features)
    check('timestamp column', actual.timestamp, expected.timestamp)
  }
}

function rowOf(
  source: DataSource,
  record: LoggedRecord,
  { keySerde, valueSerde }: SourceSerdes,
): Map<string, unknown> {
  const { schema, keyFormat, valueFormat, window, topic } = source
  const row = new Map<string, unknown>([['ROWTIME', record.timestamp]])
  const wire = deserialize(keySerde({ format: keyFormat, columns: schema.key, topic, window }), record.key)
  const key = window === null || wire === null ? wire : (wire as { key: unknown }).key
  schema.key.forEach((c, i) => {
    row.set(c.name, schema.key.length === 1 ? key : (key as unknown[] | null)?.[i])
  })
  const value = deserialize(valueSerde({ format: valueFormat, columns: schema.value, topic }), record.value)
  const fields = (value as { toArray(): unknown[] } | null)?.toArray() ?? []
  schema.value.forEach((c, i) => {
    row.set(c.name, fields[i] ?? null)
  })
  return row
}

function text(value: unknown): string {
  return JSON.stringify(value ?? null, (_name, v: unknown) => {
    if (typeof v === 'bigint') return `${v}n`
    return v instanceof Map ? [...v] : v
  })
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
