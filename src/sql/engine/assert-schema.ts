import type { Clock } from '../../common/index.js'
import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import type { Settings } from '../properties.js'
import type { SchemaRegistry } from '../schema-registry/index.js'
import type { StatementResult } from '../statements/statement-result.js'
import { durationMs } from '../statements/with-properties.js'
import { didYouMean } from '../suggestion.js'
import { resultMessage } from './result-table.js'
import { waitFor } from './wait-for.js'

export type AssertSchemaStatement = Extract<Statement, { kind: 'assertSchema' }>

export interface AssertSchemaContext {
  readonly registry: SchemaRegistry
  readonly clock: Clock
  readonly settings: Settings
}

/**
 * ASSERT [NOT EXISTS] SCHEMA: waits until it holds, for TIMEOUT at most (default
 * `ksql.assert.schema.default.timeout.ms`, 1 s).
 *
 * @throws SqlError saying what is not so
 */
export async function assertSchema(
  statement: AssertSchemaStatement,
  { registry, clock, settings }: AssertSchemaContext,
): Promise<StatementResult> {
  const { subject, id, exists, timeout, location } = statement
  if (subject === null && id === null) {
    throw new SqlError('ASSERT SCHEMA statements much include a subject name or an id', {
      location,
      suggestion: "Write ASSERT SCHEMA SUBJECT 'orders-value'; or ASSERT SCHEMA ID 3;",
    })
  }
  const name = [
    'Schema',
    ...(subject === null ? [] : [`with subject name ${subject}`]),
    ...(id === null ? [] : [`id ${id}`]),
  ].join(' ')
  const timeoutMs =
    timeout === null ? Number(settings.get('ksql.assert.schema.default.timeout.ms')) : durationMs(timeout)
  const problem = await waitFor(clock, timeoutMs, async () => {
    if (isThere(registry, subject, id) === exists) return null
    return `${name} ${exists ? 'does not exist' : 'exists'}.`
  })
  if (problem !== null) {
    const suggestion =
      exists && subject !== null ? didYouMean(subject, registry.subjects(), (s) => `'${s}'`) : null
    throw new SqlError(problem, { location, suggestion })
  }
  return resultMessage(statement, `${name} ${exists ? 'exists' : 'does not exist'}`)
}

function isThere(registry: SchemaRegistry, subject: string | null, id: number | null): boolean {
  if (subject === null) return registry.byId(id!) !== null
  const versions = registry.versions(subject)
  return id === null ? versions.length > 0 : versions.some((v) => v.schema.id === id)
}
