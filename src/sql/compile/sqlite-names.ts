/**
 * Names of SQLite columns for SQL ones: the same wherever possible. SQLite does not tell upper from lower case, and
 * ends a statement at a NUL.
 */
export class ColumnNames {
  readonly #taken: Set<string>

  /** @param taken what stores call columns of their own, in lower case */
  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken)
  }

  allot(wanted: string): string {
    let name = writable(wanted)
    while (this.#taken.has(name.toLowerCase())) name += '_'
    this.#taken.add(name.toLowerCase())
    return name
  }
}

export function tableNameOf(name: string): string {
  return writable(name)
}

const unwritable = /[\p{Surrogate}\0]/gu

function writable(name: string): string {
  return name.replace(unwritable, '\ufffd')
}
