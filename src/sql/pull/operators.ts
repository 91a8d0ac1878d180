import type { CompiledAggregation } from '../compile/aggregate-compiler.js'
import { SqlError } from '../errors.js'
import { equals, identityOf } from '../expression/comparison.js'
import { type Row, rowClass } from '../formats/row-class.js'
import type { PullJoinNode } from '../plan/plan-node.js'
import { flat, indented, type PullRow, type PullShape, type PullSource } from './pull-rows.js'

/*
 * What SQLite does not do for a pull query, in memory: with the functions that are generated for continuous queries.
 */

type RowFunction<R> = (key: unknown, value: unknown) => R

export class Filtered implements PullSource {
  readonly shape: PullShape
  readonly #input: PullSource
  readonly #accepts: RowFunction<boolean>
  readonly #text: string

  constructor(input: PullSource, accepts: RowFunction<boolean>, text: string) {
    this.shape = input.shape
    this.#input = input
    this.#accepts = accepts
    this.#text = text
  }

  *rows(): Iterable<PullRow> {
    for (const row of this.#input.rows()) if (this.#accepts(row.key, row.value)) yield row
  }

  explain(): string[] {
    return [`Filter: ${this.#text}`, ...indented(this.#input.explain())]
  }
}

/** `keyOf` null: rows have no key. A row whose key is null is left out. */
export class Projected implements PullSource {
  readonly shape: PullShape
  readonly #input: PullSource
  readonly #rowOf: RowFunction<unknown>
  readonly #keyOf: RowFunction<unknown> | null

  constructor(
    input: PullSource,
    shape: PullShape,
    rowOf: RowFunction<unknown>,
    keyOf: RowFunction<unknown> | null,
  ) {
    this.shape = shape
    this.#input = input
    this.#rowOf = rowOf
    this.#keyOf = keyOf
  }

  *rows(): Iterable<PullRow> {
    for (const { key, value } of this.#input.rows()) {
      const newKey = this.#keyOf === null ? null : this.#keyOf(key, value)
      if (this.#keyOf !== null && newKey === null) continue
      yield { key: newKey, value: this.#rowOf(key, value) as Row }
    }
  }

  explain(): string[] {
    return this.#input.explain()
  }
}

/** Groups in memory, each with the state of its aggregate functions. */
export class Grouped implements PullSource {
  readonly shape: PullShape
  readonly #input: PullSource
  readonly #functions: CompiledAggregation
  /** Without GROUP BY there is one group, also of no rows. */
  readonly #isWhole: boolean

  constructor(input: PullSource, shape: PullShape, functions: CompiledAggregation, isWhole: boolean) {
    this.shape = shape
    this.#input = input
    this.#functions = functions
    this.#isWhole = isWhole
  }

  *rows(): Iterable<PullRow> {
    const { initialize, result } = this.#functions
    const groups = new Map<unknown, { readonly key: unknown; readonly state: unknown }>()
    for (const { key, value } of this.#input.rows()) {
      const identity = identityOf(key)
      let group = groups.get(identity)
      if (group === undefined) groups.set(identity, (group = { key, state: initialize() }))
      this.#add(key, value, group.state)
    }
    if (this.#isWhole && groups.size === 0) groups.set(null, { key: 1, state: initialize() })
    for (const { key, state } of groups.values()) yield { key, value: result(state) as Row }
  }

  #add(key: unknown, value: unknown, state: unknown): void {
    try {
      this.#functions.add.inPlace(key, value, state)
    } catch (cause) {
      throw new SqlError(`An aggregate function failed: ${(cause as Error).message}`, { cause })
    }
  }

  explain(): string[] {
    const keys = this.shape.key.map((c) => c.name).join(', ')
    return [`Group in memory${this.#isWhole ? '' : ` by ${keys}`}`, ...indented(this.#input.explain())]
  }
}

export interface JoinKeys {
  readonly left: RowFunction<unknown>
  readonly right: RowFunction<unknown>
}

/**
 * A hash join: rows of the right side lie in memory, by their join key. A key with a null has no partner, nor has NaN.
 * Without equalities every pair is looked at.
 */
export class HashJoined implements PullSource {
  readonly shape: PullShape
  readonly #node: PullJoinNode
  readonly #left: PullSource
  readonly #right: PullSource
  readonly #keys: JoinKeys | null
  readonly #accepts: RowFunction<boolean> | null
  readonly #text: string

  constructor(
    node: PullJoinNode,
    left: PullSource,
    right: PullSource,
    keys: JoinKeys | null,
    accepts: RowFunction<boolean> | null,
    text: string,
  ) {
    this.shape = flat(node, [...left.shape.columns, ...right.shape.columns])
    this.#node = node
    this.#left = left
    this.#right = right
    this.#keys = keys
    this.#accepts = accepts
    this.#text = text
  }

  *rows(): Iterable<PullRow> {
    const { type } = this.#node
    const Row = rowClass(this.shape.columns)
    const nothing = (side: PullSource) => side.shape.columns.map(() => null)
    const [noLeft, noRight] = [nothing(this.#left), nothing(this.#right)]
    const right = [...this.#right.rows()].map((row) => ({
      row,
      values: row.value.toArray(),
      isMatched: false,
    }))
    const partnersOf = this.#index(right)
    const accepts = this.#accepts
    for (const row of this.#left.rows()) {
      const values = row.value.toArray()
      let isMatched = false
      for (const partner of partnersOf(row)) {
        const joined = Row.from([...values, ...partner.values])
        if (accepts !== null && !accepts(null, joined)) continue
        isMatched = partner.isMatched = true
        yield { key: null, value: joined }
      }
      if (!isMatched && (type === 'LEFT' || type === 'OUTER')) {
        yield { key: null, value: Row.from([...values, ...noRight]) }
      }
    }
    if (type !== 'RIGHT' && type !== 'OUTER') return
    for (const { values, isMatched } of right) {
      if (!isMatched) yield { key: null, value: Row.from([...noLeft, ...values]) }
    }
  }

  explain(): string[] {
    const how = this.#keys === null ? 'Nested loop' : 'Hash join'
    return [
      `${how}, ${this.#node.type}: ${this.#text}`,
      ...indented(this.#left.explain()),
      ...indented(this.#right.explain()),
    ]
  }

  #index<R extends { readonly row: PullRow }>(right: R[]): (left: PullRow) => readonly R[] {
    if (this.#keys === null) return () => right
    const { left: leftKey, right: rightKey } = this.#keys
    const index = new Map<unknown, R[]>()
    for (const item of right) {
      const key = rightKey(item.row.key, item.row.value)
      if (!isJoinable(key)) continue
      const identity = identityOf(key)
      const found = index.get(identity)
      if (found === undefined) index.set(identity, [item])
      else found.push(item)
    }
    return (row) => {
      const key = leftKey(row.key, row.value)
      return isJoinable(key) ? (index.get(identityOf(key)) ?? []) : []
    }
  }
}

/** Keys of several columns are arrays, and null where one of them is. */
function isJoinable(key: unknown): boolean {
  if (key === null) return false
  return Array.isArray(key) ? key.every((part) => equals('number', part, part)) : equals('number', key, key)
}
