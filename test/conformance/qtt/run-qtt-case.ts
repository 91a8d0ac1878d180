import { SqlError } from '../../../src/sql/errors.js'
import { parseScript } from '../../../src/sql/parse.js'
import { Settings } from '../../../src/sql/properties.js'
import type { Case } from './cases.js'
import { checkOutputs } from './check-outputs.js'
import { checkPost } from './check-post.js'
import { errorDifference } from './expected-error.js'
import { Harness, QueryDriver } from './harness.js'
import { registerTopicSchemas } from './topic-schemas.js'

/** Runs a case of the qtt suite (README sections 2 to 7). Null when it passes, else what differs first. */
export async function runQttCase(c: Case): Promise<string | null> {
  const harness = new Harness(c.properties)
  const settings = new Settings(c.properties, { 'ksql.service.id': 'some.ksql.service.id' })
  try {
    const statements = parseScript(c.statements.join('\n'))
    declareTopics(c, statements, harness)
    for (const [i, statement] of statements.entries()) {
      try {
        await harness.executor.execute(statement, { settings })
      } catch (error) {
        if (!(error instanceof SqlError)) throw error
        const tooEarly = c.expectedError !== null && i < statements.length - 1
        return tooEarly ? `an earlier statement failed: ${error.message}` : errorDifference(c, error)
      }
    }
    if (c.expectedError !== null && c.inputs.length === 0) return 'an error was expected, none came'
    if (c.expectedError === null && harness.queries.size === 0) return 'no query was started'
    runQueries(c, harness)
  } catch (error) {
    return errorDifference(c, error)
  }
  const found = checkOutputs(c, harness.logOf, harness.shapeOfTopic)
  if (found !== null) {
    const logged = harness.errors[0]?.error
    return logged instanceof Error ? `${found} (processing log: ${logged.message})` : found
  }
  if (c.expectedError !== null) return 'an error was expected, none came'
  return checkPost(c.post, harness.executor.metastore.sources, await harness.list(), harness.registry)
}

/** README section 2: the case's own topics, those of CREATE statements, and those of its records. */
export function declareTopics(c: Case, statements: ReturnType<typeof parseScript>, harness: Harness): void {
  for (const { name, partitions } of c.topics) harness.addTopic(name, partitions)
  for (const statement of statements) {
    if (statement.kind !== 'createSource' || statement.elements.length === 0) continue
    const topic = statement.properties.get('KAFKA_TOPIC')
    const partitions = statement.properties.get('PARTITIONS')
    if (topic?.kind === 'string') {
      harness.addTopic(topic.value, partitions?.kind === 'integer' ? partitions.value : 4)
    }
  }
  for (const { topic } of [...c.inputs, ...c.outputs]) harness.addTopic(topic, 4)
  registerTopicSchemas(c, statements, harness.registry)
}

/** README section 3, step 4: query by query, record by record. */
function runQueries(c: Case, harness: Harness): void {
  const inputs = c.inputs.map((r) => harness.encodeInput(r))
  const inputTopics = new Set(inputs.map((r) => r.topic))
  for (const hosted of harness.queries.values()) {
    const query = new QueryDriver(hosted)
    try {
      const feed = (record: (typeof inputs)[number]): void => {
        for (const written of query.feed(record)) harness.appendRecord(written)
      }
      for (const record of inputs) if (query.sources.includes(record.topic)) feed(record)
      for (const topic of query.sources) {
        if (!inputTopics.has(topic)) for (const record of [...harness.logOf(topic)]) feed(record)
      }
    } finally {
      query.close()
    }
  }
}
