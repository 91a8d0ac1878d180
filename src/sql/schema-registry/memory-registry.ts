import { checkSchema, incompatibilities } from './compatibility.js'
import {
  type CompatibilityLevel,
  IncompatibleSchemaError,
  type RegisteredSchema,
  type RegisterOptions,
  type Schema,
  type SchemaRegistry,
  SchemaRegistryError,
  type SubjectVersion,
} from './schema-registry.js'

/** What has changed, for those who keep it. */
export type RegistryChange =
  | { readonly kind: 'schema'; readonly version: SubjectVersion; readonly deleted: boolean }
  | { readonly kind: 'compatibility'; readonly subject: string | null; readonly level: CompatibilityLevel }

export interface MemoryRegistryOptions {
  /** Default BACKWARD. */
  readonly compatibility?: CompatibilityLevel
  readonly onChange?: (change: RegistryChange) => void
}

/** A registry that lives as long as its process. */
export class MemorySchemaRegistry implements SchemaRegistry {
  readonly #byId = new Map<number, RegisteredSchema>()
  readonly #idOf = new Map<string, number>()
  readonly #subjects = new Map<string, SubjectVersion[]>()
  /** Versions are never given twice, not even after a subject was deleted. */
  readonly #lastVersions = new Map<string, number>()
  readonly #levels = new Map<string, CompatibilityLevel>()
  readonly #onChange: (change: RegistryChange) => void
  #level: CompatibilityLevel
  #lastId = 0

  constructor({ compatibility = 'BACKWARD', onChange = () => {} }: MemoryRegistryOptions = {}) {
    this.#level = compatibility
    this.#onChange = onChange
  }

  subjects(): readonly string[] {
    return [...this.#subjects.keys()]
  }

  versions(subject: string): readonly SubjectVersion[] {
    return this.#subjects.get(subject) ?? []
  }

  latest(subject: string): SubjectVersion | null {
    return this.versions(subject).at(-1) ?? null
  }

  byId(id: number): RegisteredSchema | null {
    return this.#byId.get(id) ?? null
  }

  find(subject: string, schema: Schema): SubjectVersion | null {
    const id = this.#idOf.get(identity(schema))
    return id === undefined ? null : (this.versions(subject).find((v) => v.schema.id === id) ?? null)
  }

  register(subject: string, schema: Schema, { id }: RegisterOptions = {}): SubjectVersion {
    const known = this.find(subject, schema)
    if (known !== null && (id === undefined || known.schema.id === id)) return known
    this.checkCompatible(subject, schema)
    const version: SubjectVersion = {
      subject,
      version: (this.#lastVersions.get(subject) ?? 0) + 1,
      schema: this.#identified(schema, id),
    }
    this.restore(version)
    this.#onChange({ kind: 'schema', version, deleted: false })
    return version
  }

  checkCompatible(subject: string, schema: Schema): void {
    checkSchema(schema, this)
    const reasons = this.incompatibilities(subject, schema)
    if (reasons.length > 0) {
      throw new IncompatibleSchemaError(
        `Schema being registered is incompatible with an earlier schema for subject "${subject}": ${reasons.join('; ')}`,
      )
    }
  }

  #identified(schema: Schema, wanted: number | undefined): RegisteredSchema {
    const key = identity(schema)
    const id = wanted ?? this.#idOf.get(key) ?? this.#lastId + 1
    const other = this.#byId.get(id)
    if (other === undefined) return { ...schema, id }
    if (identity(other) === key) return other
    throw new SchemaRegistryError(`The schema id ${id} is already that of another schema.`)
  }

  /** Puts back a version that was registered before. */
  restore(version: SubjectVersion, deleted = false): void {
    const { subject, schema } = version
    this.#byId.set(schema.id, schema)
    const key = identity(schema)
    if (!this.#idOf.has(key)) this.#idOf.set(key, schema.id)
    this.#lastId = Math.max(this.#lastId, schema.id)
    this.#lastVersions.set(subject, Math.max(this.#lastVersions.get(subject) ?? 0, version.version))
    const others = this.versions(subject).filter((v) => v.version !== version.version)
    const versions = deleted ? others : [...others, version].sort((a, b) => a.version - b.version)
    if (versions.length === 0) this.#subjects.delete(subject)
    else this.#subjects.set(subject, versions)
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  incompatibilities(subject: string, schema: Schema): readonly string[] {
    const history = this.versions(subject).map((v) => v.schema)
    return incompatibilities(schema, history, this.compatibility(subject), this)
  }

  compatibility(subject: string | null): CompatibilityLevel {
    return subject === null ? this.#level : (this.#levels.get(subject) ?? this.#level)
  }

  setCompatibility(subject: string | null, level: CompatibilityLevel): void {
    if (subject === null) this.#level = level
    else this.#levels.set(subject, level)
    this.#onChange({ kind: 'compatibility', subject, level })
  }

  deleteSubject(subject: string): void {
    for (const { version } of this.versions(subject)) this.deleteVersion(subject, version)
  }

  deleteVersion(subject: string, number: number): void {
    const version = this.versions(subject).find((v) => v.version === number)
    if (version === undefined) return
    this.restore(version, true)
    this.#onChange({ kind: 'schema', version, deleted: true })
  }
}

/** Schemas are the same when their texts are, spaces in JSON aside, and what they refer to. */
function identity({ type, text, references = [] }: Schema): string {
  const names = references.map((r) => [r.name, r.subject, r.version])
  return JSON.stringify([type, type === 'PROTOBUF' ? text.trim() : compact(text), names])
}

function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text.trim()
  }
}
