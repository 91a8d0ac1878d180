import type { SqlType } from './types.js'

/*
 * The syntax tree: frozen plain data with a `kind`; all behaviour lives in visitors. Identifiers are as after the
 * case rule: unquoted ones upper-case, quoted ones as written. Every node knows where it stands in the text.
 */

/** 1-based line and column of the first character, and offsets [start, end), both in the whole script. */
export interface Location {
  readonly line: number
  readonly column: number
  readonly start: number
  readonly end: number
}

interface NodeBase {
  readonly location: Location | null
}

// ------------------------------------------------------------------------------------------- expressions

export type Expression =
  | NullLiteral
  | BooleanLiteral
  | IntegerLiteral
  | LongLiteral
  | DecimalLiteral
  | DoubleLiteral
  | StringLiteral
  | ColumnReference
  | QualifiedColumnReference
  | Dereference
  | Subscript
  | ArithmeticUnary
  | ArithmeticBinary
  | Comparison
  | Logical
  | Not
  | IsNull
  | Between
  | InPredicate
  | Like
  | SearchedCase
  | SimpleCase
  | Cast
  | FunctionCall
  | ArrayConstructor
  | MapConstructor
  | StructConstructor
  | Lambda
  | LambdaVariable
  | IntervalUnitLiteral
  | AtTimeZone

export interface NullLiteral extends NodeBase {
  readonly kind: 'null'
}
export interface BooleanLiteral extends NodeBase {
  readonly kind: 'boolean'
  readonly value: boolean
}
/** Fits 32 bits. */
export interface IntegerLiteral extends NodeBase {
  readonly kind: 'integer'
  readonly value: number
}
export interface LongLiteral extends NodeBase {
  readonly kind: 'long'
  readonly value: number | bigint
}
/** `text` holds the digits as written; the type is DECIMAL(p, s) of its digits. */
export interface DecimalLiteral extends NodeBase {
  readonly kind: 'decimal'
  readonly text: string
}
export interface DoubleLiteral extends NodeBase {
  readonly kind: 'double'
  readonly value: number
}
export interface StringLiteral extends NodeBase {
  readonly kind: 'string'
  readonly value: string
}
export interface ColumnReference extends NodeBase {
  readonly kind: 'column'
  readonly name: string
}
/** `source.column`; source is an alias or a source's name. */
export interface QualifiedColumnReference extends NodeBase {
  readonly kind: 'qualifiedColumn'
  readonly source: string
  readonly name: string
}
/** `base->field` */
export interface Dereference extends NodeBase {
  readonly kind: 'dereference'
  readonly base: Expression
  readonly field: string
}
export interface Subscript extends NodeBase {
  readonly kind: 'subscript'
  readonly base: Expression
  readonly index: Expression
}
export interface ArithmeticUnary extends NodeBase {
  readonly kind: 'unary'
  readonly operator: '+' | '-'
  readonly operand: Expression
}
export interface ArithmeticBinary extends NodeBase {
  readonly kind: 'binary'
  readonly operator: '+' | '-' | '*' | '/' | '%' | '||'
  readonly left: Expression
  readonly right: Expression
}
export interface Comparison extends NodeBase {
  readonly kind: 'comparison'
  readonly operator: ComparisonOperator
  readonly left: Expression
  readonly right: Expression
}
export type ComparisonOperator =
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'IS DISTINCT FROM'
  | 'IS NOT DISTINCT FROM'
