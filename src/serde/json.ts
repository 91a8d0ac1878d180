import type { ByteWriter } from '../common/index.js'
import { SerializationError } from './errors.js'
import { shapeOf, shapeReader } from './json-reader.js'
import { type ShapeReader, ShapeWatch } from './json-shape.js'
import { type ShapeWriter, shapeWriter } from './json-writer.js'
import type { Serde } from './serde.js'

/** A Standard Schema validator (zod, valibot, arktype …); see standardschema.dev. */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] }

interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/**
 * JSON text in UTF-8. With a Standard Schema, values are validated as they are read and typed by it.
 *
 * Reads and writes as JSON.parse and JSON.stringify do. A topic mostly holds documents of one shape, so each serde learns
 * the shape of those that pass and has code made for it; see json-reader.ts and json-writer.ts.
 */
export function jsonSerde<T = unknown>(schema?: StandardSchema<T>): Serde<T> {
  const read = learningReader()
  const write = learningWriter()
  return {
    write,
    read(buffer, start, end) {
      const value = read(buffer, start, end)
      return schema === undefined ? (value as T) : validated(schema, value)
    },
  }
}

function learningReader(): ShapeReader {
  const watch = new ShapeWatch()
  const missed: ShapeReader = (buffer, start, end) => {
    const value = parse(buffer, start, end)
    if (watch.missed()) {
      const shape = shapeOf(value)
      if (shape !== null) watch.decode = shapeReader(shape, missed)
    }
    return value
  }
  return (buffer, start, end) => {
    watch.documents++
    return (watch.decode ?? missed)(buffer, start, end)
  }
}

function parse(buffer: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(buffer.toString('utf8', start, end))
  } catch (cause) {
    throw new SerializationError(`invalid JSON: ${(cause as Error).message}`, { cause })
  }
}

/** How many objects miss the shape before another is learned. */
const missesMax = 32
const shapesMax = 8

function learningWriter(): (value: unknown, out: ByteWriter) => void {
  let writeShape: ShapeWriter | null = null
  let misses = 0
  let shapes = 0
  return (value, out) => {
    const start = out.position
    if (typeof value === 'object' && value !== null) {
      if (writeShape?.(value, out)) return
      out.position = start
      if (shapes < shapesMax && ++misses === missesMax) {
        misses = 0
        shapes++
        const shape = shapeOf(value)
        writeShape = shape === null ? null : shapeWriter(shape)
      }
    }
    const text = JSON.stringify(value)
    if (text === undefined) throw new SerializationError(`a ${typeof value} has no JSON form`)
    out.writeUtf8(text)
  }
}

function validated<T>(schema: StandardSchema<T>, value: unknown): T {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    throw new SerializationError('the schema validates asynchronously; a serde needs a synchronous one')
  }
  if (result.issues !== undefined) {
    throw new SerializationError(`does not fit its schema: ${result.issues.map(issueText).join('; ')}`)
  }
  return result.value
}

/** The message, behind the place it is about. */
function issueText({ message, path = [] }: Issue): string {
  const place = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return place === '' ? message : `${place}: ${message}`
}
