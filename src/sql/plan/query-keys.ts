import { structure } from '../analyzer/rewrite.js'
import type { Expression } from '../ast.js'
import { SqlError } from '../errors.js'
import { quoteIdentifier, type SqlType } from '../types.js'

/** What the key of a query's rows is, and how its columns must appear in the select list. */
export interface QueryKeys {
  readonly columns: readonly QueryKeyColumn[]
  /** What the key comes from, for messages. */
  readonly origin: 'source' | 'PARTITION BY' | 'GROUP BY' | 'join' | 'foreignKeyJoin'
  /** Alias and name of the left table of a foreign-key join. */
  readonly leftTable?: string
  /** A key column that no source has: joins over expressions, and full outer joins. */
  readonly synthetic: boolean
}

export interface QueryKeyColumn {
  readonly name: string
  readonly type: SqlType
  /** Expressions in the select list that stand for this column, the best first; all of them are equal to it. */
  readonly matches: readonly Expression[]
  /** The same as text, for messages. */
  readonly written: readonly string[]
  /** Other expressions that are equal to it, such as those of a join's ON. */
  readonly equal?: readonly Expression[]
}

export function column(name: string): Expression {
  return { kind: 'column', name, location: null }
}

interface Item {
  readonly alias: string
  readonly expression: Expression
}

/**
 * Finds the item that gives each key column its place and name in the select list of a persistent query.
 *
 * Rules of ksqlDB: every key column must be there, once; copies go through AS_VALUE. Of several columns that a join
 * made equal, the best one becomes the key and the others are values.
 *
 * @returns for each key column the index of its item
 */
export function findKeyItems(keys: QueryKeys, items: readonly Item[], sinkName: string): number[] {
  const missing: QueryKeyColumn[] = []
  const found = keys.columns.map((key) => {
    for (const match of key.matches) {
      const text = structure(match)
      const indexes = items.flatMap((item, i) => (structure(item.expression) === text ? [i] : []))
      if (indexes.length > 1)
        throw selectedTwice(
          keys,
          match,
          indexes.map((i) => items[i]!.alias),
        )
      if (indexes.length === 1) return indexes[0]!
    }
    missing.push(key)
    return -1
  })
  if (missing.length > 0) throw missingKey(keys, missing, sinkName)
  return found
}

function selectedTwice(keys: QueryKeys, match: Expression, aliases: readonly string[]): SqlError {
  if (keys.origin === 'GROUP BY' || keys.origin === 'PARTITION BY') {
    const list = aliases.map(quoteIdentifier)
    return new SqlError(
      `The projection contains a key column more than once: ${joinWords(list, 'and')}.\n` +
        'Each key column must only be in the projection once. ' +
        'If you intended to copy the key into the value, then consider using the AS_VALUE function to indicate which key reference should be copied.',
    )
  }
  const name = match.kind === 'column' ? quoteIdentifier(match.name) : ''
  return new SqlError(
    `The projection contains a key column (${name}) more than once, aliased as: ${joinWords(aliases, 'and')}.\n` +
      'Each key column must only be in the projection once. ' +
      'If you intended to copy the key into the value, then consider using the AS_VALUE function to indicate which key reference should be copied.',
  )
}

function missingKey(keys: QueryKeys, missing: readonly QueryKeyColumn[], sinkName: string): SqlError {
  if (keys.origin === 'foreignKeyJoin') {
    return new SqlError(
      'Primary key columns missing in projection. For foreign-key table-table joins, the projection must include ' +
        `all primary key columns from the left input table (${quoteIdentifier(keys.leftTable ?? '')}). ` +
        `Missing columns: ${missing.map((c) => quoteIdentifier(c.written[0]!.replace(/^.*\./, ''))).join(', ')}.`,
    )
  }
  const join = keys.origin === 'join'
  const all = join ? keys.columns[0]!.written : keys.columns.map((c) => c.written[0]!)
  const noun = {
    source: 'key column',
    'PARTITION BY': 'partitioning expression',
    'GROUP BY': 'grouping expression',
    join: 'join expression',
  }[keys.origin]
  const list = joinWords(all, join ? 'or' : 'and')
  const example = join ? all[0]! : all.join(', ')
  const synthetic = keys.synthetic
    ? `\n${all[0]} was added as a synthetic key column because the join criteria did not match any source column. ` +
      'This expression must be included in the projection and may be aliased. '
    : ''
  return new SqlError(
    'Key missing from projection (ie, SELECT). See https://cnfl.io/2LV7ouS.\n' +
      `The query used to build ${quoteIdentifier(sinkName)} must include the ${noun}${all.length === 1 ? '' : 's'} ` +
      `${list} in its projection (eg, SELECT ${example}...).${synthetic}`,
  )
}

function joinWords(words: readonly string[], conjunction: string): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`
}
