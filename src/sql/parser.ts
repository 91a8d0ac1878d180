// biome-ignore-all lint/correctness/noComponentHookFactories: ALT and GATE are the parser's option names, not components
// biome-ignore-all lint/complexity/noCommaOperator: an alternative that eats a token and names it reads best in one line
import type { Query, ShowWhat, SourceKind, Statement, ValuesRelation } from './ast.js'
import * as build from './ast-builder.js'
import type { IToken } from './chevrotain.js'
import { DefinitionParser, type StatementBody } from './definition-parser.js'
import type { Rule } from './term-parser.js'
import * as t from './tokens.js'
import { T } from './tokens.js'

/**
 * The grammar of ksqlDB's SQL, with actions that build the syntax tree as it reads. It lies in layers, each a class
 * on top of the one before:
 *
 *     TermParser < ExpressionParser < QueryParser < DefinitionParser < SqlParser
 */
export class SqlParser extends DefinitionParser {
  /** The text being parsed: statements are cut out of it. */
  source = ''

  constructor(options: { validate?: boolean } = {}) {
    super(options)
    this.performSelfAnalysis()
  }

  readonly script: Rule<Statement[]> = this.RULE('script', (): Statement[] => {
    const statements: Statement[] = []
    this.MANY(() => {
      statements.push(this.SUBRULE(this.singleStatement))
    })
    return statements
  })

  readonly singleStatement: Rule<Statement> = this.RULE('singleStatement', (): Statement => {
    this.ACTION(() => {
      this.lambdaParameters = []
    })
    const first = this.LA(1)
    const body = this.SUBRULE(this.statement)
    const last = this.CONSUME(t.Semicolon)
    return this.ACTION(() => this.#withText(body, first, last))
  })

  #withText(body: StatementBody, first: IToken, last: IToken): Statement {
    let text = this.source.slice(first.startOffset, last.endOffset! + 1)
    if (last.tokenType !== t.Semicolon) text += ';'
    return { ...body, text, script: this.source } as Statement
  }

  readonly statement: Rule<StatementBody> = this.RULE(
    'statement',
    (): StatementBody =>
      this.OR<StatementBody>([
        { ALT: () => this.SUBRULE(this.selectStatement) },
        { ALT: () => this.SUBRULE(this.valuesStatement) },
        { ALT: () => this.SUBRULE(this.show) },
        { ALT: () => this.SUBRULE(this.describe) },
        { ALT: () => this.SUBRULE(this.print) },
        { ALT: () => this.SUBRULE(this.queryControl) },
        { ALT: () => this.SUBRULE(this.set) },
        { ALT: () => this.SUBRULE(this.unset) },
        { ALT: () => this.SUBRULE(this.define) },
        { ALT: () => this.SUBRULE(this.undefine) },
        { ALT: () => this.SUBRULE(this.create) },
        { ALT: () => this.SUBRULE(this.insert) },
        { ALT: () => this.SUBRULE(this.drop) },
        { ALT: () => this.SUBRULE(this.alter) },
        { ALT: () => this.SUBRULE(this.explain) },
        { ALT: () => this.SUBRULE(this.assert) },
        { ALT: () => this.SUBRULE(this.runScript) },
      ]),
  )

  readonly selectStatement: Rule<StatementBody> = this.RULE('selectStatement', (): StatementBody => {
    const query = this.OR<Query>([
      { GATE: () => this.isConstantSelect(), ALT: () => this.SUBRULE(this.constants) },
      { IGNORE_AMBIGUITIES: true, ALT: () => this.SUBRULE(this.query) },
    ])
    return this.ACTION(() => ({ kind: 'select', query, location: query.location }))
  })

  /** Rows as they stand: `SELECT * FROM (VALUES …)`. */
  readonly valuesStatement: Rule<StatementBody> = this.RULE('valuesStatement', (): StatementBody => {
    const first = this.LA(1)
    const rows = this.SUBRULE(this.valueRows)
    return this.ACTION(() => {
      const location = this.locationFrom(first)
      const from: ValuesRelation = { kind: 'values', rows, alias: null, columns: null, location }
      const query = build.queryOver(from, [{ kind: 'star', source: null, location }], location)
      return { kind: 'select', query, location }
    })
  })

