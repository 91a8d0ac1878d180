/** Schemas of topics: subjects, versions, ids, compatibility, and the frame of records that carry an id. */
export { LogSchemaRegistry } from './log-registry.js'
export { type MemoryRegistryOptions, MemorySchemaRegistry } from './memory-registry.js'
export { answerRegistryRequest, type RegistryRequest, type RegistryResponse } from './registry-requests.js'
export {
  type CompatibilityLevel,
  compatibilityLevels,
  IncompatibleSchemaError,
  type RegisteredSchema,
  type RegisterOptions,
  referencedTexts,
  type Schema,
  type SchemaReference,
  type SchemaRegistry,
  SchemaRegistryError,
  type SchemaType,
  type SubjectVersion,
  subjectOf,
} from './schema-registry.js'
