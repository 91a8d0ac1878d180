import type { Expression, Location } from '../ast.js'
import { SqlError } from '../errors.js'
import { formatExpression } from '../format-sql.js'
import { pseudoColumnNames, windowColumnNames } from '../schema.js'
import { oneOf } from '../suggestion.js'
import type { AnalyzedSource } from './analysis.js'
import { rewrite } from './rewrite.js'

/** How a clause is called in messages. */
export type Clause = 'SELECT' | 'WHERE' | 'GROUP BY' | 'PARTITION BY' | 'HAVING' | 'JOIN ON' | 'ORDER BY'

/**
 * The names that expressions of one query may use. Turns `NAME` and `SOURCE.NAME` into plain columns under the names
 * of the plan: unchanged over one source, `<alias>_<NAME>` in joins.
 */
export class NameScope {
  readonly sources: readonly AnalyzedSource[]
  readonly #windowedQuery: boolean
  readonly #origins = new Map<string, { alias: string; name: string }>()

  constructor(sources: readonly AnalyzedSource[], windowedQuery: boolean) {
    this.sources = sources
    this.#windowedQuery = windowedQuery
    for (const source of sources) {
      for (const name of columnsOf(source)) {
        this.#origins.set(this.planName(source.alias, name), { alias: source.alias, name })
      }
    }
  }

  get isJoin(): boolean {
    return this.sources.length > 1
  }

  planName(alias: string, column: string): string {
    return this.isJoin ? `${alias}_${column}` : column
  }

  /** The source and own name of a column of the plan; undefined for synthetic ones. */
  originOf(planName: string): { readonly alias: string; readonly name: string } | undefined {
    return this.#origins.get(planName)
  }

  /** Whether more than one source has a column of this name. */
  isShared(column: string): boolean {
    return this.sources.filter((s) => hasColumn(s, column)).length > 1
  }

  source(alias: string, location: Location | null = null): AnalyzedSource {
    const found = this.sources.find((s) => s.alias === alias)
    if (found !== undefined) return found
    throw new SqlError(`'${alias}' is not a valid stream/table name or alias.`, {
      location,
      suggestion: oneOf(
        'Sources of this query',
        alias,
        this.sources.map((s) => s.alias),
      ),
    })
  }

  resolve(expression: Expression, clause: Clause): Expression {
    return rewrite(expression, (node) => {
      if (node.kind === 'column') return this.#column(node.name, clause, node.location)
      if (node.kind === 'qualifiedColumn') {
        return this.#qualified(node.source, node.name, clause, node.location)
      }
      // A star is the argument of COUNT only; other functions get none.
      if (node.kind === 'call' && node.star && node.name !== 'COUNT')
        return { ...node, args: [], star: false }
      return undefined
    })
  }

  #column(name: string, clause: Clause, location: Location | null): Expression {
    const owners = this.sources.filter((s) => hasColumn(s, name))
    if (owners.length > 1) {
      const list = owners.map((s) => `${s.alias}.${name}`).join(' or ')
      throw new SqlError(
        `Exception while preparing statement: ${place(location)}Column '${name}' is ambiguous. Could be ${list}.`,
        { location },
      )
    }
    const owner = owners[0]
    if (owner !== undefined) return { kind: 'column', name: this.planName(owner.alias, name), location }
    if (this.#windowedQuery && !this.isJoin && windowColumnNames.has(name)) {
      return { kind: 'column', name, location }
    }
    // The synthetic key of a join; whether there is one of this name is for the plan to say.
    if (this.isJoin && /^ROWKEY(_\d+)?$/.test(name)) return { kind: 'column', name, location }
    throw unresolved(clause, name, location, this.#nearest(name))
  }

  #qualified(alias: string, name: string, clause: Clause, location: Location | null): Expression {
    const source = this.source(alias, location)
    const windowBound = this.#windowedQuery && !this.isJoin && windowColumnNames.has(name)
    if (!hasColumn(source, name) && !windowBound) {
      throw unresolved(clause, `${alias}.${name}`, location, this.#nearest(name))
    }
    return { kind: 'column', name: this.planName(alias, name), location }
  }

  /** The expression with the sources' names before its columns, as text. */
  qualified(expression: Expression): string {
    return formatExpression(
      rewrite(expression, (node) => {
        if (node.kind !== 'column') return undefined
        const origin = this.#origins.get(node.name)
        return origin === undefined
          ? undefined
          : { kind: 'qualifiedColumn', source: origin.alias, name: origin.name, location: node.location }
      }),
    )
  }

  /** As one would write it: qualified in joins only. */
  written(expression: Expression): string {
    return this.isJoin ? this.qualified(expression) : formatExpression(expression)
  }

  #nearest(name: string): string | null {
    const names = this.sources.flatMap((s) => s.source.schema.columns.map((c) => c.name))
    if (windowColumnNames.has(name))
      return `${name} is there for windowed sources, and behind a WINDOW clause.`
    return oneOf('Columns here', name, names)
  }
}

function unresolved(
  clause: Clause,
  name: string,
  location: Location | null,
  suggestion: string | null,
): SqlError {
  return new SqlError(`${place(location)}${clause} column '${name}' cannot be resolved.`, {
    location,
    suggestion,
  })
}

function place(location: Location | null): string {
  return location === null ? '' : `Line: ${location.line}, Col: ${location.column}: `
}

function columnsOf(source: AnalyzedSource): string[] {
  if (source.values !== undefined) return source.source.schema.columns.map((c) => c.name)
  return [
    ...source.source.schema.columns.map((c) => c.name),
    ...pseudoColumnNames,
    ...(source.source.window === null ? [] : windowColumnNames),
  ]
}

function hasColumn(source: AnalyzedSource, name: string): boolean {
  if (source.source.schema.find(name) !== undefined) return true
  if (source.values !== undefined) return false
  return pseudoColumnNames.has(name) || (source.source.window !== null && windowColumnNames.has(name))
}
