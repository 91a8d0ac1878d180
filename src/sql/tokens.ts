import type { IToken, TokenType } from './chevrotain.js'
import { createToken } from './chevrotain.js'

/*
 * The scanner: SQL text to tokens. It never fails: what no token may begin with becomes an `Unknown` token, an
 * unclosed string or comment an `Unclosed` one, which the parser refuses and the REPL paints.
 */

export type TokenCategory =
  | 'keyword'
  | 'identifier'
  | 'string'
  | 'number'
  | 'comment'
  | 'operator'
  | 'variable'
  | 'unknown'

// ------------------------------------------------------------------------------------------- token types

/** Everything that may stand where a name is expected: names and the keywords that are not reserved. */
export const Identifier = createToken({ name: 'IDENTIFIER' })
/** Any word, reserved or not: variable names and function names after DESCRIBE FUNCTION. */
export const Word = createToken({ name: 'WORD' })
export const UnquotedIdentifier = createToken({ name: 'UNQUOTED_IDENTIFIER', categories: [Identifier, Word] })
export const QuotedIdentifier = createToken({ name: 'QUOTED_IDENTIFIER', categories: [Identifier] })
export const VariableToken = createToken({ name: 'VARIABLE' })
export const StringToken = createToken({ name: 'STRING_VALUE', label: 'STRING' })
export const IntegerToken = createToken({ name: 'INTEGER_VALUE' })
export const DecimalToken = createToken({ name: 'DECIMAL_VALUE' })
export const FloatToken = createToken({ name: 'FLOATING_POINT_VALUE' })
export const CommentToken = createToken({ name: 'COMMENT' })
export const Unclosed = createToken({ name: 'UNCLOSED' })
export const Unknown = createToken({ name: 'UNRECOGNIZED' })

const operators = new Map<string, TokenType>()

function operator(name: string, ...texts: string[]): TokenType {
  const type = createToken({ name, label: `'${texts[0]}'` })
  for (const text of texts) operators.set(text, type)
  return type
}

export const Semicolon = operator('SEMICOLON', ';')
export const Comma = operator('COMMA', ',')
export const LeftParen = operator('LEFT_PAREN', '(')
export const RightParen = operator('RIGHT_PAREN', ')')
export const Dot = operator('DOT', '.')
export const LeftBracket = operator('LEFT_BRACKET', '[')
export const RightBracket = operator('RIGHT_BRACKET', ']')
export const Equal = operator('EQ', '=')
export const NotEqual = operator('NEQ', '<>', '!=')
export const LessThan = operator('LT', '<')
export const LessOrEqual = operator('LTE', '<=')
export const GreaterThan = operator('GT', '>')
export const GreaterOrEqual = operator('GTE', '>=')
export const Plus = operator('PLUS', '+')
export const Minus = operator('MINUS', '-')
export const Asterisk = operator('ASTERISK', '*')
export const Slash = operator('SLASH', '/')
export const Percent = operator('PERCENT', '%')
export const Concat = operator('CONCAT', '||')
export const Assign = operator('ASSIGN', ':=')
export const Arrow = operator('STRUCT_FIELD_REF', '->')
export const LambdaArrow = operator('LAMBDA_EXPRESSION', '=>')

const keywordTypes = new Map<string, TokenType>()
const reserved = new Set<string>()

function keywords<K extends string>(isReserved: boolean, ...words: K[]): Record<K, TokenType> {
  const types: Record<string, TokenType> = {}
  for (const word of words) {
    const type = createToken({
      name: word,
      label: `'${word}'`,
      categories: isReserved ? [Word] : [Identifier, Word],
    })
    types[word] = type
    keywordTypes.set(word, type)
    if (isReserved) reserved.add(word)
  }
  return types as Record<K, TokenType>
}

