import { formatIdentifier } from './format-sql.js'
import { nearest } from './nearest-name.js'

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
