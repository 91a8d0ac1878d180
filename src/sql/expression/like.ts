/**
 * The pattern of LIKE as a regular expression on the whole text: `%` is any text, `_` one character. A character
 * after the escape character stands for itself.
 * @throws RangeError when the pattern ends with the escape character.
 */
export function likePattern(pattern: string, escapeCharacter: string | null): RegExp {
  let source = ''
  let escaped = false
  for (const char of pattern) {
    if (escaped) {
      source += quote(char)
      escaped = false
    } else if (char === escapeCharacter) {
      escaped = true
    } else {
      source += char === '%' ? '.*' : char === '_' ? '.' : quote(char)
    }
  }
  if (escaped) throw new RangeError('LIKE pattern must not end with escape character')
  return new RegExp(`^${source}$`, 'su')
}

function quote(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}

const cache = new Map<string, RegExp>()

export function like(value: string, pattern: string, escapeCharacter: string | null): boolean {
  const key = `${escapeCharacter ?? ''}\u0000${pattern}`
  let compiled = cache.get(key)
  if (compiled === undefined) {
    compiled = likePattern(pattern, escapeCharacter)
    if (cache.size > 1000) cache.clear()
    cache.set(key, compiled)
  }
  return compiled.test(value)
}
