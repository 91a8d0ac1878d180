// biome-ignore-all lint/correctness/noComponentHookFactories: ALT and GATE are the parser's option names, not components
// biome-ignore-all lint/complexity/noCommaOperator: an alternative that eats a token and names it reads best in one line
import type { Duration, Expression, Location, TypeExpression } from './ast.js'
import * as build from './ast-builder.js'
import {
  EmbeddedActionsParser,
  type IParserErrorMessageProvider,
  type IToken,
  type ParserMethod,
  type TokenType,
} from './chevrotain.js'
import * as t from './tokens.js'
import { T } from './tokens.js'

export type Rule<Result, Args extends unknown[] = []> = ParserMethod<Args, Result>

/**
 * The smallest words of the grammar: names, literals, durations and types.
 *
 * Rules look one token ahead, which keeps the parser quick to build; where that is not enough, a gate says so. What an action does with the
 * result of another rule goes inside `ACTION`, because the parser also calls each rule once, with empty tokens and
 * without results, to learn the grammar.
 */
export class TermParser extends EmbeddedActionsParser {
  /** What the grammar could have gone on with where it failed. */
  readonly failure: { expected: TokenType[] }

  constructor(options: { validate?: boolean } = {}) {
    const failure = { expected: [] as TokenType[] }
    super(t.allTokenTypes, {
      maxLookahead: 1,
      skipValidations: options.validate !== true,
      errorMessageProvider: rememberExpected(failure),
    })
    this.failure = failure
  }

  /** The place from a token to the one read last. */
  protected locationFrom(first: IToken): Location {
    return build.locationOf(first, this.LA(0))
  }

  /** A node that began at a token and ends here. */
  protected at<const Node extends object>(first: IToken, node: Node): Node & { readonly location: Location } {
    return this.ACTION(() => ({ ...node, location: this.locationFrom(first) }))
  }

  readonly identifier: Rule<string> = this.RULE('identifier', (): string => {
    const token = this.CONSUME(t.Identifier)
    return this.ACTION(() => t.identifierText(token))
  })

  /** Topics and subjects: case is kept without quotes too. */
  readonly resourceName: Rule<string> = this.RULE('resourceName', (): string =>
    this.OR([
      {
        ALT: () => {
          const token = this.CONSUME(t.Identifier)
          return this.ACTION(() => t.identifierText(token, true))
        },
      },
      { ALT: () => this.SUBRULE(this.string) },
    ]),
  )

  readonly string: Rule<string> = this.RULE('string', (): string => {
    const token = this.CONSUME(t.StringToken)
    return this.ACTION(() => t.stringText(token))
  })

  readonly number: Rule<Expression> = this.RULE('number', (): Expression => {
    const first = this.LA(1)
    const minus = this.OPTION(() => this.CONSUME(t.Minus))
    const token = this.OR([
      { ALT: () => this.CONSUME(t.DecimalToken) },
      { ALT: () => this.CONSUME(t.FloatToken) },
      { ALT: () => this.CONSUME(t.IntegerToken) },
    ])
    return this.ACTION(() => build.numberLiteral(token, minus !== undefined, this.locationFrom(first)))
  })

  /** A whole number, for the clause that `command` names. */
  readonly count: Rule<number, [string]> = this.RULE('count', (command: string): number => {
    const literal = this.SUBRULE(this.number)
    return this.ACTION(() => build.wholeNumber(literal, command))
  })

