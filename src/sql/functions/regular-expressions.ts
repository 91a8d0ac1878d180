import type { ScalarFunction } from './registry.js'

/*
 * Patterns of java.util.regex on JavaScript's engine. The two share nearly everything; what is written differently
 * is rewritten here. Possessive quantifiers and class intersections do not exist in JavaScript and are refused.
 */

const classes: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-\\/:-@\\[-`{-~',
  Space: ' \\t\\n\\x0B\\f\\r',
  Blank: ' \\t',
  XDigit: '0-9a-fA-F',
}

interface JavaScriptPattern {
  readonly source: string
  readonly flags: string
}

function translate(pattern: string): JavaScriptPattern {
  let flags = ''
  let source = pattern.replace(/^\(\?([imsux]+)\)/, (_, letters: string) => {
    for (const letter of letters) if ('ims'.includes(letter)) flags += letter
    return ''
  })
  source = source.replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, text: string) =>
    text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'),
  )
  let inClass = false
  source = source.replace(/\\p\{(\w+)\}|\\[\s\S]|[[\]]/g, (found, name: string | undefined) => {
    if (found === '[') inClass = true
    if (found === ']') inClass = false
    if (name !== undefined) {
      const range = classes[name]
      if (range === undefined) return found
      return inClass ? range : `[${range}]`
    }
    if (found === '\\A') return '^'
    if (found === '\\z' || found === '\\Z') return '$'
    if (found === '\\h') return inClass ? ' \\t' : '[ \\t]'
    return found
  })
  return { source, flags }
}

const cache = new Map<string, RegExp>()

/** @throws RangeError when it is no pattern. The expression is global: set `lastIndex` before `exec`. */
export function javaPattern(pattern: string): RegExp {
  let compiled = cache.get(pattern)
  if (compiled === undefined) {
    compiled = compile(pattern)
    if (cache.size > 1000) cache.clear()
    cache.set(pattern, compiled)
  }
  compiled.lastIndex = 0
  return compiled
}

function compile(pattern: string): RegExp {
  const { source, flags } = translate(pattern)
  // Code points first; some escapes are only allowed in the older mode.
  for (const mode of ['gu', 'g']) {
    try {
      return new RegExp(source, mode + flags)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  throw new RangeError(`Invalid regular expression pattern: ${pattern}`)
}

function extract(pattern: string, text: string, group: number): string | null {
  return javaPattern(pattern).exec(text)?.[group] ?? null
}

function extractAll(pattern: string, text: string, group: number): (string | null)[] | null {
  const expression = javaPattern(pattern)
  const groupCount = new RegExp(`${expression.source}|`, expression.flags).exec('')!.length - 1
  if (group > groupCount) return null
  return [...text.matchAll(expression)].map((match) => match[group] ?? null)
}

/** `$1`, `${name}` and `\x` in a replacement. @throws RangeError for a group that does not exist */
function replaceAll(text: string, pattern: string, replacement: string): string {
  return text.replace(javaPattern(pattern), (...found: unknown[]) => {
    const named = found.at(-1)
    const groups = found.slice(
      0,
      found.findIndex((part) => typeof part === 'number'),
    ) as (string | undefined)[]
    return replacement.replace(
      /\\([\s\S])|\$\{(\w+)\}|\$(\d+)|\$/g,
      (part, escaped?: string, name?: string, digits?: string) => {
        if (escaped !== undefined) return escaped
        if (name !== undefined && typeof named === 'object')
          return (named as Record<string, string>)[name] ?? ''
        if (digits === undefined) throw new RangeError('Illegal group reference')
        return groupText(groups, digits, part)
      },
    )
  })
}

/** As many digits as name a group; the others are text. */
function groupText(groups: readonly (string | undefined)[], digits: string, part: string): string {
  for (let length = digits.length; length > 0; length--) {
    const index = Number(digits.slice(0, length))
    if (index < groups.length) return (groups[index] ?? '') + digits.slice(length)
  }
  throw new RangeError(`No group ${part}`)
}

function split(text: string, pattern: string): string[] {
  const expression = javaPattern(pattern)
  const single = new RegExp(expression.source, expression.flags.replace('g', ''))
  // What matches the empty text parts the characters; no empty part is kept at the end then.
  if (new RegExp(`^(?:${expression.source})$`, single.flags).test('')) {
    const parts = splitEach(text, expression)
    while (parts.length > 1 && parts.at(-1) === '') parts.pop()
    return parts
  }
  return splitEach(text, expression)
}

function splitEach(text: string, expression: RegExp): string[] {
  if (text === '') return ['']
  const parts: string[] = []
  let start = 0
  for (const match of text.matchAll(expression)) {
    const end = match.index + match[0].length
    // An empty match at the very beginning gives no part.
    if (end === 0) continue
    parts.push(text.slice(start, match.index))
    start = end
  }
  return [...parts, text.slice(start)]
}

export const regularExpressionFunctions: readonly ScalarFunction[] = [
  {
    name: 'regexp_extract',
    variants: [
      {
        parameters: 'STRING pattern, STRING input',
        returns: 'STRING',
        fn: (pattern: string, text: string) => extract(pattern, text, 0),
      },
      { parameters: 'STRING pattern, STRING input, INT group', returns: 'STRING', fn: extract },
    ],
  },
  {
    name: 'regexp_extract_all',
    variants: [
      {
        parameters: 'STRING pattern, STRING input',
        returns: 'ARRAY<STRING>',
        fn: (pattern: string, text: string) => extractAll(pattern, text, 0),
      },
      { parameters: 'STRING pattern, STRING input, INT group', returns: 'ARRAY<STRING>', fn: extractAll },
    ],
  },
  {
    name: 'regexp_replace',
    variants: [{ parameters: 'STRING str, STRING regexp, STRING newStr', returns: 'STRING', fn: replaceAll }],
  },
  {
    name: 'regexp_split_to_array',
    variants: [{ parameters: 'STRING string, STRING regexp', returns: 'ARRAY<STRING>', fn: split }],
  },
]
