import { SerializationError } from './errors.js'
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

/** JSON text in UTF-8. With a Standard Schema, values are validated as they are read and typed by it. */
export function jsonSerde<T = unknown>(schema?: StandardSchema<T>): Serde<T> {
  return {
    write(value, out) {
      const text = JSON.stringify(value)
      if (text === undefined) throw new SerializationError(`a ${typeof value} has no JSON form`)
      out.writeUtf8(text)
    },
    read(buffer, start, end) {
      let value: unknown
      try {
        value = JSON.parse(buffer.toString('utf8', start, end))
      } catch (cause) {
        throw new SerializationError(`invalid JSON: ${(cause as Error).message}`, { cause })
      }
      return schema === undefined ? (value as T) : validated(schema, value)
    },
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
