// biome-ignore-all lint/correctness/noComponentHookFactories: ALT and GATE are the parser's option names, not components
// biome-ignore-all lint/complexity/noCommaOperator: an alternative that eats a token and names it reads best in one line
import type { Expression, WhenClause } from './ast.js'
import * as build from './ast-builder.js'
import type { IToken, TokenType } from './chevrotain.js'
import { type Rule, TermParser } from './term-parser.js'
import * as t from './tokens.js'
import { T } from './tokens.js'

const unitsNeverNames = new Set<TokenType>([
  T.MILLISECOND,
  T.DAYS,
  T.HOURS,
  T.MINUTES,
  T.SECONDS,
  T.MILLISECONDS,
])
const unitsAndNames = new Set<TokenType>([T.DAY, T.HOUR, T.MINUTE, T.SECOND])
const numberTokens = new Set<TokenType>([t.IntegerToken, t.DecimalToken, t.FloatToken])

/** Expressions, from OR down to names and literals, a rule for each binding strength. */
export class ExpressionParser extends TermParser {
  /** Parameters of the lambdas around the current token. */
  protected lambdaParameters: string[][] = []

  readonly expression: Rule<Expression> = this.RULE('expression', (): Expression => {
    let left = this.SUBRULE(this.conjunction)
    this.MANY(() => {
      this.CONSUME(T.OR)
      const right = this.SUBRULE1(this.conjunction)
      left = this.ACTION(() => build.logical('OR', left, right))
    })
    return left
  })

  readonly conjunction: Rule<Expression> = this.RULE('conjunction', (): Expression => {
    let left = this.SUBRULE(this.negation)
    this.MANY(() => {
      this.CONSUME(T.AND)
      const right = this.SUBRULE1(this.negation)
      left = this.ACTION(() => build.logical('AND', left, right))
    })
    return left
  })

  readonly negation: Rule<Expression> = this.RULE(
    'negation',
    (): Expression =>
      this.OR([
        {
          ALT: () => {
            const first = this.CONSUME(T.NOT)
            const operand = this.SUBRULE(this.negation)
            return this.ACTION(() => build.not(operand, this.locationFrom(first)))
          },
        },
        { ALT: () => this.SUBRULE(this.predicated) },
      ]),
  )

  readonly predicated: Rule<Expression> = this.RULE('predicated', (): Expression => {
    const first = this.LA(1)
    const value = this.SUBRULE(this.valueExpression)
    const predicate = this.OPTION(() =>
      this.OR([
        { ALT: () => this.SUBRULE(this.comparison, { ARGS: [value, first] }) },
        { ALT: () => this.SUBRULE(this.isPredicate, { ARGS: [value, first] }) },
        { ALT: () => this.SUBRULE(this.rangePredicate, { ARGS: [value, first] }) },
      ]),
    )
    return predicate ?? value
  })

  readonly comparison: Rule<Expression, [Expression, IToken]> = this.RULE(
    'comparison',
    (left: Expression, first: IToken): Expression => {
      const token = this.OR([
        { ALT: () => this.CONSUME(t.Equal) },
        { ALT: () => this.CONSUME(t.NotEqual) },
        { ALT: () => this.CONSUME(t.LessThan) },
        { ALT: () => this.CONSUME(t.LessOrEqual) },
        { ALT: () => this.CONSUME(t.GreaterThan) },
        { ALT: () => this.CONSUME(t.GreaterOrEqual) },
      ])
      const right = this.SUBRULE(this.valueExpression)
      return this.ACTION(() => ({
        kind: 'comparison',
        operator: build.comparisonOperators[token.image as keyof typeof build.comparisonOperators],
        left,
        right,
        location: this.locationFrom(first),
      }))
    },
  )

