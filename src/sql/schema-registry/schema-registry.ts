import { SqlError } from '../errors.js'

/*
 * Schemas of the records in topics, after Confluent's Schema Registry: a schema has one id wherever it is used; a
 * subject is the history of the schemas of one topic's keys or values.
 */

export type SchemaType = 'AVRO' | 'PROTOBUF' | 'JSON'

/** A schema that this one names: in Avro a type's full name, in Protobuf an imported file, in JSON a `$ref`. */
export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface Schema {
  readonly type: SchemaType
  /** Avro and JSON schemas are JSON text, Protobuf is the text of a `.proto` file. */
  readonly text: string
  readonly references?: readonly SchemaReference[]
}

export interface RegisteredSchema extends Schema {
  readonly id: number
}

export interface SubjectVersion {
  readonly subject: string
  /** From 1 on. */
  readonly version: number
  readonly schema: RegisteredSchema
}

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
/** BACKWARD: a reader with the new schema reads what was written with the last one; FORWARD: the other way round. */
export type CompatibilityLevel = (typeof compatibilityLevels)[number]

/** Everything answers at once, from memory: serdes ask while they read and write records. */
export interface SchemaRegistry {
  subjects(): readonly string[]
  /** Oldest first; empty for a subject that does not exist. */
  versions(subject: string): readonly SubjectVersion[]
  latest(subject: string): SubjectVersion | null
  byId(id: number): RegisteredSchema | null
  /** The version of a subject that is this schema. */
  find(subject: string, schema: Schema): SubjectVersion | null
  /**
   * The version that is this schema, made where there is none yet. It counts at once; it is durable after `flush`.
   *
   * @throws SchemaRegistryError when the schema is malformed, not compatible, or the id is another schema's
   */
  register(subject: string, schema: Schema, options?: RegisterOptions): SubjectVersion
  /** Resolves when all that was registered is kept. */
  flush(): Promise<void>
  /** Why the subject's level does not allow this schema; empty when it does. */
  incompatibilities(subject: string, schema: Schema): readonly string[]
  /** @throws IncompatibleSchemaError with the reasons; SchemaRegistryError for what is no schema */
  checkCompatible(subject: string, schema: Schema): void
  /** Of a subject, or with null the level of all that have none of their own. */
  compatibility(subject: string | null): CompatibilityLevel
  setCompatibility(subject: string | null, level: CompatibilityLevel): void
  close(): Promise<void>
  /** Forgets the subject. Its schemas are still found by their ids: records carry them. */
  deleteSubject(subject: string): void
  /** Likewise, one version of it. */
  deleteVersion(subject: string, version: number): void
}

export interface RegisterOptions {
  /** The id it must get; without one the next free id. */
  readonly id?: number
}

export class SchemaRegistryError extends SqlError {}

/** The subject's level does not allow the schema. */
export class IncompatibleSchemaError extends SchemaRegistryError {}

export function subjectOf(topic: string, role: 'key' | 'value'): string {
  return `${topic}-${role}`
}

/** The texts of everything a schema refers to, by reference name, the deepest first. */
export function referencedTexts(registry: SchemaRegistry, schema: Schema): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  const add = (from: Schema): void => {
    for (const { name, subject, version } of from.references ?? []) {
      if (texts.has(name)) continue
      const found = registry.versions(subject).find((v) => v.version === version)
      if (found === undefined) {
        throw new SchemaRegistryError(
          `The schema refers to ${name}, version ${version} of ${subject}, which does not exist.`,
        )
      }
      add(found.schema)
      texts.set(name, found.schema.text)
    }
  }
  add(schema)
  return texts
}