export interface Logical extends NodeBase {
  readonly kind: 'logical'
  readonly operator: 'AND' | 'OR'
  readonly left: Expression
  readonly right: Expression
}
export interface Not extends NodeBase {
  readonly kind: 'not'
  readonly operand: Expression
}
/** `IS NULL`, or `IS NOT NULL` when negated. */
export interface IsNull extends NodeBase {
  readonly kind: 'isNull'
  readonly operand: Expression
  readonly negated: boolean
}
/** A negated BETWEEN, IN or LIKE is parsed as `not` around it. */
export interface Between extends NodeBase {
  readonly kind: 'between'
  readonly value: Expression
  readonly low: Expression
  readonly high: Expression
}
export interface InPredicate extends NodeBase {
  readonly kind: 'in'
  readonly value: Expression
  readonly items: readonly Expression[]
}
export interface Like extends NodeBase {
  readonly kind: 'like'
  readonly value: Expression
  readonly pattern: Expression
  readonly escape: string | null
}
export interface WhenClause {
  readonly condition: Expression
  readonly result: Expression
}
export interface SearchedCase extends NodeBase {
  readonly kind: 'searchedCase'
  readonly whens: readonly WhenClause[]
  readonly otherwise: Expression | null
}
export interface SimpleCase extends NodeBase {
  readonly kind: 'simpleCase'
  readonly operand: Expression
  readonly whens: readonly WhenClause[]
  readonly otherwise: Expression | null
}
export interface Cast extends NodeBase {
  readonly kind: 'cast'
  readonly operand: Expression
  readonly type: TypeExpression
}
/** `name` upper-case; `COUNT(*)` has the single argument `{kind: 'integer', value: 1}` and `star: true`. */
export interface FunctionCall extends NodeBase {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly Expression[]
  readonly star: boolean
}
export interface ArrayConstructor extends NodeBase {
  readonly kind: 'array'
  readonly items: readonly Expression[]
}
export interface MapConstructor extends NodeBase {
  readonly kind: 'map'
  readonly entries: readonly { readonly key: Expression; readonly value: Expression }[]
}
export interface StructConstructor extends NodeBase {
  readonly kind: 'struct'
  readonly fields: readonly { readonly name: string; readonly value: Expression }[]
}
export interface Lambda extends NodeBase {
  readonly kind: 'lambda'
  readonly parameters: readonly string[]
  readonly body: Expression
}
/** A name bound by an enclosing lambda. */
export interface LambdaVariable extends NodeBase {
  readonly kind: 'lambdaVariable'
  readonly name: string
}
/** The bare unit word in DATEADD(DAYS, …) and its family. */
export interface IntervalUnitLiteral extends NodeBase {
  readonly kind: 'intervalUnit'
  readonly unit: TimeUnit
}
export interface AtTimeZone extends NodeBase {
  readonly kind: 'atTimeZone'
  readonly operand: Expression
  readonly zone: Expression
}

export type TimeUnit = 'DAYS' | 'HOURS' | 'MINUTES' | 'SECONDS' | 'MILLISECONDS'
export interface Duration {
  readonly value: number
  readonly unit: TimeUnit
}

/** A type as written: custom type names are resolved later, by the catalogue. */
export type TypeExpression =
  | { readonly kind: 'type'; readonly type: SqlType }
  | { readonly kind: 'customType'; readonly name: string; readonly location: Location | null }
  | { readonly kind: 'arrayType'; readonly element: TypeExpression }
  | { readonly kind: 'mapType'; readonly key: TypeExpression; readonly value: TypeExpression }
  | {
      readonly kind: 'structType'
      readonly fields: readonly { readonly name: string; readonly type: TypeExpression }[]
    }

// ----------------------------------------------------------------------------------------------- queries

export type SelectItem =
  | {
      readonly kind: 'expression'
      readonly expression: Expression
      readonly alias: string | null
      readonly location: Location | null
    }
  /** `*` or `source.*` */
  | { readonly kind: 'star'; readonly source: string | null; readonly location: Location | null }
  /** `expression->*` */
  | { readonly kind: 'structStar'; readonly expression: Expression; readonly location: Location | null }

export interface AliasedSource extends NodeBase {
  readonly kind: 'source'
  readonly name: string
  readonly alias: string | null
}

/** `(VALUES (1, 'a'), (2, 'b')) AS t (id, name)`. One row without columns stands for a missing FROM. */
export interface ValuesRelation extends NodeBase {
  readonly kind: 'values'
  /** All of one length. */
  readonly rows: readonly (readonly Expression[])[]
  readonly alias: string | null
  /** Null: names are made up. */
  readonly columns: readonly string[] | null
}