  readonly isPredicate: Rule<Expression, [Expression, IToken]> = this.RULE(
    'isPredicate',
    (value: Expression, first: IToken): Expression => {
      this.CONSUME(T.IS)
      const negated = this.OPTION(() => this.CONSUME(T.NOT)) !== undefined
      return this.OR<Expression>([
        {
          ALT: () => {
            this.CONSUME(T.NULL)
            return this.at(first, { kind: 'isNull', operand: value, negated })
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.DISTINCT)
            this.CONSUME(T.FROM)
            const right = this.SUBRULE(this.valueExpression)
            return this.at(first, {
              kind: 'comparison',
              operator: negated ? 'IS NOT DISTINCT FROM' : 'IS DISTINCT FROM',
              left: value,
              right,
            })
          },
        },
      ])
    },
  )

  readonly rangePredicate: Rule<Expression, [Expression, IToken]> = this.RULE(
    'rangePredicate',
    (value: Expression, first: IToken): Expression => {
      const negated = this.OPTION(() => this.CONSUME(T.NOT)) !== undefined
      const predicate = this.OR<Expression>([
        {
          ALT: () => {
            this.CONSUME(T.BETWEEN)
            const low = this.SUBRULE(this.valueExpression)
            this.CONSUME(T.AND)
            const high = this.SUBRULE1(this.valueExpression)
            return this.at(first, { kind: 'between', value, low, high })
          },
        },
        {
          ALT: () => {
            const items: Expression[] = []
            this.CONSUME(T.IN)
            this.CONSUME(t.LeftParen)
            this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.expression)) })
            this.CONSUME(t.RightParen)
            return this.at(first, { kind: 'in', value, items })
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.LIKE)
            const pattern = this.SUBRULE2(this.valueExpression)
            const escapeText = this.OPTION1({
              GATE: () => this.LA(2).tokenType === t.StringToken,
              DEF: () => {
                this.CONSUME(T.ESCAPE)
                return this.SUBRULE(this.string)
              },
            })
            return this.at(first, { kind: 'like', value, pattern, escape: escapeText ?? null })
          },
        },
      ])
      return this.ACTION(() => (negated ? build.not(predicate, predicate.location) : predicate))
    },
  )

  /** `||` binds least, then `+ -`, then `* / %`, then the signs. */
  readonly valueExpression: Rule<Expression> = this.RULE('valueExpression', (): Expression => {
    let left = this.SUBRULE(this.sum)
    this.MANY(() => {
      this.CONSUME(t.Concat)
      const right = this.SUBRULE1(this.sum)
      left = this.ACTION(() => build.binary('||', left, right))
    })
    return left
  })

  readonly sum: Rule<Expression> = this.RULE('sum', (): Expression => {
    let left = this.SUBRULE(this.product)
    this.MANY(() => {
      const operator = this.OR<'+' | '-'>([
        { ALT: () => (this.CONSUME(t.Plus), '+') },
        { ALT: () => (this.CONSUME(t.Minus), '-') },
      ])
      const right = this.SUBRULE1(this.product)
      left = this.ACTION(() => build.binary(operator, left, right))
    })
    return left
  })

  readonly product: Rule<Expression> = this.RULE('product', (): Expression => {
    let left = this.SUBRULE(this.signed)
    this.MANY(() => {
      const operator = this.OR<'*' | '/' | '%'>([
        { ALT: () => (this.CONSUME(t.Asterisk), '*') },
        { ALT: () => (this.CONSUME(t.Slash), '/') },
        { ALT: () => (this.CONSUME(t.Percent), '%') },
      ])
      const right = this.SUBRULE1(this.signed)
      left = this.ACTION(() => build.binary(operator, left, right))
    })
    return left
  })

  readonly signed: Rule<Expression> = this.RULE(
    'signed',
    (): Expression =>
      this.OR<Expression>([
        {
          // A minus before digits belongs to the number.
          GATE: () => this.LA(1).tokenType !== t.Minus || !numberTokens.has(this.LA(2).tokenType),
          ALT: () => {
            const first = this.LA(1)
            const operator = this.OR1<'+' | '-'>([
              { ALT: () => (this.CONSUME(t.Plus), '+') },
              { ALT: () => (this.CONSUME(t.Minus), '-') },
            ])
            const operand = this.SUBRULE(this.signed)
            return this.at(first, { kind: 'unary', operator, operand })
          },
        },
        { ALT: () => this.SUBRULE(this.zoned) },
      ]),
  )

  readonly zoned: Rule<Expression> = this.RULE('zoned', (): Expression => {
    const first = this.LA(1)
    let operand = this.SUBRULE(this.primary)
    this.MANY(() => {
      this.CONSUME(T.AT)
      this.CONSUME(T.TIME)
      this.CONSUME(T.ZONE)
      const token = this.CONSUME(t.StringToken)
      operand = this.ACTION(() => ({
        kind: 'atTimeZone',
        operand,
        zone: { kind: 'string', value: t.stringText(token), location: build.locationOf(token, token) },
        location: this.locationFrom(first),
      }))
    })
    return operand
  })

  readonly primary: Rule<Expression> = this.RULE('primary', (): Expression => {
    const first = this.LA(1)
    let base = this.SUBRULE(this.atom)
    this.MANY({
      GATE: () => this.LA(1).tokenType !== t.Arrow || this.LA(2).tokenType !== t.Asterisk,
      DEF: () =>
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.LeftBracket)
              const index = this.SUBRULE(this.valueExpression)
              this.CONSUME(t.RightBracket)
              base = this.at(first, { kind: 'subscript', base, index })
            },
          },
          {
            ALT: () => {
              this.CONSUME(t.Arrow)
              const field = this.SUBRULE(this.identifier)
              base = this.at(first, { kind: 'dereference', base, field })
            },
          },
        ]),
    })
    return base
  })

  readonly atom: Rule<Expression> = this.RULE(
    'atom',
    (): Expression =>
      this.OR<Expression>([
        { ALT: () => this.SUBRULE(this.literal) },
        { ALT: () => this.SUBRULE(this.caseExpression) },
        { ALT: () => this.SUBRULE(this.cast) },
        {
          GATE: () => this.LA(2).tokenType === t.LeftBracket,
          ALT: () => this.SUBRULE(this.arrayConstructor),
        },
        { GATE: () => this.LA(2).tokenType === t.LeftParen, ALT: () => this.SUBRULE(this.mapConstructor) },
        { GATE: () => this.LA(2).tokenType === t.LeftParen, ALT: () => this.SUBRULE(this.structConstructor) },
        { GATE: () => this.LA(2).tokenType === t.StringToken, ALT: () => this.SUBRULE(this.typedLiteral) },
        { GATE: () => this.LA(2).tokenType === t.LeftParen, ALT: () => this.SUBRULE(this.call) },
        { ALT: () => this.SUBRULE(this.column) },
        {
          ALT: () => {
            this.CONSUME(t.LeftParen)
            const inner = this.SUBRULE(this.expression)
            this.CONSUME(t.RightParen)
            return inner
          },
        },
      ]),
  )

  readonly typedLiteral: Rule<Expression> = this.RULE('typedLiteral', (): Expression => {
    const type = this.OR([{ ALT: () => this.CONSUME(T.DECIMAL) }, { ALT: () => this.CONSUME(t.Identifier) }])
    const value = this.SUBRULE(this.string)
    return this.ACTION(() => build.typedLiteral(t.identifierText(type), value, this.locationFrom(type)))
  })

  readonly column: Rule<Expression> = this.RULE('column', (): Expression => {
    const first = this.LA(1)
    const name = this.SUBRULE(this.identifier)
    const field = this.OPTION(() => {
      this.CONSUME(t.Dot)
      return this.SUBRULE1(this.identifier)
    })
    return this.ACTION(() => {
      const location = this.locationFrom(first)
      if (field !== undefined) return { kind: 'qualifiedColumn', source: name, name: field, location }
      const bound = this.lambdaParameters.some((names) => names.includes(name))
      return bound ? { kind: 'lambdaVariable', name, location } : { kind: 'column', name, location }
    })
  })

  readonly call: Rule<Expression> = this.RULE('call', (): Expression => {
    const first = this.LA(1)
    const name = this.SUBRULE(this.identifier)
    const args: Expression[] = []
    let star: IToken | null = null
    this.CONSUME(t.LeftParen)
    this.OR([
      {
        ALT: () => {
          star = this.CONSUME(t.Asterisk)
        },
      },
      {
        ALT: () =>
          this.MANY_SEP({
            SEP: t.Comma,
            DEF: () => args.push(this.SUBRULE(this.argument, { ARGS: [name, args.length] })),
          }),
      },
    ])
    this.CONSUME(t.RightParen)
    return this.ACTION(() => {
      if (star !== null) args.push({ kind: 'integer', value: 1, location: build.locationOf(star, star) })
      return {
        kind: 'call',
        name: name.toUpperCase(),
        args,
        star: star !== null,
        location: this.locationFrom(first),
      }
    })
  })

  readonly argument: Rule<Expression, [string, number]> = this.RULE(
    'argument',
    (functionName: string, position: number): Expression =>
      this.OR<Expression>([
        { GATE: () => this.#lambdaFollows(), ALT: () => this.SUBRULE(this.lambda) },
        {
          GATE: () => this.#unitFollows(functionName, position),
          ALT: () => {
            const unit = this.SUBRULE(this.windowUnit)
            return this.ACTION(() => ({
              kind: 'intervalUnit',
              unit: build.timeUnit(unit),
              location: build.locationOf(unit, unit),
            }))
          },
        },
        { ALT: () => this.SUBRULE(this.expression) },
      ]),
  )

  /** DAYS is always a unit; DAY, HOUR … are names everywhere but in the functions that take a unit. */
  #unitFollows(functionName: string, position: number): boolean {
    const next = this.LA(1).tokenType
    if (unitsNeverNames.has(next)) return true
    return unitsAndNames.has(next) && position === 0 && t.intervalUnitFunctions.has(functionName)
  }

  #lambdaFollows(): boolean {
    if (this.LA(1).tokenType !== t.LeftParen) return this.LA(2).tokenType === t.LambdaArrow
    let i = 2
    while (isName(this.LA(i)) && this.LA(i + 1).tokenType === t.Comma) i += 2
    return (
      isName(this.LA(i)) &&
      this.LA(i + 1).tokenType === t.RightParen &&
      this.LA(i + 2).tokenType === t.LambdaArrow
    )
  }

  readonly lambda: Rule<Expression> = this.RULE('lambda', (): Expression => {
    const first = this.LA(1)
    const parameters: string[] = []
    this.OR([
      { ALT: () => parameters.push(this.SUBRULE(this.identifier)) },
      {
        ALT: () => {
          this.CONSUME(t.LeftParen)
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => parameters.push(this.SUBRULE1(this.identifier)) })
          this.CONSUME(t.RightParen)
        },
      },
    ])
    this.CONSUME(t.LambdaArrow)
    this.ACTION(() => this.lambdaParameters.push(parameters))
    const body = this.SUBRULE(this.expression)
    return this.ACTION(() => {
      this.lambdaParameters.pop()
      return { kind: 'lambda', parameters, body, location: this.locationFrom(first) }
    })
  })

  readonly caseExpression: Rule<Expression> = this.RULE('caseExpression', (): Expression => {
    const whens: WhenClause[] = []
    const first = this.CONSUME(T.CASE)
    const operand = this.OPTION(() => this.SUBRULE(this.valueExpression))
    this.AT_LEAST_ONE(() => {
      this.CONSUME(T.WHEN)
      const condition = this.SUBRULE(this.expression)
      this.CONSUME(T.THEN)
      const result = this.SUBRULE1(this.expression)
      whens.push({ condition, result })
    })
    const otherwise = this.OPTION1(() => {
      this.CONSUME(T.ELSE)
      return this.SUBRULE2(this.expression)
    })
    this.CONSUME(T.END)
    return this.ACTION(() => {
      const shared = { whens, otherwise: otherwise ?? null, location: this.locationFrom(first) }
      return operand === undefined
        ? { kind: 'searchedCase', ...shared }
        : { kind: 'simpleCase', operand, ...shared }
    })
  })

  readonly cast: Rule<Expression> = this.RULE('cast', (): Expression => {
    const first = this.CONSUME(T.CAST)
    this.CONSUME(t.LeftParen)
    const operand = this.SUBRULE(this.expression)
    this.CONSUME(T.AS)
    const type = this.SUBRULE(this.type)
    this.CONSUME(t.RightParen)
    return this.at(first, { kind: 'cast', operand, type })
  })

  readonly arrayConstructor: Rule<Expression> = this.RULE('arrayConstructor', (): Expression => {
    const items: Expression[] = []
    const first = this.CONSUME(T.ARRAY)
    this.CONSUME(t.LeftBracket)
    this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.expression)) })
    this.CONSUME(t.RightBracket)
    return this.at(first, { kind: 'array', items })
  })

  readonly mapConstructor: Rule<Expression> = this.RULE('mapConstructor', (): Expression => {
    const entries: { key: Expression; value: Expression }[] = []
    const first = this.CONSUME(T.MAP)
    this.CONSUME(t.LeftParen)
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const key = this.SUBRULE(this.expression)
        this.CONSUME(t.Assign)
        const value = this.SUBRULE1(this.expression)
        entries.push({ key, value })
      },
    })
    this.CONSUME(t.RightParen)
    return this.at(first, { kind: 'map', entries })
  })

  readonly structConstructor: Rule<Expression> = this.RULE('structConstructor', (): Expression => {
    const fields: { name: string; value: Expression }[] = []
    const first = this.CONSUME(T.STRUCT)
    this.CONSUME(t.LeftParen)
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.identifier)
        this.CONSUME(t.Assign)
        const value = this.SUBRULE(this.expression)
        fields.push({ name, value })
      },
    })
    this.CONSUME(t.RightParen)
    return this.at(first, { kind: 'struct', fields })
  })
}

function isName(token: IToken): boolean {
  const type = token.tokenType
  return type === t.Identifier || (type.CATEGORIES ?? []).includes(t.Identifier)
}
