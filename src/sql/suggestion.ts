import type { Expression } from './ast.js'
import { formatExpression, formatIdentifier } from './format-sql.js'
import { nearest } from './nearest-name.js'
import { formatType, type SqlType } from './types.js'

/**
 * `Did you mean ORDERS?` for a name that is not there; null when none of `names` is near. A name that differs in case
 * only is the nearest one. `write` says how the name is written in a statement, by default as an identifier.
 */
export function didYouMean(
  wanted: string,
  names: readonly string[],
  write: (name: string) => string = formatIdentifier,
): string | null {
  const upper = wanted.toUpperCase()
  const near = nearest(
    upper,
    names.map((name) => name.toUpperCase()),
  )
  const found = names.find((name) => name.toUpperCase() === near)
  return found === undefined ? null : `Did you mean ${write(found)}?`
}

/** The nearest of the names, or all of them, as long as they are few. */
export function oneOf(what: string, wanted: string, names: readonly string[]): string | null {
  const near = didYouMean(wanted, names)
  if (near !== null || names.length === 0 || names.length > 20) return near
  return `${what}: ${names.map(formatIdentifier).join(', ')}.`
}

/** How one expression takes the type of another: a literal without its quotes, or a CAST. */
export function castHint(expression: Expression, to: SqlType): string {
  return `CAST(${formatExpression(expression)} AS ${formatType(to)}) makes it ${article(to)} ${formatType(to)}.`
}

function article({ kind }: SqlType): string {
  return /^[AEIOU]/.test(kind) ? 'an' : 'a'
}