  readonly show: Rule<StatementBody> = this.RULE('show', (): StatementBody => {
    const first = this.LA(1)
    let all = false
    let connectorKind: 'SOURCE' | 'SINK' | undefined
    this.OR([{ ALT: () => this.CONSUME(T.SHOW) }, { ALT: () => this.CONSUME(T.LIST) }])
    const what = this.OR1<ShowWhat>([
      { ALT: () => (this.CONSUME(T.PROPERTIES), 'PROPERTIES') },
      { ALT: () => (this.CONSUME(T.STREAMS), 'STREAMS') },
      { ALT: () => (this.CONSUME(T.TABLES), 'TABLES') },
      { ALT: () => (this.CONSUME(T.QUERIES), 'QUERIES') },
      { ALT: () => (this.CONSUME(T.FUNCTIONS), 'FUNCTIONS') },
      { ALT: () => (this.CONSUME(T.TYPES), 'TYPES') },
      { ALT: () => (this.CONSUME(T.VARIABLES), 'VARIABLES') },
      { ALT: () => (this.CONSUME(T.INDEXES), 'INDEXES') },
      {
        ALT: () => {
          this.OPTION(() => {
            this.CONSUME(T.ALL)
            all = true
          })
          this.CONSUME(T.TOPICS)
          return 'TOPICS'
        },
      },
      { ALT: () => (this.CONSUME(T.CONNECTOR), this.CONSUME(T.PLUGINS), 'CONNECTOR PLUGINS') },
      {
        ALT: () => {
          this.OPTION1(() => {
            connectorKind = this.SUBRULE(this.connectorKind)
          })
          this.CONSUME(T.CONNECTORS)
          return 'CONNECTORS'
        },
      },
    ])
    const canExtend = what === 'STREAMS' || what === 'TABLES' || what === 'TOPICS' || what === 'QUERIES'
    const extended = this.OPTION2({
      GATE: () => canExtend,
      DEF: () => this.CONSUME(T.EXTENDED),
    })
    return this.at(first, {
      kind: 'show',
      what,
      extended: extended !== undefined,
      all,
      ...(connectorKind === undefined ? {} : { connectorKind }),
    })
  })