export interface Join extends NodeBase {
  readonly kind: 'join'
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'
  readonly left: Relation
  readonly right: AliasedSource | ValuesRelation
  readonly within: {
    readonly before: Duration
    readonly after: Duration
    readonly grace: Duration | null
  } | null
  readonly on: Expression
}

export type Relation = AliasedSource | ValuesRelation | Join

export interface OrderItem {
  /** A whole number is the place of a column in the select list, from 1. */
  readonly expression: Expression
  readonly descending: boolean
  /** Null: where the order puts them, which takes nulls for the smallest values. */
  readonly nulls: 'FIRST' | 'LAST' | null
  readonly location: Location | null
}

export type WindowExpression =
  | {
      readonly kind: 'tumbling'
      readonly size: Duration
      readonly retention: Duration | null
      readonly grace: Duration | null
      readonly location: Location | null
    }
  | {
      readonly kind: 'hopping'
      readonly size: Duration
      readonly advance: Duration
      readonly retention: Duration | null
      readonly grace: Duration | null
      readonly location: Location | null
    }
  | {
      readonly kind: 'session'
      readonly gap: Duration
      readonly retention: Duration | null
      readonly grace: Duration | null
      readonly location: Location | null
    }

export interface Query extends NodeBase {
  readonly kind: 'query'
  readonly distinct: boolean
  readonly select: readonly SelectItem[]
  readonly from: Relation
  readonly window: WindowExpression | null
  readonly where: Expression | null
  readonly groupBy: readonly Expression[] | null
  readonly partitionBy: readonly Expression[] | null
  readonly having: Expression | null
  readonly orderBy: readonly OrderItem[] | null
  /** null: no EMIT clause, which makes a bare SELECT a pull query. */
  readonly emit: 'CHANGES' | 'FINAL' | null
  readonly limit: number | null
  readonly offset: number | null
}

// -------------------------------------------------------------------------------------------- statements

export interface TableElement {
  readonly name: string
  readonly type: TypeExpression
  readonly constraint: 'KEY' | 'PRIMARY KEY' | 'HEADERS' | { readonly header: string } | null
  readonly location: Location | null
}

/** WITH properties: names upper-case; literal values. */
export type Properties = ReadonlyMap<string, Expression>

export type SourceKind = 'STREAM' | 'TABLE'

/**
 * `text` is the statement as written, trimmed, with its `;`. `script` is the whole text it came from (variables
 * replaced), which all locations in the statement point into.
 */
