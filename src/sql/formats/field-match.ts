/**
 * The field of a written schema that feeds a column: of the same name, else of one that differs in case only (the last
 * of several). Schemas are written by programs that know nothing of SQL's upper-case names.
 */
export function matchField<T extends { readonly name: string }>(
  fields: readonly T[],
  name: string,
): T | undefined {
  const upper = name.toUpperCase()
  return fields.find((f) => f.name === name) ?? fields.findLast((f) => f.name.toUpperCase() === upper)
}