  readonly describe: Rule<StatementBody> = this.RULE('describe', (): StatementBody => {
    const first = this.CONSUME(T.DESCRIBE)
    return this.OR<StatementBody>([
      {
        IGNORE_AMBIGUITIES: true, // TABLES is a name too: DESCRIBE TABLES means all tables
        ALT: () => {
          const sourceKind = this.OR1<SourceKind>([
            { ALT: () => (this.CONSUME(T.STREAMS), 'STREAM') },
            { ALT: () => (this.CONSUME(T.TABLES), 'TABLE') },
          ])
          const extended = this.SUBRULE(this.extended)
          return this.at(first, { kind: 'describeAll', sourceKind, extended })
        },
      },
      {
        GATE: () => this.LA(2).tokenType !== t.Semicolon && this.LA(2).tokenType !== T.EXTENDED,
        IGNORE_AMBIGUITIES: true, // so is FUNCTION
        ALT: () => {
          this.CONSUME(T.FUNCTION)
          const name = this.CONSUME(t.Word)
          return this.at(first, { kind: 'describeFunction', name: t.identifierText(name) })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.CONNECTOR)
          const name = this.SUBRULE(this.identifier)
          return this.at(first, { kind: 'describeConnector', name })
        },
      },
      {
        ALT: () => {
          const name = this.SUBRULE1(this.identifier)
          const extended = this.SUBRULE1(this.extended)
          return this.at(first, { kind: 'describe', name, extended })
        },
      },
    ])
  })

  readonly extended: Rule<boolean> = this.RULE('extended', (): boolean => {
    return this.OPTION(() => this.CONSUME(T.EXTENDED)) !== undefined
  })

  readonly print: Rule<StatementBody> = this.RULE('print', (): StatementBody => {
    const first = this.CONSUME(T.PRINT)
    const topic = this.SUBRULE(this.resourceName)
    const fromBeginning = this.OPTION(() => {
      this.CONSUME(T.FROM)
      return this.CONSUME(T.BEGINNING)
    })
    const interval = this.OPTION1(() => {
      this.OR([{ ALT: () => this.CONSUME(T.INTERVAL) }, { ALT: () => this.CONSUME(T.SAMPLE) }])
      return this.SUBRULE(this.count, { ARGS: ['INTERVAL'] })
    })
    const limit = this.OPTION2(() => {
      this.CONSUME(T.LIMIT)
      return this.SUBRULE1(this.count, { ARGS: ['LIMIT'] })
    })
    return this.at(first, {
      kind: 'print',
      topic,
      fromBeginning: fromBeginning !== undefined,
      interval: interval ?? null,
      limit: limit ?? null,
    })
  })

  readonly queryControl: Rule<StatementBody> = this.RULE('queryControl', (): StatementBody => {
    const first = this.LA(1)
    const kind = this.OR<'terminate' | 'pause' | 'resume'>([
      { ALT: () => (this.CONSUME(T.TERMINATE), 'terminate') },
      { ALT: () => (this.CONSUME(T.PAUSE), 'pause') },
      { ALT: () => (this.CONSUME(T.RESUME), 'resume') },
    ])
    const queryId = this.OR1<string | null>([
      { ALT: () => (this.CONSUME(T.ALL), null) },
      { ALT: () => this.SUBRULE(this.identifier) },
    ])
    return this.at(first, { kind, queryId })
  })

  readonly set: Rule<StatementBody> = this.RULE('set', (): StatementBody => {
    const first = this.CONSUME(T.SET)
    const property = this.SUBRULE(this.string)
    this.CONSUME(t.Equal)
    const value = this.SUBRULE1(this.string)
    return this.at(first, { kind: 'set', property, value })
  })

  readonly unset: Rule<StatementBody> = this.RULE('unset', (): StatementBody => {
    const first = this.CONSUME(T.UNSET)
    const property = this.SUBRULE(this.string)
    return this.at(first, { kind: 'unset', property })
  })

  readonly define: Rule<StatementBody> = this.RULE('define', (): StatementBody => {
    const first = this.CONSUME(T.DEFINE)
    const variable = this.CONSUME(t.Word)
    this.CONSUME(t.Equal)
    const value = this.SUBRULE(this.string)
    return this.at(first, { kind: 'define', variable: variable.image, value })
  })

  readonly undefine: Rule<StatementBody> = this.RULE('undefine', (): StatementBody => {
    const first = this.CONSUME(T.UNDEFINE)
    const variable = this.CONSUME(t.Word)
    return this.at(first, { kind: 'undefine', variable: variable.image })
  })

  readonly runScript: Rule<StatementBody> = this.RULE('runScript', (): StatementBody => {
    const first = this.CONSUME(T.RUN)
    this.CONSUME(T.SCRIPT)
    const file = this.SUBRULE(this.string)
    return this.at(first, { kind: 'runScript', file })
  })

  readonly explain: Rule<StatementBody> = this.RULE('explain', (): StatementBody => {
    const first = this.CONSUME(T.EXPLAIN)
    const analyze = this.OPTION({
      GATE: () => this.LA(2).tokenType !== t.Semicolon,
      DEF: () => this.CONSUME(T.ANALYZE),
    })
    const start = this.LA(1)
    return this.OR<StatementBody>([
      {
        GATE: () => this.LA(2).tokenType !== t.Semicolon,
        ALT: () => {
          const body = this.SUBRULE(this.statement)
          return this.ACTION(() => ({
            kind: 'explain',
            queryId: null,
            statement: this.#withText(body, start, this.LA(0)),
            analyze: analyze !== undefined,
            location: this.locationFrom(first),
          }))
        },
      },
      {
        ALT: () => {
          const queryId = this.SUBRULE(this.identifier)
          return this.at(first, { kind: 'explain', queryId, statement: null, analyze: analyze !== undefined })
        },
      },
    ])
  })
}
