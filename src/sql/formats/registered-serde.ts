import type { ByteWriter } from '../../common/index.js'
import { SerializationError } from '../../serde/index.js'
import {
  MemorySchemaRegistry,
  referencedTexts,
  type Schema,
  SchemaRegistryError,
  subjectOf,
} from '../schema-registry/index.js'
import { frameBytes, readFrame, writeFrame } from '../schema-registry/wire-format.js'
import type { SerdeOptions } from './format-contract.js'

/* Records in the frame of the registry: written with one schema, read with the one that their id names. */

/** A schema and the texts of what it refers to. */
export interface ResolvedSchema {
  readonly schema: Schema
  readonly references: ReadonlyMap<string, string>
}

export interface RegisteredCodec<T> {
  /** Writes what comes after the schema id. */
  writer(schema: ResolvedSchema): (value: T, out: ByteWriter) => void
  /** Reads what comes after the schema id. */
  reader(schema: ResolvedSchema): (buffer: Buffer, start: number, end: number) => T
  /** The schema of the columns. */
  derive(): Schema
}

/** Stands for the schema derived from the columns: no registry gives it. */
const derivedId = 0

export function registeredSerde<T>(options: SerdeOptions, codec: RegisteredCodec<T>) {
  type Read = (buffer: Buffer, start: number, end: number) => T
  const readers = new Map<number, Read>()
  let write: ((value: T, out: ByteWriter) => void) | null = null
  let writtenId = derivedId
  let lastId = -1
  let lastRead: Read | null = null

  /** At the first record, since its schema is registered where it is not yet. */
  function prepareWriter(): (value: T, out: ByteWriter) => void {
    const { id, schema } = schemaToWrite(options, () => codec.derive())
    writtenId = id
    return codec.writer({ schema, references: referencesOf(options, schema) })
  }

  function readerOf(id: number): Read {
    let read = readers.get(id)
    if (read === undefined) {
      const schema = schemaToRead(options, id) ?? codec.derive()
      read = codec.reader({ schema, references: referencesOf(options, schema) })
      readers.set(id, read)
    }
    lastId = id
    lastRead = read
    return read
  }

  return {
    write(value: T, out: ByteWriter): void {
      write ??= prepareWriter()
      writeFrame(writtenId, out)
      write(value, out)
    },
    read(buffer: Buffer, start: number, end: number): T {
      const id = readFrame(buffer, start, end)
      const read = id === lastId ? lastRead! : readerOf(id)
      return read(buffer, start + frameBytes, end)
    },
  }
}

function schemaToWrite(
  options: SerdeOptions,
  derive: () => Schema,
): { readonly id: number; readonly schema: Schema } {
  const { registry, topic, schemaId, role } = options
  if (schemaId !== undefined && topic !== undefined) {
    return { id: schemaId, schema: schemaToRead(options, schemaId)! }
  }
  const schema = derive()
  if (topic === undefined || registry === undefined) return { id: derivedId, schema }
  try {
    return { id: registry.register(subjectOf(topic, role), schema).schema.id, schema }
  } catch (cause) {
    if (cause instanceof SchemaRegistryError) throw new SerializationError(cause.message, { cause })
    throw cause
  }
}

/** Null for the schema derived from the columns. */
function schemaToRead({ registry, format }: SerdeOptions, id: number): Schema | null {
  if (id === derivedId) return null
  const schema = registry?.byId(id) ?? null
  if (schema !== null) return schema
  throw new SerializationError(
    `the record was written with the ${format.toUpperCase()} schema ${id}, which ` +
      (registry === undefined
        ? 'cannot be found without a schema registry'
        : 'is not in the schema registry'),
  )
}

const noRegistry = new MemorySchemaRegistry()

function referencesOf({ registry }: SerdeOptions, schema: Schema): ReadonlyMap<string, string> {
  return referencedTexts(registry ?? noRegistry, schema)
}
