// biome-ignore-all lint/correctness/noComponentHookFactories: ALT and GATE are the parser's option names, not components
// biome-ignore-all lint/complexity/noCommaOperator: an alternative that eats a token and names it reads best in one line
import type { Duration, Expression, Properties, SourceKind, Statement, TableElement } from './ast.js'
import * as build from './ast-builder.js'
import type { IToken } from './chevrotain.js'
import { QueryParser } from './query-parser.js'
import type { Rule } from './term-parser.js'
import * as t from './tokens.js'
import { T } from './tokens.js'

type WithoutText<S> = S extends unknown ? Omit<S, 'text' | 'script'> : never
/** A statement before it got its text. */
export type StatementBody = WithoutText<Statement>

/** Statements that define, fill, change, drop or check things of the catalogue. */
export class DefinitionParser extends QueryParser {
  readonly create: Rule<StatementBody> = this.RULE('create', (): StatementBody => {
    const first = this.CONSUME(T.CREATE)
    return this.OR<StatementBody>({
      MAX_LOOKAHEAD: 2, // CREATE SOURCE CONNECTOR, CREATE SOURCE STREAM
      DEF: [
        { ALT: () => this.SUBRULE(this.createType, { ARGS: [first] }) },
        { ALT: () => this.SUBRULE(this.createConnector, { ARGS: [first] }) },
        { ALT: () => this.SUBRULE(this.createIndex, { ARGS: [first] }) },
        { ALT: () => this.SUBRULE(this.createSource, { ARGS: [first] }) },
      ],
    })
  })

  readonly createType: Rule<StatementBody, [IToken]> = this.RULE(
    'createType',
    (first: IToken): StatementBody => {
      this.CONSUME(T.TYPE)
      const ifNotExists = this.SUBRULE(this.ifNotExists)
      const name = this.SUBRULE(this.identifier)
      this.CONSUME(T.AS)
      const type = this.SUBRULE(this.type)
      return this.at(first, { kind: 'createType', name, type, ifNotExists })
    },
  )

  readonly createConnector: Rule<StatementBody, [IToken]> = this.RULE(
    'createConnector',
    (first: IToken): StatementBody => {
      const connectorKind = this.SUBRULE(this.connectorKind)
      this.CONSUME(T.CONNECTOR)
      const ifNotExists = this.SUBRULE(this.ifNotExists)
      const name = this.SUBRULE(this.identifier)
      const properties = this.SUBRULE(this.withProperties)
      return this.at(first, { kind: 'createConnector', connectorKind, name, ifNotExists, properties })
    },
  )

  readonly connectorKind: Rule<'SOURCE' | 'SINK'> = this.RULE('connectorKind', (): 'SOURCE' | 'SINK' =>
    this.OR<'SOURCE' | 'SINK'>([
      { ALT: () => (this.CONSUME(T.SOURCE), 'SOURCE') },
      { ALT: () => (this.CONSUME(T.SINK), 'SINK') },
    ]),
  )

  readonly createSource: Rule<StatementBody, [IToken]> = this.RULE(
    'createSource',
    (first: IToken): StatementBody => {
      const orReplace = this.OPTION(() => {
        this.CONSUME(T.OR)
        return this.CONSUME(T.REPLACE)
      })
      const isSource = this.OPTION1(() => this.CONSUME(T.SOURCE))
      const sourceKind = this.SUBRULE(this.sourceKind)
      const ifNotExists = this.SUBRULE(this.ifNotExists)
      const name = this.SUBRULE(this.identifier)
      const elements = this.OPTION2(() => this.SUBRULE(this.tableElements))
      const properties = this.OPTION3(() => this.SUBRULE(this.withProperties))
      const query = this.OPTION4({
        GATE: () => elements === undefined && isSource === undefined,
        DEF: () => {
          this.CONSUME(T.AS)
          return this.SUBRULE(this.query)
        },
      })
      return this.ACTION(() => {
        const shared = {
          sourceKind,
          name,
          orReplace: orReplace !== undefined,
          ifNotExists,
          properties: properties ?? new Map(),
          location: this.locationFrom(first),
        }
        if (query !== undefined) return { kind: 'createAs', ...shared, query }
        build.checkKeyConstraints(sourceKind, elements ?? [])
        return { kind: 'createSource', ...shared, elements: elements ?? [], isSource: isSource !== undefined }
      })
    },
  )

