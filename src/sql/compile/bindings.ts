/** Values that generated code refers to by name: parameters of the function around it. */
export class Bindings {
  readonly names: string[] = []
  readonly values: unknown[] = []
  readonly #known = new Map<unknown, string>()
  #freshCount = 0

  /** The name under which the code finds `value`. */
  bind(value: unknown): string {
    let name = this.#known.get(value)
    if (name === undefined) {
      name = `$${this.names.length}`
      this.#known.set(value, name)
      this.names.push(name)
      this.values.push(value)
    }
    return name
  }

  /** A name for a local variable that no other code with these bindings uses. */
  fresh(prefix: string): string {
    return `${prefix}${this.#freshCount++}`
  }
}

/** Where the sources of functions go that are made while `collectSources` runs. */
let collected: string[] | null = null

/** The source of every function that `body` has made, in order. `body` must be synchronous. */
export function collectSources(body: () => void): readonly string[] {
  const sources: string[] = []
  collected = sources
  try {
    body()
    return sources
  } finally {
    collected = null
  }
}

/**
 * The only place where text becomes code. `body` is a function body in strict mode that sees `parameters` and the
 * bound names.
 */
export function instantiate<Fn>(parameters: readonly string[], body: string, bindings: Bindings): Fn {
  const source = `"use strict";\nreturn function (${parameters.join(', ')}) {\n${body}\n}`
  collected?.push(source)
  return new Function(...bindings.names, source)(...bindings.values) as Fn
}

/** A value as JavaScript source; what has no safe literal is bound. */
export function literal(value: unknown, bindings: Bindings): string {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) return bindings.bind(value)
      return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value)
    case 'bigint':
      return value < 0n ? `(${value}n)` : `${value}n`
    case 'boolean':
      return String(value)
    case 'string':
      return textLiteral(value)
    default:
      return value === null ? 'null' : bindings.bind(value)
  }
}

/** Beyond JSON, line separators are escaped: they end lines in some readers of source text. */
function textLiteral(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

/** A statement that declares local variables; empty for none. */
export function declare(names: readonly string[]): string {
  return names.length === 0 ? '' : `let ${names.join(', ')};\n`
}
