import type { Statement } from '../ast.js'
import { SqlError } from '../errors.js'
import type { StatementResult } from '../statements/statement-result.js'
import { resultMessage } from './result-table.js'

export const noConnectors =
  'There is no Kafka Connect here. From TypeScript, runSource and runSink of forebay/connect move rows between CSV and ' +
  'JSON files, SQLite and topics, each exactly once.'

/** CREATE and DROP of connectors: refused with what to use instead. @throws SqlError */
export function connectorStatement(
  statement: Extract<Statement, { kind: 'createConnector' | 'dropConnector' }>,
): StatementResult {
  const { name, location } = statement
  if (statement.kind === 'createConnector') {
    const direction = statement.connectorKind.toLowerCase()
    throw new SqlError(`Cannot create ${direction} connector ${name}: SQL runs no connectors.`, {
      location,
      suggestion: noConnectors,
    })
  }
  if (statement.ifExists) {
    return {
      ...resultMessage(statement, `Connector '${name}' does not exist.`),
      status: 'warning',
    } as StatementResult
  }
  throw new SqlError(`Connector ${name} does not exist: SQL runs no connectors.`, {
    location,
    suggestion: noConnectors,
  })
}