  readonly createIndex: Rule<StatementBody, [IToken]> = this.RULE(
    'createIndex',
    (first: IToken): StatementBody => {
      const columns: string[] = []
      this.CONSUME(T.INDEX)
      const ifNotExists = this.SUBRULE(this.ifNotExists)
      const name = this.SUBRULE(this.identifier)
      this.CONSUME(T.ON)
      const table = this.SUBRULE1(this.identifier)
      this.CONSUME(t.LeftParen)
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => columns.push(this.SUBRULE2(this.identifier)) })
      this.CONSUME(t.RightParen)
      return this.at(first, { kind: 'createIndex', name, table, columns, ifNotExists })
    },
  )

  readonly sourceKind: Rule<SourceKind> = this.RULE(
    'sourceKind',
    (): SourceKind =>
      this.OR<SourceKind>([
        { ALT: () => (this.CONSUME(T.STREAM), 'STREAM') },
        { ALT: () => (this.CONSUME(T.TABLE), 'TABLE') },
      ]),
  )

  readonly ifNotExists: Rule<boolean> = this.RULE('ifNotExists', (): boolean => {
    const found = this.OPTION({
      GATE: () => this.LA(2).tokenType === T.NOT,
      DEF: () => {
        this.CONSUME(T.IF)
        this.CONSUME(T.NOT)
        return this.CONSUME(T.EXISTS)
      },
    })
    return found !== undefined
  })

  readonly ifExists: Rule<boolean> = this.RULE('ifExists', (): boolean => {
    const found = this.OPTION({
      GATE: () => this.LA(2).tokenType === T.EXISTS,
      DEF: () => {
        this.CONSUME(T.IF)
        return this.CONSUME(T.EXISTS)
      },
    })
    return found !== undefined
  })

  readonly tableElements: Rule<TableElement[]> = this.RULE('tableElements', (): TableElement[] => {
    const elements: TableElement[] = []
    this.CONSUME(t.LeftParen)
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => elements.push(this.SUBRULE(this.tableElement)),
    })
    this.CONSUME(t.RightParen)
    return elements
  })

  /** Column definitions without parentheses around. */
  readonly columns: Rule<TableElement[]> = this.RULE('columns', (): TableElement[] => {
    const elements: TableElement[] = []
    this.MANY_SEP({
      SEP: t.Comma,
      DEF: () => elements.push(this.SUBRULE(this.tableElement)),
    })
    return elements
  })

  readonly tableElement: Rule<TableElement> = this.RULE('tableElement', (): TableElement => {
    const first = this.LA(1)
    const name = this.SUBRULE(this.identifier)
    const type = this.SUBRULE(this.type)
    const constraint = this.OPTION(() => this.SUBRULE(this.columnConstraint))
    return this.at(first, { name, type, constraint: constraint ?? null })
  })

  readonly columnConstraint: Rule<NonNullable<TableElement['constraint']>> = this.RULE(
    'columnConstraint',
    (): NonNullable<TableElement['constraint']> =>
      this.OR<NonNullable<TableElement['constraint']>>([
        { ALT: () => (this.CONSUME(T.PRIMARY), this.CONSUME(T.KEY), 'PRIMARY KEY') },
        { ALT: () => (this.CONSUME1(T.KEY), 'KEY') },
        { ALT: () => (this.CONSUME(T.HEADERS), 'HEADERS') },
        {
          ALT: () => {
            this.CONSUME(T.HEADER)
            this.CONSUME(t.LeftParen)
            const header = this.SUBRULE(this.string)
            this.CONSUME(t.RightParen)
            return { header }
          },
        },
      ]),
  )

  readonly withProperties: Rule<Properties> = this.RULE('withProperties', (): Properties => {
    const properties = new Map<string, Expression>()
    this.CONSUME(T.WITH)
    this.CONSUME(t.LeftParen)
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        const name = this.OR([
          { ALT: () => this.SUBRULE(this.identifier) },
          { ALT: () => this.SUBRULE(this.string) },
        ])
        this.CONSUME(t.Equal)
        const value = this.SUBRULE(this.literal)
        this.ACTION(() => properties.set(name.toUpperCase(), value))
      },
    })
    this.CONSUME(t.RightParen)
    return properties
  })

  readonly insert: Rule<StatementBody> = this.RULE('insert', (): StatementBody => {
    const first = this.CONSUME(T.INSERT)
    this.CONSUME(T.INTO)
    const target = this.SUBRULE(this.identifier)
    return this.OR<StatementBody>([
      {
        ALT: () => {
          const columns = this.SUBRULE(this.columnNames)
          this.CONSUME(T.VALUES)
          const values = this.SUBRULE(this.values)
          return this.at(first, { kind: 'insertValues', target, columns, values })
        },
      },
      {
        ALT: () => {
          const properties = this.OPTION(() => this.SUBRULE(this.withProperties))
          const query = this.SUBRULE(this.query)
          return this.at(first, { kind: 'insertInto', target, properties: properties ?? new Map(), query })
        },
      },
    ])
  })

  /** `(a, b)`, or nothing at all. */
  readonly columnNames: Rule<string[]> = this.RULE('columnNames', (): string[] => {
    const names: string[] = []
    this.OPTION(() => {
      this.CONSUME(t.LeftParen)
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(this.SUBRULE(this.identifier)) })
      this.CONSUME(t.RightParen)
    })
    return names
  })

  readonly values: Rule<Expression[]> = this.RULE('values', (): Expression[] => {
    const values: Expression[] = []
    this.CONSUME(t.LeftParen)
    this.MANY_SEP({ SEP: t.Comma, DEF: () => values.push(this.SUBRULE(this.valueExpression)) })
    this.CONSUME(t.RightParen)
    return values
  })

  readonly drop: Rule<StatementBody> = this.RULE('drop', (): StatementBody => {
    const first = this.CONSUME(T.DROP)
    return this.OR<StatementBody>([
      {
        ALT: () => {
          const sourceKind = this.SUBRULE(this.sourceKind)
          const ifExists = this.SUBRULE(this.ifExists)
          const name = this.SUBRULE(this.identifier)
          const deleteTopic = this.OPTION(() => {
            this.CONSUME(T.DELETE)
            return this.CONSUME(T.TOPIC)
          })
          return this.at(first, {
            kind: 'dropSource',
            sourceKind,
            name,
            ifExists,
            deleteTopic: deleteTopic !== undefined,
          })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.CONNECTOR)
          const ifExists = this.SUBRULE1(this.ifExists)
          const name = this.SUBRULE1(this.identifier)
          return this.at(first, { kind: 'dropConnector', name, ifExists })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.TYPE)
          const ifExists = this.SUBRULE2(this.ifExists)
          const name = this.SUBRULE2(this.identifier)
          return this.at(first, { kind: 'dropType', name, ifExists })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.INDEX)
          const ifExists = this.SUBRULE3(this.ifExists)
          const name = this.SUBRULE3(this.identifier)
          return this.at(first, { kind: 'dropIndex', name, ifExists })
        },
      },
    ])
  })

  readonly alter: Rule<StatementBody> = this.RULE('alter', (): StatementBody => {
    const first = this.CONSUME(T.ALTER)
    return this.OR<StatementBody>([
      {
        ALT: () => {
          this.CONSUME(T.SYSTEM)
          const property = this.SUBRULE(this.string)
          this.CONSUME(t.Equal)
          const value = this.SUBRULE1(this.string)
          return this.at(first, { kind: 'alterSystem', property, value })
        },
      },
      {
        ALT: () => {
          const columns: TableElement[] = []
          const sourceKind = this.SUBRULE(this.sourceKind)
          const name = this.SUBRULE(this.identifier)
          this.AT_LEAST_ONE_SEP({
            SEP: t.Comma,
            DEF: () => columns.push(this.SUBRULE(this.addColumn)),
          })
          return this.at(first, { kind: 'alterSource', sourceKind, name, columns })
        },
      },
    ])
  })

  readonly addColumn: Rule<TableElement> = this.RULE('addColumn', (): TableElement => {
    this.CONSUME(T.ADD)
    this.OPTION({
      // COLUMN is also a name: `ADD column INT` adds a column of that name.
      GATE: () => this.LA(3).tokenType !== t.Comma && this.LA(3).tokenType !== t.Semicolon,
      DEF: () => this.CONSUME(T.COLUMN),
    })
    const first = this.LA(1)
    const name = this.SUBRULE(this.identifier)
    const type = this.SUBRULE(this.type)
    return this.at(first, { name, type, constraint: null })
  })

  readonly assert: Rule<StatementBody> = this.RULE('assert', (): StatementBody => {
    const first = this.CONSUME(T.ASSERT)
    return this.OR<StatementBody>([
      { ALT: () => this.SUBRULE(this.assertResource, { ARGS: [first] }) },
      {
        ALT: () => {
          this.CONSUME(T.VALUES)
          const name = this.SUBRULE(this.identifier)
          const columns = this.SUBRULE(this.columnNames)
          this.CONSUME1(T.VALUES)
          const values = this.SUBRULE(this.values)
          return this.at(first, { kind: 'assertValues', name, columns, values })
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.NULL)
          this.CONSUME2(T.VALUES)
          const name = this.SUBRULE1(this.identifier)
          const columns = this.SUBRULE1(this.columnNames)
          this.CONSUME(T.KEY)
          const values = this.SUBRULE1(this.values)
          return this.at(first, { kind: 'assertTombstone', name, columns, values })
        },
      },
      { ALT: () => this.SUBRULE(this.assertSource, { ARGS: [first] }) },
    ])
  })

  readonly assertSource: Rule<StatementBody, [IToken]> = this.RULE(
    'assertSource',
    (first: IToken): StatementBody => {
      const sourceKind = this.SUBRULE(this.sourceKind)
      const name = this.SUBRULE(this.identifier)
      const elements = this.OPTION(() => this.SUBRULE(this.tableElements))
      const properties = this.OPTION1(() => this.SUBRULE(this.withProperties))
      return this.ACTION(() => {
        build.checkKeyConstraints(sourceKind, elements ?? [])
        const location = this.locationFrom(first)
        return {
          kind: 'assertSource',
          statement: {
            kind: 'createSource',
            sourceKind,
            name,
            elements: elements ?? [],
            orReplace: false,
            ifNotExists: false,
            isSource: false,
            properties: properties ?? new Map(),
            location,
          },
          location,
        }
      })
    },
  )

  readonly assertResource: Rule<StatementBody, [IToken]> = this.RULE(
    'assertResource',
    (first: IToken): StatementBody => {
      const notExists = this.OPTION(() => {
        this.CONSUME(T.NOT)
        return this.CONSUME(T.EXISTS)
      })
      const exists = notExists === undefined
      return this.OR<StatementBody>([
        {
          ALT: () => {
            this.CONSUME(T.TOPIC)
            const topic = this.SUBRULE(this.resourceName)
            const properties = this.OPTION1(() => this.SUBRULE(this.withProperties))
            const timeout = this.SUBRULE(this.timeout)
            return this.at(first, {
              kind: 'assertTopic',
              topic,
              exists,
              properties: properties ?? new Map(),
              timeout,
            })
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.SCHEMA)
            const subject = this.OPTION2(() => {
              this.CONSUME(T.SUBJECT)
              return this.SUBRULE1(this.resourceName)
            })
            const id = this.OPTION3(() => {
              this.CONSUME(T.ID)
              return this.SUBRULE(this.count, { ARGS: ['ASSERT SCHEMA'] })
            })
            const timeout = this.SUBRULE1(this.timeout)
            return this.at(first, {
              kind: 'assertSchema',
              subject: subject ?? null,
              id: id ?? null,
              exists,
              timeout,
            })
          },
        },
      ])
    },
  )

  readonly timeout: Rule<Duration | null> = this.RULE('timeout', (): Duration | null => {
    const timeout = this.OPTION(() => {
      this.CONSUME(T.TIMEOUT)
      return this.SUBRULE(this.duration)
    })
    return timeout ?? null
  })
}