/** Keywords by word. `T.SELECT` is the token type of SELECT. */
export const T = {
  ...keywords(
    false,
    'SHOW',
    'TABLES',
    'COLUMNS',
    'COLUMN',
    'PARTITIONS',
    'FUNCTIONS',
    'FUNCTION',
    'SESSION',
    'STRUCT',
    'MAP',
    'ARRAY',
    'PARTITION',
    'INTEGER',
    'DATE',
    'TIME',
    'TIMESTAMP',
    'INTERVAL',
    'ZONE',
    'STRING',
    'YEAR',
    'MONTH',
    'DAY',
    'HOUR',
    'MINUTE',
    'SECOND',
    'EXPLAIN',
    'ANALYZE',
    'TYPE',
    'TYPES',
    'SET',
    'RESET',
    'IF',
    'SOURCE',
    'SINK',
    'PRIMARY',
    'KEY',
    'EMIT',
    'CHANGES',
    'FINAL',
    'ESCAPE',
    'REPLACE',
    'ASSERT',
    'ALTER',
    'ADD',
    'HEADER',
    'HEADERS',
    'GRACE',
    'PERIOD',
    'DEFINE',
    'UNDEFINE',
    'VARIABLES',
    'PLUGINS',
    'SYSTEM',
    'TIMEOUT',
    'SCHEMA',
    'SUBJECT',
    'ID',
    'PAUSE',
    'RESUME',
    'ORDER',
    'ASC',
    'DESC',
    'NULLS',
    'FIRST',
    'LAST',
    'OFFSET',
    'INDEX',
    'INDEXES',
  ),
  ...keywords(
    true,
    'SELECT',
    'FROM',
    'AS',
    'ALL',
    'DISTINCT',
    'WHERE',
    'WITHIN',
    'WINDOW',
    'GROUP',
    'BY',
    'HAVING',
    'LIMIT',
    'AT',
    'OR',
    'AND',
    'IN',
    'NOT',
    'EXISTS',
    'BETWEEN',
    'LIKE',
    'IS',
    'NULL',
    'TRUE',
    'FALSE',
  ),
  ...keywords(
    true,
    'MILLISECOND',
    'YEARS',
    'MONTHS',
    'DAYS',
    'HOURS',
    'MINUTES',
    'SECONDS',
    'MILLISECONDS',
    'TUMBLING',
    'HOPPING',
    'SIZE',
    'ADVANCE',
    'RETENTION',
    'CASE',
    'WHEN',
    'THEN',
    'ELSE',
    'END',
    'JOIN',
    'FULL',
    'OUTER',
    'INNER',
    'LEFT',
    'RIGHT',
    'ON',
    'WITH',
    'VALUES',
  ),
  ...keywords(
    true,
    'CREATE',
    'TABLE',
    'TOPIC',
    'STREAM',
    'STREAMS',
    'INSERT',
    'DELETE',
    'INTO',
    'DESCRIBE',
    'EXTENDED',
    'PRINT',
    'CAST',
    'LIST',
    'TOPICS',
    'QUERY',
    'QUERIES',
    'TERMINATE',
    'LOAD',
    'DROP',
    'TO',
    'RENAME',
    'SAMPLE',
    'EXPORT',
    'CATALOG',
    'PROPERTIES',
    'BEGINNING',
    'UNSET',
    'RUN',
    'SCRIPT',
    'DECIMAL',
    'CONNECTOR',
    'CONNECTORS',
    'NAMESPACE',
    'MATERIALIZED',
    'VIEW',
  ),
}

/** Every token type that may reach the parser. */
export const allTokenTypes: TokenType[] = [
  ...new Set(operators.values()),
  ...keywordTypes.values(),
  StringToken,
  IntegerToken,
  DecimalToken,
  FloatToken,
  Identifier,
  Word,
  UnquotedIdentifier,
  QuotedIdentifier,
  VariableToken,
  Unclosed,
  Unknown,
]

/** Words that cannot be names unless quoted. */
export function isReservedWord(word: string): boolean {
  return reserved.has(word.toUpperCase())
}

export function isKeyword(word: string): boolean {
  return keywordTypes.has(word.toUpperCase())
}

/** Functions whose first argument is a bare unit, so that DAY there is no column. */
export const intervalUnitFunctions: ReadonlySet<string> = new Set([
  'DATEADD',
  'DATESUB',
  'TIMEADD',
  'TIMESUB',
  'TIMESTAMPADD',
  'TIMESTAMPSUB',
])

// ----------------------------------------------------------------------------------------------- scanner