  readonly literal: Rule<Expression> = this.RULE('literal', (): Expression => {
    const first = this.LA(1)
    return this.OR<Expression>([
      { ALT: () => this.SUBRULE(this.number) },
      {
        ALT: () => {
          this.CONSUME(T.NULL)
          return this.at(first, { kind: 'null' })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.TRUE)
          return this.at(first, { kind: 'boolean', value: true })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.FALSE)
          return this.at(first, { kind: 'boolean', value: false })
        },
      },
      {
        ALT: () => {
          const value = this.SUBRULE(this.string)
          return this.at(first, { kind: 'string', value })
        },
      },
    ])
  })

  readonly duration: Rule<Duration> = this.RULE('duration', (): Duration => {
    const amount = this.SUBRULE(this.number)
    const unit = this.SUBRULE(this.windowUnit)
    return this.ACTION(() => build.duration(amount, unit))
  })

  readonly windowUnit: Rule<IToken> = this.RULE(
    'windowUnit',
    (): IToken =>
      this.OR([
        { ALT: () => this.CONSUME(T.DAY) },
        { ALT: () => this.CONSUME(T.HOUR) },
        { ALT: () => this.CONSUME(T.MINUTE) },
        { ALT: () => this.CONSUME(T.SECOND) },
        { ALT: () => this.CONSUME(T.MILLISECOND) },
        { ALT: () => this.CONSUME(T.DAYS) },
        { ALT: () => this.CONSUME(T.HOURS) },
        { ALT: () => this.CONSUME(T.MINUTES) },
        { ALT: () => this.CONSUME(T.SECONDS) },
        { ALT: () => this.CONSUME(T.MILLISECONDS) },
      ]),
  )

  readonly type: Rule<TypeExpression> = this.RULE('type', (): TypeExpression => {
    let type = this.SUBRULE(this.plainType)
    this.MANY(() => {
      this.CONSUME(T.ARRAY)
      type = this.ACTION(() => build.arrayType(type))
    })
    return type
  })

  readonly plainType: Rule<TypeExpression> = this.RULE(
    'plainType',
    (): TypeExpression =>
      this.OR<TypeExpression>([
        {
          GATE: () => this.LA(2).tokenType === t.LessThan,
          ALT: () => {
            this.CONSUME(T.ARRAY)
            this.CONSUME(t.LessThan)
            const element = this.SUBRULE(this.type)
            this.CONSUME(t.GreaterThan)
            return this.ACTION(() => build.arrayType(element))
          },
        },
        {
          GATE: () => this.LA(2).tokenType === t.LessThan,
          ALT: () => {
            this.CONSUME(T.MAP)
            this.CONSUME1(t.LessThan)
            const key = this.SUBRULE1(this.type)
            this.CONSUME(t.Comma)
            const value = this.SUBRULE2(this.type)
            this.CONSUME1(t.GreaterThan)
            return this.ACTION(() => build.mapType(key, value))
          },
        },
        {
          GATE: () => this.LA(2).tokenType === t.LessThan || this.LA(2).tokenType === t.NotEqual,
          ALT: () => this.SUBRULE(this.structType),
        },
        {
          ALT: () => {
            this.CONSUME(T.DECIMAL)
            this.CONSUME(t.LeftParen)
            const precision = this.SUBRULE(this.number)
            this.CONSUME1(t.Comma)
            const scale = this.SUBRULE1(this.number)
            this.CONSUME(t.RightParen)
            return this.ACTION(() => build.decimalType(precision, scale))
          },
        },
        { ALT: () => this.SUBRULE(this.namedType) },
      ]),
  )

  readonly structType: Rule<TypeExpression> = this.RULE('structType', (): TypeExpression => {
    const fields: { name: string; type: TypeExpression }[] = []
    this.CONSUME(T.STRUCT)
    this.OR([
      { ALT: () => this.CONSUME(t.NotEqual) },
      {
        ALT: () => {
          this.CONSUME(t.LessThan)
          this.MANY_SEP({
            SEP: t.Comma,
            DEF: () => {
              const name = this.SUBRULE(this.identifier)
              const type = this.SUBRULE(this.type)
              fields.push({ name, type })
            },
          })
          this.CONSUME(t.GreaterThan)
        },
      },
    ])
    return this.ACTION(() => build.structType(fields))
  })

  /** A primitive or custom type. `VARCHAR(STRING)` and `VARCHAR(10)` are read, and the parameter dropped. */
  readonly namedType: Rule<TypeExpression> = this.RULE('namedType', (): TypeExpression => {
    const name = this.CONSUME(t.Identifier)
    this.OPTION(() => {
      this.CONSUME(t.LeftParen)
      this.AT_LEAST_ONE_SEP({
        SEP: t.Comma,
        DEF: () =>
          this.OR([{ ALT: () => this.CONSUME(T.STRING) }, { ALT: () => this.CONSUME(t.IntegerToken) }]),
      })
      this.CONSUME(t.RightParen)
    })
    return this.ACTION(() => build.namedType(t.identifierText(name), this.locationFrom(name)))
  })
}

/** Messages are written elsewhere; here the parser only notes which tokens would have done. */
function rememberExpected(failure: { expected: TokenType[] }): IParserErrorMessageProvider {
  const firsts = (paths: TokenType[][]): TokenType[] => paths.flatMap((path) => path.slice(0, 1))
  return {
    buildMismatchTokenMessage: ({ expected }) => {
      failure.expected = [expected]
      return 'mismatch'
    },
    buildNotAllInputParsedMessage: () => {
      failure.expected = []
      return 'not all input parsed'
    },
    buildNoViableAltMessage: ({ expectedPathsPerAlt }) => {
      failure.expected = expectedPathsPerAlt.flatMap(firsts)
      return 'no viable alternative'
    },
    buildEarlyExitMessage: ({ expectedIterationPaths }) => {
      failure.expected = firsts(expectedIterationPaths)
      return 'early exit'
    },
  }
}
