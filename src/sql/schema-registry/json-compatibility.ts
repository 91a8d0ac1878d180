/*
 * Why JSON written for one JSON schema may not be valid for another. Checked are types, required properties, and what
 * is nested; constraints such as ranges and patterns are not looked at.
 */

type JsonObject = { readonly [name: string]: unknown }

export function jsonIncompatibilities(reader: unknown, writer: unknown, path = ''): string[] {
  const [to, from] = [describe(reader), describe(writer)]
  const place = path === '' ? '/' : path
  const reasons: string[] = []
  for (const type of from.types) {
    const accepted = to.types.has(type) || (type === 'integer' && to.types.has('number'))
    if (to.types.size > 0 && !accepted) reasons.push(`${place}: ${type} is no longer allowed`)
  }
  if (from.types.size === 0 && to.types.size > 0)
    reasons.push(`${place}: anything was allowed, now ${[...to.types].join(', ')}`)
  if (to.properties !== null && from.properties !== null) {
    for (const [name, property] of Object.entries(to.properties)) {
      const written = from.properties[name]
      if (written !== undefined) reasons.push(...jsonIncompatibilities(property, written, `${path}/${name}`))
    }
    for (const name of to.required) {
      const hasDefault = (to.properties[name] as JsonObject | undefined)?.default !== undefined
      if (!from.required.includes(name) && !hasDefault) reasons.push(`${place}: ${name} is now required`)
    }
    if (to.closed) {
      for (const name of Object.keys(from.properties)) {
        if (to.properties[name] === undefined) reasons.push(`${place}: ${name} is no longer allowed`)
      }
    }
  }
  if (to.items !== undefined && from.items !== undefined) {
    reasons.push(...jsonIncompatibilities(to.items, from.items, `${path}/items`))
  }
  return reasons
}

interface Description {
  /** Empty: anything. */
  readonly types: ReadonlySet<string>
  readonly properties: JsonObject | null
  readonly required: readonly string[]
  readonly closed: boolean
  readonly items: unknown
}

/** Alternatives are taken together: `oneOf` of null and a type is that type that may be null. */
function describe(json: unknown): Description {
  const schema: JsonObject = json !== null && typeof json === 'object' ? (json as JsonObject) : {}
  const types = new Set<string>([schema.type ?? []].flat() as string[])
  let { properties, items } = schema
  let required = (schema.required ?? []) as readonly string[]
  let closed = schema.additionalProperties === false
  for (const branch of [schema.oneOf, schema.anyOf].flat()) {
    if (branch === undefined) continue
    const inner = describe(branch)
    for (const type of inner.types) types.add(type)
    properties ??= inner.properties ?? undefined
    items ??= inner.items
    if (inner.required.length > 0) required = inner.required
    closed ||= inner.closed
  }
  return { types, properties: (properties as JsonObject | undefined) ?? null, required, closed, items }
}
