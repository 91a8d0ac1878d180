/*
 * Definitions of topologies are written in a notation close to JavaScript: undeclared variables, topology statements
 * with the DSL's method names, and a few phrases in words. This file turns them into JavaScript; binding.ts says what
 * the names mean.
 */

export interface Translated {
  /** Statements, to be run with every name looked up in a scope. */
  readonly code: string
  /** `name(a, b) = expression`, from the text or its comments, as source of functions. */
  readonly functions: ReadonlyMap<string, string>
}

export function translate(definition: string): Translated {
  const functions = new Map<string, string>()
  const { code, comments } = splitComments(definition)
  for (const comment of comments) for (const part of comment.split(';')) defineFunction(part, functions)
  const statements = code
    .split('\n')
    .filter((line) => !defineFunction(line, functions))
    .join('\n')
  return { code: phrases(statements), functions }
}

function splitComments(text: string): { code: string; comments: string[] } {
  const comments: string[] = []
  let code = ''
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at)
      comments.push(text.slice(at + 2, end < 0 ? text.length : end))
      at = end < 0 ? text.length : end
      continue
    }
    const next = afterQuoted(text, at)
    code += text.slice(at, next)
    at = next
  }
  return { code, comments }
}

/** Behind the string or template that begins at `at`; else the next character. */
function afterQuoted(text: string, at: number): number {
  const quote = text[at]!
  if (quote !== "'" && quote !== '"' && quote !== '`') return at + 1
  let end = at + 1
  while (end < text.length && text[end] !== quote) {
    if (quote === '`' && text.startsWith('${', end)) end = closing(text, end + 1)
    else if (text[end] === '\\') end++
    end++
  }
  return end + 1
}

/** Where the bracket opened at `at` closes. */
function closing(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; ) {
    if ('([{'.includes(text[i]!)) depth++
    if (')]}'.includes(text[i]!) && --depth === 0) return i
    i = afterQuoted(text, i)
  }
  throw new Error(`unbalanced brackets in ${text}`)
}

/** The end of the expression that begins at `at`: a comma, semicolon, line end or closing bracket of its own level. */
function expressionEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; ) {
    const c = text[i]!
    if (depth === 0 && ',;)]}\n'.includes(c)) return i
    if ('([{'.includes(c)) depth++
    if (')]}'.includes(c)) depth--
    i = afterQuoted(text, i)
  }
  return text.length
}

/** Takes `name(a, b) = expression`; words in brackets behind it are a remark. */
function defineFunction(text: string, functions: Map<string, string>): boolean {
  const match = /^\s*([a-z]\w*)\(([\w, ]*)\) = (.+)$/.exec(text)
  if (match === null) return false
  const [, name, parameters, body] = match
  for (const candidate of [body!, body!.replace(/\s*\([^()]*\)\s*$/, '')]) {
    const source = `(${parameters}) => (${candidate})`
    if (parses(source)) {
      functions.set(name!, source)
      return true
    }
  }
  return false
}

function parses(source: string): boolean {
  try {
    new Function(`return ${source}`)
    return true
  } catch {
    return false
  }
}

function phrases(code: string): string {
  let text = code
  text = replaceCall(
    text,
    /\bstore\('([^']+)':\s*/,
    (name, rest) => `store('${name}', ${JSON.stringify(rest)})`,
  )
  text = replaceCall(text, /\bglobalStore\('([^']+)':\s*/, (name, rest) => {
    const match = /^(.*?); topic '([^']+)'; processor: ([\s\S]*)$/.exec(rest)
    if (match === null) throw new Error(`cannot read the global store ${name}: ${rest}`)
    return `globalStore('${name}', ${JSON.stringify(match[1])}, '${match[2]}', ${match[3]})`
  })
  text = recordWith(text)
  text = text.replace(/\bdelete every entry of (\w+)/g, 'deleteAll($1)')
  text = text.replace(/\bnumber of headers in (\w+)/g, 'sizeOf($1)')
  text = text.replace(/\b(\w+) as a string\b/g, 'String($1)')
  text = text.replace(/, name ('[^']*')/g, ', {name: $1}')
  for (let match = /\bcount of /.exec(text); match !== null; match = /\bcount of /.exec(text)) {
    const from = match.index + match[0].length
    const end = expressionEnd(text, from)
    text = `${text.slice(0, match.index)}sizeOf(${text.slice(from, end)})${text.slice(end)}`
  }
  return text
}

function replaceCall(
  text: string,
  head: RegExp,
  replacement: (name: string, rest: string) => string,
): string {
  let result = text
  for (let match = head.exec(result); match !== null; match = head.exec(result)) {
    const open = result.indexOf('(', match.index)
    // The notation's colon is no bracket, so that the call closes as usual.
    const close = closing(result, open)
    const rest = result.slice(match.index + match[0].length, close)
    result = result.slice(0, match.index) + replacement(match[1]!, rest) + result.slice(close + 1)
  }
  return result
}

/** `record with value x`: the record with another value; more fields may follow behind commas. */
function recordWith(code: string): string {
  const head = /\b(\w+) with ((?:key|value|timestamp|headers) )/
  let text = code
  for (let match = head.exec(text); match !== null; match = head.exec(text)) {
    let at = match.index + match[1]!.length + ' with '.length
    const fields: string[] = []
    for (let field = /^(key|value|timestamp|headers) /.exec(text.slice(at)); field !== null; ) {
      const from = at + field[0].length
      const end = expressionEnd(text, from)
      fields.push(`${field[1]}: ${text.slice(from, end)}`)
      at = end
      const more = /^,\s*(?=(?:key|value|timestamp|headers) )/.exec(text.slice(at))
      if (more === null) break
      at += more[0].length
      field = /^(key|value|timestamp|headers) /.exec(text.slice(at))
    }
    text = `${text.slice(0, match.index)}recordWith(${match[1]}, {${fields.join(', ')}})${text.slice(at)}`
  }
  return text
}
