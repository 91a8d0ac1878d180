import type { AnalyzedQuery } from '../analyzer/analyzer.js'
import { walk } from '../analyzer/rewrite.js'
import type { Query } from '../ast.js'
import { SqlError } from '../errors.js'

const advice =
  'See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.'

/** Clauses that a SELECT without EMIT cannot have, whatever it reads. @throws SqlError */
export function checkPullClauses(query: Query): void {
  const clauses = [
    ['JOIN', query.from.kind === 'join' ? query.from : null],
    ['WINDOW', query.window],
    ['GROUP BY', query.groupBy],
    ['PARTITION BY', query.partitionBy],
    ['HAVING', query.having],
  ] as const
  for (const [name, clause] of clauses) {
    if (clause !== null) throw new SqlError(`Pull queries don't support ${name} clauses. ${advice}`)
  }
}

/** A state has neither partition nor offset of its own. @throws SqlError */
export function checkPullColumns(query: AnalyzedQuery): void {
  const selected = query.select.flatMap((item) => (item.kind === 'column' ? [item.expression] : []))
  for (const [clause, expressions] of [
    ['SELECT', selected],
    ['WHERE', query.where === null ? [] : [query.where]],
  ] as const) {
    const found = new Set<string>()
    for (const expression of expressions) {
      walk(expression, (e) => {
        if (e.kind === 'column' && (e.name === 'ROWPARTITION' || e.name === 'ROWOFFSET'))
          found.add(`\`${e.name}\``)
      })
    }
    if (found.size > 0) {
      throw new SqlError(
        `Pull queries don't support the following columns in ${clause} clauses: ${[...found].join(', ')}`,
      )
    }
  }
}