const space = /\s+/y
const lineComment = /--[^\r\n]*/y
const blockComment = /\/\*[^*]*(?:\*(?!\/)[^*]*)*\*\//y
const string = /'[^']*(?:''[^']*)*'/y
const backQuoted = /`[^`]*(?:``[^`]*)*`/y
const doubleQuoted = /"[^"]*(?:""[^"]*)*"/y
const variable = /\$\{[A-Za-z_][\w@]*\}/y
const word = /[A-Za-z_][\w@]*/y
const float = /(?:\d+(?:\.\d*)?|\.\d+)[eE][+-]?\d+/y
const decimal = /\d+\.\d*|\.\d+/y
const digitWord = /\d[\w@]*/y
const twoCharacters = new Set([...operators.keys()].filter((text) => text.length === 2))

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/** Digits, longest match first: `1e3` is a number, `1e3x` and `1st` are names, `1.5` a decimal. */
function numberAt(text: string, at: number): { type: TokenType; end: number } {
  const floatEnd = endOf(float, text, at)
  const decimalEnd = endOf(decimal, text, at)
  const wordEnd = endOf(digitWord, text, at)
  if (floatEnd >= decimalEnd && floatEnd >= wordEnd) return { type: FloatToken, end: floatEnd }
  if (decimalEnd >= wordEnd) return { type: DecimalToken, end: decimalEnd }
  const digitsOnly = !/[^0-9]/.test(text.slice(at, wordEnd))
  return { type: digitsOnly ? IntegerToken : UnquotedIdentifier, end: wordEnd }
}

function quotedAt(
  pattern: RegExp,
  type: TokenType,
  text: string,
  at: number,
): { type: TokenType; end: number } {
  const end = endOf(pattern, text, at)
  return end > at ? { type, end } : { type: Unclosed, end: text.length }
}

function tokenAt(text: string, at: number): { type: TokenType; end: number } {
  const first = text.charAt(at)
  const next = text.charAt(at + 1)
  if (first === "'") return quotedAt(string, StringToken, text, at)
  if (first === '`') return quotedAt(backQuoted, QuotedIdentifier, text, at)
  if (first === '"') return quotedAt(doubleQuoted, QuotedIdentifier, text, at)
  if (first === '-' && next === '-') return { type: CommentToken, end: endOf(lineComment, text, at) }
  if (first === '/' && next === '*') return quotedAt(blockComment, CommentToken, text, at)
  const wordEnd = endOf(word, text, at)
  if (wordEnd > at) {
    const keyword = keywordTypes.get(text.slice(at, wordEnd).toUpperCase())
    return { type: keyword ?? UnquotedIdentifier, end: wordEnd }
  }
  if ((first >= '0' && first <= '9') || (first === '.' && next >= '0' && next <= '9'))
    return numberAt(text, at)
  if (first === '$') {
    const end = endOf(variable, text, at)
    if (end > at) return { type: VariableToken, end }
  }
  const two = first + next
  const symbol = twoCharacters.has(two) ? two : first
  const type = operators.get(symbol)
  if (type !== undefined) return { type, end: at + symbol.length }
  return { type: Unknown, end: at + (text.codePointAt(at)! > 0xffff ? 2 : 1) }
}

/** All tokens of the text in order, comments included; white space is left out. */
export function scan(text: string): IToken[] {
  const tokens: IToken[] = []
  let at = 0
  let line = 1
  let lineStart = 0
  const countLines = (from: number, to: number): void => {
    for (let i = text.indexOf('\n', from); i !== -1 && i < to; i = text.indexOf('\n', i + 1)) {
      line++
      lineStart = i + 1
    }
  }
  while (at < text.length) {
    const afterSpace = endOf(space, text, at)
    if (afterSpace > at) {
      countLines(at, afterSpace)
      at = afterSpace
      continue
    }
    const { type, end } = tokenAt(text, at)
    const startLine = line
    const startColumn = at - lineStart + 1
    if (type === StringToken || type === QuotedIdentifier || type === CommentToken || type === Unclosed) {
      countLines(at, end)
    }
    tokens.push({
      image: text.slice(at, end),
      startOffset: at,
      endOffset: end - 1,
      startLine,
      startColumn,
      endLine: line,
      endColumn: end - lineStart,
      tokenTypeIdx: type.tokenTypeIdx!,
      tokenType: type,
    })
    at = end
  }
  return tokens
}

/** What the parser sees. */
export function scanForParser(text: string): IToken[] {
  return scan(text).filter((token) => token.tokenType !== CommentToken)
}

export interface SqlToken {
  readonly category: TokenCategory
  readonly text: string
  /** Offsets into the text, [start, end). */
  readonly start: number
  readonly end: number
}

/** The tokens with their category, for painting SQL. Never throws. */
export function tokenize(text: string): SqlToken[] {
  return scan(text).map((token) => ({
    category: categoryOf(token),
    text: token.image,
    start: token.startOffset,
    end: token.endOffset! + 1,
  }))
}

function categoryOf(token: IToken): TokenCategory {
  const type = token.tokenType
  if (type === UnquotedIdentifier || type === QuotedIdentifier) return 'identifier'
  if (type === StringToken) return 'string'
  if (type === CommentToken) return 'comment'
  if (type === VariableToken) return 'variable'
  if (type === IntegerToken || type === DecimalToken || type === FloatToken) return 'number'
  if (type === Unknown) return 'unknown'
  if (type === Unclosed) {
    return token.image.startsWith("'") ? 'string' : token.image.startsWith('/*') ? 'comment' : 'identifier'
  }
  return keywordTypes.get(type.name) === type ? 'keyword' : 'operator'
}

/** The name a token stands for: quotes removed, unquoted words in upper case. */
export function identifierText(token: IToken, keepCase = false): string {
  const image = token.image
  if (token.tokenType === QuotedIdentifier) {
    const quote = image.charAt(0)
    return image.slice(1, -1).replaceAll(quote + quote, quote)
  }
  return keepCase ? image : image.toUpperCase()
}

/** The value of a string token. */
export function stringText(token: IToken): string {
  return token.image.slice(1, -1).replaceAll("''", "'")
}
