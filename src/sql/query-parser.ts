// biome-ignore-all lint/correctness/noComponentHookFactories: ALT and GATE are the parser's option names, not components
// biome-ignore-all lint/complexity/noCommaOperator: an alternative that eats a token and names it reads best in one line
import type {
  AliasedSource,
  Duration,
  Expression,
  Join,
  OrderItem,
  Query,
  Relation,
  SelectItem,
  ValuesRelation,
  WindowExpression,
} from './ast.js'
import * as build from './ast-builder.js'
import { ExpressionParser } from './expression-parser.js'
import { nearest } from './nearest-name.js'
import type { Rule } from './term-parser.js'
import * as t from './tokens.js'
import { T } from './tokens.js'

const unnamed = { alias: null, columns: null, location: null }

/** Queries: select list, joins, windows and the clauses after them. */
export class QueryParser extends ExpressionParser {
  readonly query: Rule<Query> = this.RULE('query', (): Query => {
    const select: SelectItem[] = []
    const first = this.CONSUME(T.SELECT)
    const distinct = this.OPTION(() => this.CONSUME(T.DISTINCT))
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => select.push(this.SUBRULE(this.selectItem)) })
    this.CONSUME(T.FROM)
    const from = this.SUBRULE(this.relation)
    const window = this.OPTION1(() => {
      this.CONSUME(T.WINDOW)
      return this.SUBRULE(this.window)
    })
    const where = this.OPTION2(() => {
      this.CONSUME(T.WHERE)
      return this.SUBRULE(this.expression)
    })
    const groupBy = this.OPTION3(() => {
      this.CONSUME(T.GROUP)
      this.CONSUME(T.BY)
      return this.SUBRULE(this.expressionList)
    })
    const partitionBy = this.OPTION4(() => {
      this.CONSUME(T.PARTITION)
      this.CONSUME1(T.BY)
      return this.SUBRULE1(this.expressionList)
    })
    const having = this.OPTION5(() => {
      this.CONSUME(T.HAVING)
      return this.SUBRULE1(this.expression)
    })
    const orderBy = this.OPTION6(() => this.SUBRULE(this.orderBy))
    const emit = this.OPTION7(() => {
      this.CONSUME(T.EMIT)
      return this.OR<'CHANGES' | 'FINAL'>([
        { ALT: () => (this.CONSUME(T.CHANGES), 'CHANGES') },
        { ALT: () => (this.CONSUME(T.FINAL), 'FINAL') },
      ])
    })
    const limit = this.OPTION8(() => {
      this.CONSUME(T.LIMIT)
      return this.SUBRULE(this.count, { ARGS: ['LIMIT'] })
    })
    const offset = this.OPTION9(() => {
      this.CONSUME(T.OFFSET)
      return this.SUBRULE1(this.count, { ARGS: ['OFFSET'] })
    })
    return this.at(first, {
      kind: 'query',
      distinct: distinct !== undefined,
      select,
      from,
      window: window ?? null,
      where: where ?? null,
      groupBy: groupBy ?? null,
      partitionBy: partitionBy ?? null,
      having: having ?? null,
      orderBy: orderBy ?? null,
      emit: emit ?? null,
      limit: limit ?? null,
      offset: offset ?? null,
    })
  })

  /** A SELECT without FROM. */
  readonly constants: Rule<Query> = this.RULE('constants', (): Query => {
    const select: SelectItem[] = []
    const first = this.CONSUME(T.SELECT)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => select.push(this.SUBRULE(this.selectItem)) })
    return this.ACTION(() =>
      build.queryOver({ kind: 'values', rows: [[]], ...unnamed }, select, this.locationFrom(first)),
    )
  })

  /** Whether the statement ends without a FROM, also a mistyped one: then its SELECT is over constants. */
  protected isConstantSelect(): boolean {
    if (this.LA(1).tokenType !== T.SELECT) return false
    for (let i = 2; ; i++) {
      const { tokenType: type, image } = this.LA(i)
      if (type === t.Semicolon) return true
      if (type === T.FROM || type.name === 'EOF') return false
      if (type === t.UnquotedIdentifier && nearest(image.toUpperCase(), ['FROM']) !== undefined) return false
    }
  }

  readonly orderBy: Rule<OrderItem[]> = this.RULE('orderBy', (): OrderItem[] => {
    const items: OrderItem[] = []
    this.CONSUME(T.ORDER)
    this.CONSUME(T.BY)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.orderItem)) })
    return items
  })

  readonly orderItem: Rule<OrderItem> = this.RULE('orderItem', (): OrderItem => {
    const first = this.LA(1)
    const expression = this.SUBRULE(this.expression)
    const direction = this.OPTION(() =>
      this.OR([{ ALT: () => this.CONSUME(T.ASC) }, { ALT: () => this.CONSUME(T.DESC) }]),
    )
    const nulls = this.OPTION1(() => {
      this.CONSUME(T.NULLS)
      return this.OR1<'FIRST' | 'LAST'>([
        { ALT: () => (this.CONSUME(T.FIRST), 'FIRST') },
        { ALT: () => (this.CONSUME(T.LAST), 'LAST') },
      ])
    })
    return this.ACTION(() => ({
      expression,
      descending: direction?.tokenType === T.DESC,
      nulls: nulls ?? null,
      location: this.locationFrom(first),
    }))
  })

  readonly selectItem: Rule<SelectItem> = this.RULE('selectItem', (): SelectItem => {
    const first = this.LA(1)
    return this.OR<SelectItem>([
      {
        ALT: () => {
          this.CONSUME(t.Asterisk)
          return this.at(first, { kind: 'star', source: null })
        },
      },
      {
        GATE: () => this.LA(2).tokenType === t.Dot && this.LA(3).tokenType === t.Asterisk,
        ALT: () => {
          const source = this.SUBRULE(this.identifier)
          this.CONSUME(t.Dot)
          this.CONSUME1(t.Asterisk)
          return this.at(first, { kind: 'star', source })
        },
      },
      { ALT: () => this.SUBRULE(this.selectExpression) },
    ])
  })

  readonly selectExpression: Rule<SelectItem> = this.RULE('selectExpression', (): SelectItem => {
    const first = this.LA(1)
    const expression = this.SUBRULE(this.expression)
    let structStar = false
    let alias: string | null = null
    this.OPTION(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Arrow)
            this.CONSUME(t.Asterisk)
            structStar = true
          },
        },
        {
          ALT: () => {
            this.OPTION1(() => this.CONSUME(T.AS))
            alias = this.SUBRULE(this.identifier)
          },
        },
      ]),
    )
    return this.ACTION(() =>
      structStar
        ? { kind: 'structStar', expression, location: this.locationFrom(first) }
        : { kind: 'expression', expression, alias, location: this.locationFrom(first) },
    )
  })

  readonly relation: Rule<Relation> = this.RULE('relation', (): Relation => {
    let relation: Relation = this.SUBRULE(this.tableExpression)
    this.MANY(() => {
      const left = relation
      const type = this.SUBRULE(this.joinType)
      this.CONSUME(T.JOIN)
      const right = this.SUBRULE1(this.tableExpression)
      const within = this.OPTION(() => this.SUBRULE(this.within))
      this.CONSUME(T.ON)
      const on = this.SUBRULE(this.expression)
      relation = this.ACTION(() => ({
        kind: 'join',
        type,
        left,
        right,
        within: within ?? null,
        on,
        location: build.span(left.location, on.location),
      }))
    })
    return relation
  })

  readonly tableExpression: Rule<AliasedSource | ValuesRelation> = this.RULE(
    'tableExpression',
    (): AliasedSource | ValuesRelation =>
      this.OR<AliasedSource | ValuesRelation>([
        { ALT: () => this.SUBRULE(this.aliasedSource) },
        { ALT: () => this.SUBRULE(this.aliasedValues) },
      ]),
  )

  readonly aliasedValues: Rule<ValuesRelation> = this.RULE('aliasedValues', (): ValuesRelation => {
    const first = this.CONSUME(t.LeftParen)
    const rows = this.SUBRULE(this.valueRows)
    this.CONSUME(t.RightParen)
    let alias: string | null = null
    const columns: string[] = []
    this.OPTION({
      GATE: () => !this.#clauseFollows(),
      DEF: () => {
        this.OPTION1(() => this.CONSUME(T.AS))
        alias = this.SUBRULE(this.identifier)
        this.OPTION2(() => {
          this.CONSUME1(t.LeftParen)
          this.AT_LEAST_ONE_SEP({
            SEP: t.Comma,
            DEF: () => columns.push(this.SUBRULE1(this.identifier)),
          })
          this.CONSUME1(t.RightParen)
        })
      },
    })
    return this.at(first, { kind: 'values', rows, alias, columns: columns.length === 0 ? null : columns })
  })

  readonly valueRows: Rule<Expression[][]> = this.RULE('valueRows', (): Expression[][] => {
    const rows: Expression[][] = []
    this.CONSUME(T.VALUES)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => rows.push(this.SUBRULE(this.valueRow)) })
    return rows
  })

  readonly valueRow: Rule<Expression[]> = this.RULE('valueRow', (): Expression[] => {
    const row: Expression[] = []
    this.CONSUME(t.LeftParen)
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => row.push(this.SUBRULE(this.expression)) })
    this.CONSUME(t.RightParen)
    return row
  })

  readonly joinType: Rule<Join['type']> = this.RULE('joinType', (): Join['type'] => {
    const type = this.OPTION(() =>
      this.OR<Join['type']>([
        { ALT: () => (this.CONSUME(T.INNER), 'INNER') },
        {
          ALT: () => {
            const side = this.OR1<Join['type']>([
              { ALT: () => (this.CONSUME(T.FULL), 'OUTER') },
              { ALT: () => (this.CONSUME(T.LEFT), 'LEFT') },
              { ALT: () => (this.CONSUME(T.RIGHT), 'RIGHT') },
            ])
            this.OPTION1(() => this.CONSUME(T.OUTER))
            return side
          },
        },
      ]),
    )
    return type ?? 'INNER'
  })

  readonly within: Rule<NonNullable<Join['within']>> = this.RULE(
    'within',
    (): NonNullable<Join['within']> => {
      this.CONSUME(T.WITHIN)
      const sides = this.OR<[Duration, Duration]>([
        {
          ALT: () => {
            this.CONSUME(t.LeftParen)
            const first = this.SUBRULE(this.duration)
            this.CONSUME(t.Comma)
            const second = this.SUBRULE1(this.duration)
            this.CONSUME(t.RightParen)
            return [first, second]
          },
        },
        {
          ALT: () => {
            const both = this.SUBRULE2(this.duration)
            return [both, both]
          },
        },
      ])
      const grace = this.OPTION(() => this.SUBRULE(this.gracePeriod))
      return this.ACTION(() => ({ before: sides[0], after: sides[1], grace: grace ?? null }))
    },
  )

  readonly gracePeriod: Rule<Duration> = this.RULE('gracePeriod', (): Duration => {
    this.CONSUME(T.GRACE)
    this.CONSUME(T.PERIOD)
    return this.SUBRULE(this.duration)
  })

  readonly aliasedSource: Rule<AliasedSource> = this.RULE('aliasedSource', (): AliasedSource => {
    const first = this.LA(1)
    const name = this.SUBRULE(this.identifier)
    const alias = this.OPTION({
      GATE: () => !this.#clauseFollows(),
      DEF: () => {
        this.OPTION1(() => this.CONSUME(T.AS))
        return this.SUBRULE1(this.identifier)
      },
    })
    return this.at(first, { kind: 'source', name, alias: alias ?? null })
  })

  /** EMIT, PARTITION, ORDER and OFFSET are names too; before CHANGES, FINAL, BY or a number they begin a clause. */
  #clauseFollows(): boolean {
    const next = this.LA(1).tokenType
    const after = this.LA(2).tokenType
    if (next === T.EMIT) return after === T.CHANGES || after === T.FINAL
    if (next === T.OFFSET) return after === t.IntegerToken
    return (next === T.PARTITION || next === T.ORDER) && after === T.BY
  }

  readonly window: Rule<WindowExpression> = this.RULE('window', (): WindowExpression => {
    const first = this.LA(1)
    this.OPTION(() => this.CONSUME(t.UnquotedIdentifier))
    return this.OR<WindowExpression>([
      {
        ALT: () => {
          this.CONSUME(T.TUMBLING)
          this.CONSUME(t.LeftParen)
          this.CONSUME(T.SIZE)
          const size = this.SUBRULE(this.duration)
          const limits = this.SUBRULE(this.windowLimits)
          this.CONSUME(t.RightParen)
          return this.at(first, { kind: 'tumbling', size, ...limits })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.HOPPING)
          this.CONSUME1(t.LeftParen)
          this.CONSUME1(T.SIZE)
          const size = this.SUBRULE1(this.duration)
          this.CONSUME(t.Comma)
          this.CONSUME(T.ADVANCE)
          this.CONSUME(T.BY)
          const advance = this.SUBRULE2(this.duration)
          const limits = this.SUBRULE1(this.windowLimits)
          this.CONSUME1(t.RightParen)
          return this.at(first, { kind: 'hopping', size, advance, ...limits })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.SESSION)
          this.CONSUME2(t.LeftParen)
          const gap = this.SUBRULE3(this.duration)
          const limits = this.SUBRULE2(this.windowLimits)
          this.CONSUME2(t.RightParen)
          return this.at(first, { kind: 'session', gap, ...limits })
        },
      },
    ])
  })

  readonly windowLimits: Rule<{ retention: Duration | null; grace: Duration | null }> = this.RULE(
    'windowLimits',
    (): { retention: Duration | null; grace: Duration | null } => {
      const retention = this.OPTION({
        GATE: () => this.LA(2).tokenType === T.RETENTION,
        DEF: () => {
          this.CONSUME(t.Comma)
          this.CONSUME(T.RETENTION)
          return this.SUBRULE(this.duration)
        },
      })
      const grace = this.OPTION1(() => {
        this.CONSUME1(t.Comma)
        return this.SUBRULE(this.gracePeriod)
      })
      return { retention: retention ?? null, grace: grace ?? null }
    },
  )

  /** `a, b`, `(a, b)` or `()`. One expression in parentheses, as `(a + b) * c`, is an expression. */
  readonly expressionList: Rule<Expression[]> = this.RULE('expressionList', (): Expression[] => {
    const items: Expression[] = []
    this.OR([
      {
        GATE: () => this.#listInParentheses(),
        ALT: () => {
          this.CONSUME(t.LeftParen)
          this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.valueExpression)) })
          this.CONSUME(t.RightParen)
        },
      },
      {
        ALT: () =>
          this.AT_LEAST_ONE_SEP({
            SEP: t.Comma,
            DEF: () => items.push(this.SUBRULE1(this.valueExpression)),
          }),
      },
    ])
    return items
  })

  #listInParentheses(): boolean {
    if (this.LA(1).tokenType !== t.LeftParen) return false
    if (this.LA(2).tokenType === t.RightParen) return true
    let depth = 0
    for (let i = 1; ; i++) {
      const type = this.LA(i).tokenType
      if (type === t.LeftParen || type === t.LeftBracket) depth++
      else if (type === t.RightParen || type === t.RightBracket) depth--
      else if (type === t.Comma && depth === 1) return true
      if (depth <= 0 || type === t.Semicolon || type.name === 'EOF') return false
    }
  }
}
