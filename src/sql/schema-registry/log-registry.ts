import type { Log, Producer } from '../../log/index.js'
import { jsonSerde, type Serde } from '../../serde/index.js'
import { MemorySchemaRegistry, type RegistryChange } from './memory-registry.js'
import type {
  CompatibilityLevel,
  RegisteredSchema,
  RegisterOptions,
  Schema,
  SchemaReference,
  SchemaRegistry,
  SchemaType,
  SubjectVersion,
} from './schema-registry.js'

/* Keys and values of the topic are those of Confluent's registry, so that either can go on with the other's topic. */

interface SchemaKey {
  readonly keytype: 'SCHEMA'
  readonly subject: string
  readonly version: number
  readonly magic: 1
}

interface ConfigKey {
  readonly keytype: 'CONFIG'
  readonly subject: string | null
  readonly magic: 0
}

interface SchemaValue {
  readonly subject: string
  readonly version: number
  readonly id: number
  /** Absent: AVRO. */
  readonly schemaType?: SchemaType
  readonly schema: string
  readonly references?: readonly SchemaReference[]
  readonly deleted: boolean
}

interface ConfigValue {
  readonly compatibilityLevel: CompatibilityLevel
}

type Key = SchemaKey | ConfigKey | { readonly keytype: 'NOOP' | 'DELETE_SUBJECT' | 'MODE' }
type Value = SchemaValue | ConfigValue

/**
 * A registry kept in a compacted topic of one partition. The topic has one writer: two programs that register on one
 * cluster at the same time could give one id to two schemas.
 */
export class LogSchemaRegistry implements SchemaRegistry {
  readonly topic: string
  readonly #log: Log
  readonly #memory: MemorySchemaRegistry
  #producer: Producer<Key, Value> | null = null
  /** What is not written yet, and the writing of it. */
  #pending: { readonly key: Key; readonly value: Value }[] = []
  #writing: Promise<void> = Promise.resolve()
  #loading = true

  private constructor(log: Log, topic: string) {
    this.topic = topic
    this.#log = log
    this.#memory = new MemorySchemaRegistry({ onChange: (change) => this.#keep(change) })
  }

  /** Reads what the topic holds. It is made when the first schema is registered. */
  static async open(
    log: Log,
    { topic = '_schemas' }: { readonly topic?: string } = {},
  ): Promise<LogSchemaRegistry> {
    const registry = new LogSchemaRegistry(log, topic)
    if ((await log.admin.listTopics()).includes(topic)) await registry.#load()
    registry.#loading = false
    return registry
  }

  async #load(): Promise<void> {
    const partition = { topic: this.topic, partition: 0 }
    const consumer = this.#log.consumer({ ...serdes(), autoOffsetReset: 'earliest' })
    try {
      consumer.assign([partition])
      const [end] = await consumer.endOffsets([partition])
      while ((await consumer.position(partition)) < end!) {
        for (const { key, value } of await consumer.poll(100)) if (key !== null) this.#restore(key, value)
      }
    } finally {
      await consumer.close()
    }
  }

  #restore(key: Key, value: Value | null): void {
    if (value === null) return
    if (key.keytype === 'CONFIG' && 'compatibilityLevel' in value) {
      this.#memory.setCompatibility(key.subject, value.compatibilityLevel)
    } else if (key.keytype === 'SCHEMA' && 'schema' in value) {
      const { subject, version, id, schemaType: type = 'AVRO', schema: text, references = [] } = value
      this.#memory.restore({ subject, version, schema: { id, type, text, references } }, value.deleted)
    }
  }

  #keep(change: RegistryChange): void {
    if (this.#loading) return
    if (change.kind === 'compatibility') {
      const key: ConfigKey = { keytype: 'CONFIG', subject: change.subject, magic: 0 }
      this.#send({ key, value: { compatibilityLevel: change.level } })
      return
    }
    const { subject, version, schema } = change.version
    const { id, type, text, references = [] } = schema
    const key: SchemaKey = { keytype: 'SCHEMA', subject, version, magic: 1 }
    const schemaType = type === 'AVRO' ? {} : { schemaType: type }
    const value = { subject, version, id, ...schemaType, schema: text, references, deleted: change.deleted }
    this.#send({ key, value })
  }

  #send(record: { readonly key: Key; readonly value: Value }): void {
    this.#pending.push(record)
    // A failure is told by `flush`, which tries again.
    void this.flush().catch(() => {})
  }

  flush(): Promise<void> {
    if (this.#pending.length > 0)
      this.#writing = this.#writing.catch(() => {}).then(() => this.#writePending())
    return this.#writing
  }

  async #writePending(): Promise<void> {
    const { topic } = this
    if (this.#producer === null) {
      const configs = { 'cleanup.policy': 'compact' }
      await this.#log.admin.createTopics([{ topic, partitions: 1, configs }], { ifNotExists: true })
      this.#producer = this.#log.producer({ lingerMs: 0, ...serdes() })
    }
    while (this.#pending.length > 0) {
      const { key, value } = this.#pending[0]!
      await this.#producer.send({ topic, partition: 0, key, value })
      this.#pending.shift()
    }
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#producer?.close()
    this.#producer = null
  }

  subjects(): readonly string[] {
    return this.#memory.subjects()
  }

  versions(subject: string): readonly SubjectVersion[] {
    return this.#memory.versions(subject)
  }

  latest(subject: string): SubjectVersion | null {
    return this.#memory.latest(subject)
  }

  byId(id: number): RegisteredSchema | null {
    return this.#memory.byId(id)
  }

  find(subject: string, schema: Schema): SubjectVersion | null {
    return this.#memory.find(subject, schema)
  }

  register(subject: string, schema: Schema, options?: RegisterOptions): SubjectVersion {
    return this.#memory.register(subject, schema, options)
  }

  incompatibilities(subject: string, schema: Schema): readonly string[] {
    return this.#memory.incompatibilities(subject, schema)
  }

  checkCompatible(subject: string, schema: Schema): void {
    this.#memory.checkCompatible(subject, schema)
  }

  compatibility(subject: string | null): CompatibilityLevel {
    return this.#memory.compatibility(subject)
  }

  setCompatibility(subject: string | null, level: CompatibilityLevel): void {
    this.#memory.setCompatibility(subject, level)
  }

  deleteSubject(subject: string): void {
    this.#memory.deleteSubject(subject)
  }

  deleteVersion(subject: string, version: number): void {
    this.#memory.deleteVersion(subject, version)
  }
}

function serdes(): { readonly keySerde: Serde<Key>; readonly valueSerde: Serde<Value> } {
  return { keySerde: jsonSerde() as Serde<Key>, valueSerde: jsonSerde() as Serde<Value> }
}
