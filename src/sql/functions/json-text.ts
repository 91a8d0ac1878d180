import { SqlDecimal } from '../expression/decimal.js'

/*
 * JSON as text in a column. Unlike JSON.parse it keeps every digit of a number; of a repeated name the last one
 * counts; text after the value is not looked at, as in Jackson.
 */

export type JsonNode =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Digits as written. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, JsonNode> }

/** Null for a text without any value. @throws RangeError when it is not JSON */
export function parseJson(text: string): JsonNode | null {
  const reader = new JsonReader(text)
  return reader.atEnd() ? null : reader.value(0)
}

const maxDepth = 1000
const numberForm = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const stringForm = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  atEnd(): boolean {
    while (this.#at < this.#text.length && ' \t\r\n'.includes(this.#text[this.#at]!)) this.#at++
    return this.#at === this.#text.length
  }

  value(depth: number): JsonNode {
    if (this.atEnd() || depth > maxDepth) throw this.#invalid()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return { kind: 'string', value: this.#string() }
      case 't':
        return this.#word('true', { kind: 'boolean', value: true })
      case 'f':
        return this.#word('false', { kind: 'boolean', value: false })
      case 'n':
        return this.#word('null', { kind: 'null' })
      default:
        return { kind: 'number', text: this.#match(numberForm) }
    }
  }

  #object(depth: number): JsonNode {
    const fields = new Map<string, JsonNode>()
    this.#at++
    if (this.#accept('}')) return { kind: 'object', fields }
    do {
      if (this.atEnd()) throw this.#invalid()
      const name = this.#string()
      if (!this.#accept(':')) throw this.#invalid()
      fields.set(name, this.value(depth + 1))
    } while (this.#accept(','))
    if (!this.#accept('}')) throw this.#invalid()
    return { kind: 'object', fields }
  }

  #array(depth: number): JsonNode {
    const items: JsonNode[] = []
    this.#at++
    if (this.#accept(']')) return { kind: 'array', items }
    do items.push(this.value(depth + 1))
    while (this.#accept(','))
    if (!this.#accept(']')) throw this.#invalid()
    return { kind: 'array', items }
  }

  #string(): string {
    return JSON.parse(this.#match(stringForm)) as string
  }

  #word(word: string, node: JsonNode): JsonNode {
    if (!this.#text.startsWith(word, this.#at)) throw this.#invalid()
    this.#at += word.length
    return node
  }

  #accept(char: string): boolean {
    if (this.atEnd() || this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #match(form: RegExp): string {
    form.lastIndex = this.#at
    const found = form.exec(this.#text)?.[0]
    if (found === undefined) throw this.#invalid()
    this.#at += found.length
    return found
  }

  #invalid(): RangeError {
    return new RangeError(`Invalid JSON format: ${this.#text}`)
  }
}

/** Without white space; numbers in plain digits. */
export function formatJson(node: JsonNode): string {
  switch (node.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(node.value)
    case 'number':
      return /[eE]/.test(node.text) ? new SqlDecimal(node.text).toFixed() : node.text
    case 'string':
      return JSON.stringify(node.value)
    case 'array':
      return `[${node.items.map(formatJson).join(',')}]`
    case 'object':
      return `{${[...node.fields].map(([name, field]) => `${JSON.stringify(name)}:${formatJson(field)}`).join(',')}}`
  }
}

/** Steps of `$.a['b'][0]`. @throws RangeError when it is no path */
export function parseJsonPath(path: string): string[] {
  if (!path.startsWith('$')) throw new RangeError(`JSON path must begin with '$': '${path}'`)
  const steps: string[] = []
  const step = /\.([^.[\]]+)|\[\s*(?:(\d+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*\]/y
  step.lastIndex = 1
  while (step.lastIndex < path.length) {
    const at = step.lastIndex
    const found = step.exec(path)
    if (found === null) throw new RangeError(`Invalid JSON path: '${path}' at ${at}`)
    steps.push(found[1] ?? found[2] ?? found[3]?.replace(/\\(.)/g, '$1') ?? found[4]!)
  }
  return steps
}
