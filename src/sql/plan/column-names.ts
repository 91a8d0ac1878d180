import type { Expression } from '../ast.js'

/** Names for columns that the user gave none. */
export class AliasGenerator {
  readonly #used: Set<string>
  #next = 0

  constructor(used: Iterable<string>) {
    this.#used = new Set(used)
  }

  /** `KSQL_COL_0`, `KSQL_COL_1` …, leaving out names in use. */
  generated(): string {
    for (;;) {
      const name = `KSQL_COL_${this.#next++}`
      if (this.#claim(name)) return name
    }
  }

  /** The field's own name, or `F_1`, `F_2` … when it is taken. */
  forField(field: string): string {
    if (this.#claim(field)) return field
    for (let i = 1; ; i++) if (this.#claim(`${field}_${i}`)) return `${field}_${i}`
  }

  #claim(name: string): boolean {
    if (this.#used.has(name)) return false
    this.#used.add(name)
    return true
  }

  /** A name for an unnamed expression that is not a plain column. */
  forExpression(expression: Expression): string {
    return expression.kind === 'dereference' ? this.forField(expression.field) : this.generated()
  }
}
