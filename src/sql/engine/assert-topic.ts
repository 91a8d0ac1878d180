import type { Clock } from '../../common/index.js'
import type { Admin } from '../../log/index.js'
import type { Expression, Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import type { Settings } from '../properties.js'
import type { StatementResult } from '../statements/statement-result.js'
import { durationMs } from '../statements/with-properties.js'
import { resultMessage } from './result-table.js'
import { topicFigures } from './topic-figures.js'
import { waitFor } from './wait-for.js'

export type AssertTopicStatement = Extract<Statement, { kind: 'assertTopic' }>

export interface AssertContext {
  readonly admin: Admin
  readonly clock: Clock
  readonly settings: Settings
}

/** Topics of the embedded log have one copy. */
const REPLICAS = 1

/**
 * ASSERT [NOT EXISTS] TOPIC: waits until it holds, for TIMEOUT at most (default
 * `ksql.assert.topic.default.timeout.ms`, 1 s).
 *
 * @throws SqlError saying what is not so
 */
export async function assertTopic(
  statement: AssertTopicStatement,
  { admin, clock, settings }: AssertContext,
): Promise<StatementResult> {
  const { topic, exists, timeout } = statement
  const timeoutMs =
    timeout === null ? Number(settings.get('ksql.assert.topic.default.timeout.ms')) : durationMs(timeout)
  const problem = await waitFor(clock, timeoutMs, () => problemOf(statement, admin))
  if (problem !== null) throw new SqlError(problem, { location: statement.location })
  return resultMessage(statement, `Topic ${topic} ${exists ? 'exists' : 'does not exist'}`)
}

async function problemOf(
  { topic, exists, properties }: AssertTopicStatement,
  admin: Admin,
): Promise<string | null> {
  const figures = await topicFigures(admin, topic)
  if (!exists) return figures === null ? null : `Topic ${topic} exists`
  if (figures === null) return `Topic ${topic} does not exist.`
  const actual = new Map([
    ['PARTITIONS', figures.partitions],
    ['REPLICAS', REPLICAS],
  ])
  const problems = [...properties].flatMap(([name, expected]) => {
    const found = actual.get(name)
    if (found === undefined) return [`Cannot assert unknown topic property: ${name}`]
    if (expected.kind === 'integer' && expected.value === found) return []
    const config = name.toLowerCase()
    return [
      `Mismatched configuration for topic ${topic}: For config ${config}, expected ${textOf(expected)} got ${found}`,
    ]
  })
  return problems.length === 0 ? null : problems.join('\n')
}

function textOf(literal: Expression): string {
  return literal.kind === 'string' ? literal.value : formatExpression(literal)
}