export type Statement = { readonly text: string; readonly script?: string } & (
  | CreateSource
  | CreateAs
  | InsertInto
  | InsertValues
  | QueryStatement
  | {
      readonly kind: 'createType'
      readonly name: string
      readonly type: TypeExpression
      readonly ifNotExists: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'dropType'
      readonly name: string
      readonly ifExists: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'alterSource'
      readonly sourceKind: SourceKind
      readonly name: string
      readonly columns: readonly TableElement[]
      readonly location: Location | null
    }
  | {
      readonly kind: 'dropSource'
      readonly sourceKind: SourceKind
      readonly name: string
      readonly ifExists: boolean
      readonly deleteTopic: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'createIndex'
      readonly name: string
      readonly table: string
      readonly columns: readonly string[]
      readonly ifNotExists: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'dropIndex'
      readonly name: string
      readonly ifExists: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'createConnector'
      readonly connectorKind: 'SOURCE' | 'SINK'
      readonly name: string
      readonly ifNotExists: boolean
      readonly properties: Properties
      readonly location: Location | null
    }
  | {
      readonly kind: 'dropConnector'
      readonly name: string
      readonly ifExists: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'explain'
      readonly queryId: string | null
      readonly statement: Statement | null
      readonly analyze: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'print'
      readonly topic: string
      readonly fromBeginning: boolean
      readonly interval: number | null
      readonly limit: number | null
      readonly location: Location | null
    }
  /** queryId null = ALL */
  | {
      readonly kind: 'terminate' | 'pause' | 'resume'
      readonly queryId: string | null
      readonly location: Location | null
    }
  | {
      readonly kind: 'show'
      readonly what: ShowWhat
      readonly extended: boolean
      readonly all: boolean
      /** SHOW SOURCE|SINK CONNECTORS. */
      readonly connectorKind?: 'SOURCE' | 'SINK'
      readonly location: Location | null
    }
  | {
      readonly kind: 'describe'
      readonly name: string
      readonly extended: boolean
      readonly location: Location | null
    }
  | {
      readonly kind: 'describeAll'
      readonly sourceKind: SourceKind
      readonly extended: boolean
      readonly location: Location | null
    }
  | { readonly kind: 'describeFunction'; readonly name: string; readonly location: Location | null }
  | { readonly kind: 'describeConnector'; readonly name: string; readonly location: Location | null }
  | {
      readonly kind: 'set'
      readonly property: string
      readonly value: string
      readonly location: Location | null
    }
  | {
      readonly kind: 'alterSystem'
      readonly property: string
      readonly value: string
      readonly location: Location | null
    }
  | { readonly kind: 'unset'; readonly property: string; readonly location: Location | null }
  | {
      readonly kind: 'define'
      readonly variable: string
      readonly value: string
      readonly location: Location | null
    }
  | { readonly kind: 'undefine'; readonly variable: string; readonly location: Location | null }
  | { readonly kind: 'runScript'; readonly file: string; readonly location: Location | null }
  | {
      readonly kind: 'assertTopic'
      readonly topic: string
      readonly exists: boolean
      readonly properties: Properties
      readonly timeout: Duration | null
      readonly location: Location | null
    }
  | {
      readonly kind: 'assertSchema'
      readonly subject: string | null
      readonly id: number | null
      readonly exists: boolean
      readonly timeout: Duration | null
      readonly location: Location | null
    }
  | {
      readonly kind: 'assertValues'
      readonly name: string
      readonly columns: readonly string[]
      readonly values: readonly Expression[]
      readonly location: Location | null
    }
  | {
      readonly kind: 'assertTombstone'
      readonly name: string
      readonly columns: readonly string[]
      readonly values: readonly Expression[]
      readonly location: Location | null
    }
  | { readonly kind: 'assertSource'; readonly statement: CreateSource; readonly location: Location | null }
)

export type ShowWhat =
  | 'STREAMS'
  | 'TABLES'
  | 'TOPICS'
  | 'QUERIES'
  | 'FUNCTIONS'
  | 'PROPERTIES'
  | 'TYPES'
  | 'VARIABLES'
  | 'INDEXES'
  | 'CONNECTORS'
  | 'CONNECTOR PLUGINS'

export interface CreateSource extends NodeBase {
  readonly kind: 'createSource'
  readonly sourceKind: SourceKind
  readonly name: string
  readonly elements: readonly TableElement[]
  readonly orReplace: boolean
  readonly ifNotExists: boolean
  /** CREATE SOURCE …: read-only, and materialised for a table. */
  readonly isSource: boolean
  readonly properties: Properties
}

export interface CreateAs extends NodeBase {
  readonly kind: 'createAs'
  readonly sourceKind: SourceKind
  readonly name: string
  readonly orReplace: boolean
  readonly ifNotExists: boolean
  readonly properties: Properties
  readonly query: Query
}

export interface InsertInto extends NodeBase {
  readonly kind: 'insertInto'
  readonly target: string
  readonly properties: Properties
  readonly query: Query
}

export interface InsertValues extends NodeBase {
  readonly kind: 'insertValues'
  readonly target: string
  /** Empty: all columns in order. */
  readonly columns: readonly string[]
  readonly values: readonly Expression[]
}

export interface QueryStatement extends NodeBase {
  readonly kind: 'select'
  readonly query: Query
}
