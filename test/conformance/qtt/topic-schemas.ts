import type { Statement } from '../../../src/sql/ast.js'
import { registerSchemas } from '../../../src/sql/formats/index.js'
import { Metastore } from '../../../src/sql/metastore.js'
import { Settings } from '../../../src/sql/properties.js'
import { type SchemaRegistry, type SchemaType, subjectOf } from '../../../src/sql/schema-registry/index.js'
import { declareSource } from '../../../src/sql/statements/create-source.js'
import { schemaSides } from '../../../src/sql/statements/inferred-schema.js'
import type { Case, SchemaSpec } from './cases.js'

/**
 * Registers the schemas of a case's topics (README section 2), before its first statement. Ids are given in the order
 * in which a Java HashMap of the topics' names is walked; statements of some cases name the ids.
 */
export function registerTopicSchemas(
  c: Case,
  statements: readonly Statement[],
  registry: SchemaRegistry,
): void {
  const topics = new Map<string, () => void>()
  for (const { name, schemas } of c.topics) {
    topics.set(name, () => {
      for (const schema of schemas) register(name, schema, registry)
    })
  }
  for (const statement of statements) {
    if (statement.kind !== 'createSource' || statement.elements.length === 0) continue
    const topic = statement.properties.get('KAFKA_TOPIC')
    if (topic?.kind === 'string' && !topics.has(topic.value)) {
      topics.set(topic.value, () => registerDerived(statement, c, registry))
    }
  }
  for (const name of hashMapOrder([...topics.keys()])) topics.get(name)!()
}

function register(
  topic: string,
  { role, format, text, id, references }: SchemaSpec,
  registry: SchemaRegistry,
): void {
  for (const reference of references) {
    registry.register(reference.name, { type: typeOf(reference.format), text: reference.text })
  }
  const names = references.map(({ name }) => ({
    name,
    subject: name,
    version: registry.latest(name)!.version,
  }))
  registry.register(
    subjectOf(topic, role),
    { type: typeOf(format), text, ...(names.length === 0 ? {} : { references: names }) },
    id === null ? {} : { id },
  )
}

function typeOf(format: string): SchemaType {
  return format === 'JSON_SR' ? 'JSON' : (format as SchemaType)
}

function registerDerived(
  statement: Extract<Statement, { kind: 'createSource' }>,
  c: Case,
  registry: SchemaRegistry,
): void {
  try {
    const { source } = declareSource(statement, new Metastore(), new Settings(c.properties, {}), registry)
    registerSchemas({ topic: source.topic, sides: schemaSides(source) }, registry, false)
  } catch {
    // The statement itself will be refused.
  }
}

function hashMapOrder(names: readonly string[]): string[] {
  let size = 16
  while (names.length > size * 0.75) size *= 2
  const bucket = (name: string): number => {
    let hash = 0
    for (let i = 0; i < name.length; i++) hash = (Math.imul(31, hash) + name.charCodeAt(i)) | 0
    return (hash ^ (hash >>> 16)) & (size - 1)
  }
  return [...names].sort((a, b) => bucket(a) - bucket(b))
}
