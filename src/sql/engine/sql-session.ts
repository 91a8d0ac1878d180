import type { Statement } from '../ast.js'
import { checkProperty, type PropertyValues } from '../properties.js'
import type { StatementResult } from '../statements/statement-result.js'
import { resultMessage } from './result-table.js'

/** What SET and DEFINE have changed for one session; UNSET and UNDEFINE take it back. */
export class SqlSession {
  #properties: PropertyValues = {}
  #variables: Readonly<Record<string, string>> = {}

  get properties(): PropertyValues {
    return this.#properties
  }

  get variables(): Readonly<Record<string, string>> {
    return this.#variables
  }

  /** Null for a statement that is not about the session. @throws SqlError for a property that does not exist */
  apply(statement: Statement): StatementResult | null {
    switch (statement.kind) {
      case 'set': {
        const { property, value } = statement
        checkProperty(property, value, statement.location)
        this.#properties = { ...this.#properties, [property]: value }
        return resultMessage(statement, `Successfully changed local property '${property}' to '${value}'.`)
      }
      case 'unset':
        this.#properties = without(this.#properties, statement.property)
        return resultMessage(statement, `Successfully unset local property '${statement.property}'.`)
      case 'define':
        this.#variables = { ...this.#variables, [statement.variable]: statement.value }
        return resultMessage(statement, `Defined ${statement.variable}.`)
      case 'undefine':
        this.#variables = without(this.#variables, statement.variable)
        return resultMessage(statement, `Undefined ${statement.variable}.`)
      default:
        return null
    }
  }
}

function without(values: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== name))
}
