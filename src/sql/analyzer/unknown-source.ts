import type { Location } from '../ast.js'
import { SqlError } from '../errors.js'
import type { Metastore } from '../metastore.js'
import { didYouMean } from '../suggestion.js'

/** The refusal of a stream or table that is not there, with the one that was probably meant. */
export function unknownSource(
  name: string,
  metastore: Metastore,
  location: Location | null,
  message = `${name} does not exist.`,
): SqlError {
  const others = metastore.sources.filter((s) => s.name.toUpperCase() === name.toUpperCase())
  if (others.length > 0) return new SqlError(message + caseHint(name, others), { location })
  const names = metastore.sources.map((s) => s.name)
  const suggestion = didYouMean(name, names) ?? 'SHOW STREAMS and SHOW TABLES list what there is.'
  return new SqlError(message, { location, suggestion })
}

/** ksqlDB's words for a name that differs in its case only. */
function caseHint(name: string, others: readonly { readonly name: string }[]): string {
  const names = others.map((s) => (s.name === s.name.toUpperCase() ? s.name : `"${s.name}"`)).join(', ')
  const hint =
    name === name.toUpperCase()
      ? 'Hint: wrap the source name in double quotes to make it case-sensitive.'
      : 'Hint: try removing double quotes from the source name.'
  return `\nDid you mean ${names}? ${hint}`
}
