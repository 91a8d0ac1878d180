import type { Expression, Statement, TableElement, TypeExpression } from './ast.js'
import type { IToken, ParserMethod, TokenType } from './chevrotain.js'
import { SqlError } from './errors.js'
import { expectedAfter } from './expected-tokens.js'
import { SqlParser } from './parser.js'
import { syntaxError } from './syntax-error.js'
import {
  CommentToken,
  DecimalToken,
  FloatToken,
  Identifier,
  IntegerToken,
  identifierText,
  isKeyword,
  Semicolon,
  StringToken,
  scan,
  scanForParser,
  stringText,
  T,
  Unclosed,
  VariableToken,
} from './tokens.js'

/*
 * The life of a text: variables are replaced (`substituteVariables`), the scanner makes tokens (tokens.ts), the
 * grammar reads them and builds the tree (parser.ts). What fails becomes a SqlError (syntax-error.ts).
 */

export interface ParseOptions {
  /** Values for `${name}`. DEFINE and UNDEFINE in the script itself change them for what follows. Null: none are replaced. */
  readonly variables?: Readonly<Record<string, string>> | null
  /** Reads the statements of the command line too, such as RUN SCRIPT. Default false. */
  readonly commandLine?: boolean
  /** Whether the last statement may go without its `;`. Default false. */
  readonly openEnd?: boolean
}

const emptySemicolon = { image: '', tokenType: Semicolon, tokenTypeIdx: Semicolon.tokenTypeIdx! }

/** Built at first use: it costs some ten milliseconds. */
let sharedParser: SqlParser | null = null

function parser(): SqlParser {
  return (sharedParser ??= new SqlParser())
}

/**
 * Parses a whole script, before anything of it runs. Every statement must end with `;`, but for the last one of an `openEnd`.
 *
 * @throws SqlError of kind 'parse' at the first fault, with its place and the whole text.
 */
export function parseScript(text: string, options: ParseOptions = {}): Statement[] {
  const source = options.variables === null ? text : substituteVariables(text, options.variables ?? {})
  const statements = run(source, 'script', parser().script, options.openEnd)
  const runScript = options.commandLine === true ? undefined : statements.find((s) => s.kind === 'runScript')
  if (runScript !== undefined) {
    const location = runScript.location
    throw new SqlError(`line ${location?.line}:${location?.column}: Syntax Error\nUnknown statement 'RUN'`, {
      kind: 'parse',
      location,
      text: source,
      suggestion: 'RUN SCRIPT works on the command line only.',
    })
  }
  return statements
}

/** One expression, such as a test writes it. */
export function parseExpression(text: string): Expression {
  return run(text, 'expression', parser().expression)
}

/** Column definitions without parentheses around: ``K STRING KEY, `a` INT``. */
export function parseColumns(text: string): TableElement[] {
  return run(text, 'columns', parser().columns)
}

/** A type as written in a column definition: `MAP<STRING, INT>`. */
export function parseType(text: string): TypeExpression {
  return run(text, 'type', parser().type)
}

function run<Result>(
  text: string,
  ruleName: string,
  rule: ParserMethod<[], Result>,
  openEnd = false,
): Result {
  const sql = parser()
  const tokens = scanForParser(text)
  const last = tokens.at(-1)
  const isOpen = openEnd && last !== undefined && last.tokenType !== Semicolon
  sql.source = text
  sql.input = isOpen ? [...tokens, semicolonAfter(last)] : tokens
  let result: Result
  try {
    result = rule.call(sql)
  } catch (error) {
    throw asSqlError(error, text)
  }
  const failed = sql.errors[0]
  if (failed === undefined) return result
  const at = tokens.indexOf(failed.token)
  const index = at === -1 ? tokens.length : at
  // Only the failing statement is looked at again: what came before it was fine.
  const start = ruleName === 'script' ? statementStart(tokens, index) : 0
  const rules = sql.getGAstProductions()
  throw syntaxError({
    text,
    tokens,
    index,
    asked: askedFor(sql, failed, index === start),
    expectedAt: (i) => expectedAfter(rules, ruleName, tokens.slice(Math.min(start, i), i)),
  })
}

function semicolonAfter(last: IToken): IToken {
  const startOffset = last.endOffset! + 1
  return { ...last, ...emptySemicolon, startOffset, endOffset: startOffset - 1 }
}

/** The failing rule's wish; after a list also the comma that would have gone on with it. */
function askedFor(
  sql: SqlParser,
  failed: SqlParser['errors'][number],
  beginsStatement: boolean,
): readonly TokenType[] {
  const asked = sql.failure.expected
  const [only] = asked
  if (asked.length !== 1 || only === undefined || beginsStatement) return asked
  const rule = sql.getGAstProductions()[failed.context.ruleStack.at(-1) ?? '']
  const separator = rule === undefined ? undefined : separatorBefore(rule as GrammarNode, only)
  return separator === undefined ? asked : [separator, only]
}

interface GrammarNode {
  readonly definition?: readonly GrammarNode[]
  readonly nonTerminalName?: string
  readonly terminalType?: TokenType
  readonly separator?: TokenType
}

function separatorBefore(node: GrammarNode, terminal: TokenType): TokenType | undefined {
  const parts = node.definition ?? []
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    const before = parts[i - 1]
    if (part.terminalType === terminal && before?.separator !== undefined) return before.separator
    const inside = part.nonTerminalName === undefined ? separatorBefore(part, terminal) : undefined
    if (inside !== undefined) return inside
  }
  return undefined
}

function statementStart(tokens: readonly IToken[], index: number): number {
  for (let i = index - 1; i >= 0; i--) if (tokens[i]!.tokenType === Semicolon) return i + 1
  return 0
}

function asSqlError(error: unknown, text: string): SqlError {
  if (error instanceof SqlError) {
    error.text ??= text
    return error
  }
  const refusal = SqlError.from(error)
  if (!(refusal instanceof SqlError)) throw error
  refusal.text = text
  return refusal
}

// ------------------------------------------------------------------------------------------- statements

export interface SplitScript {
  /** Complete statements, each trimmed and with its `;`. */
  readonly statements: readonly string[]
  /** What follows the last `;`, white space and comments left out around it; '' when nothing does. */
  readonly rest: string
  /** Whether `rest` is inside a string, a quoted name or a comment. */
  readonly unclosed: boolean
}

/** Cuts a text at its semicolons, without parsing: those in strings, quoted names and comments do not count. */
export function splitStatements(text: string): SplitScript {
  const statements: string[] = []
  let start = -1
  let end = 0
  let unclosed = false
  for (const token of scan(text)) {
    if (token.tokenType === CommentToken) continue
    if (token.tokenType === Unclosed) unclosed = true
    if (start === -1) start = token.startOffset
    end = token.endOffset! + 1
    if (token.tokenType !== Semicolon) continue
    statements.push(text.slice(start, end))
    start = -1
  }
  return { statements, rest: start === -1 ? '' : text.slice(start, end), unclosed }
}

const reference = /\$\{([A-Za-z_][\w@]*)\}/g

/**
 * Replaces `${name}`, inside strings and quoted names too, but not in comments. A script's own DEFINE and
 * UNDEFINE count from the statement after them on.
 *
 * @throws SqlError when a variable has no value.
 */
export function substituteVariables(text: string, variables: Readonly<Record<string, string>>): string {
  if (!text.includes('${')) return text
  const values = new Map(Object.entries(variables))
  let result = ''
  let copied = 0
  let statement: IToken[] = []
  for (const token of scan(text)) {
    if (token.tokenType === CommentToken) continue
    statement.push(token)
    const image = token.image
    if (image.includes('${')) {
      result += text.slice(copied, token.startOffset)
      result += image.replace(reference, (_, name: string) => variableValue(name, values, token, text))
      copied = token.endOffset! + 1
    }
    if (token.tokenType !== Semicolon) continue
    applyDefinition(statement, values)
    statement = []
  }
  return result + text.slice(copied)
}

function variableValue(
  name: string,
  values: ReadonlyMap<string, string>,
  token: IToken,
  text: string,
): string {
  const value = values.get(name)
  if (value !== undefined) return value
  throw new SqlError(`Undefined variable: ${name}`, {
    kind: 'parse',
    text,
    location: {
      line: token.startLine!,
      column: token.startColumn!,
      start: token.startOffset,
      end: token.endOffset! + 1,
    },
    suggestion: `Give it a value first: DEFINE ${name} = '…';`,
  })
}

function applyDefinition(statement: readonly IToken[], values: Map<string, string>): void {
  const [first, name, , value] = statement
  if (first === undefined || name === undefined) return
  if (first.tokenType === T.UNDEFINE) values.delete(name.image)
  if (first.tokenType === T.DEFINE && value?.tokenType === StringToken) {
    const text = stringText(value)
    values.set(
      name.image,
      text.replace(reference, (whole, inner: string) => values.get(inner) ?? whole),
    )
  }
}

// ------------------------------------------------------------------------------------------- completion

export interface ExpectedTokens {
  /** Keywords, operators and punctuation that may come next, keywords in alphabetical order. */
  readonly keywords: readonly string[]
  readonly punctuation: readonly string[]
  /** Whether a name (of a source, a column, a function …) may come next; likewise a string, a number. */
  readonly identifier: boolean
  readonly string: boolean
  readonly number: boolean
  /** The statement's tokens before the cursor, for deciding what kind of name is wanted. */
  readonly before: readonly string[]
  /** The name the cursor is in the middle of, if any: it is what completion replaces. */
  readonly prefix: string
}

/**
 * What can stand at the end of `textBeforeCursor`, in the statement the cursor is in. A word that touches the
 * cursor is taken as unfinished (`prefix`), and the answer is about the place where it begins.
 */
export function expectedTokens(textBeforeCursor: string): ExpectedTokens {
  const tokens = scan(textBeforeCursor).filter((token) => token.tokenType !== CommentToken)
  let prefix = ''
  const last = tokens.at(-1)
  const touches = last !== undefined && last.endOffset! + 1 === textBeforeCursor.length
  const quoted = last?.tokenType === Unclosed && last.image.startsWith('`')
  if (last !== undefined && (quoted || (touches && /^\w/.test(last.image)))) {
    prefix = last.image
    tokens.pop()
  }
  const own = tokens.slice(statementStart(tokens, tokens.length))
  const types = expectedAfter(parser().getGAstProductions(), 'script', own)
  const names = [...types].map((type) => type.name)
  return {
    keywords: names.filter((name) => isKeyword(name)).sort(),
    punctuation: [...types]
      .filter((type) => /^'\W+'$/.test(type.LABEL ?? ''))
      .map((type) => type.LABEL!.slice(1, -1)),
    identifier: types.has(Identifier),
    string: types.has(StringToken),
    number: types.has(IntegerToken) || types.has(DecimalToken) || types.has(FloatToken),
    before: own.map((token) =>
      token.tokenType === StringToken || token.tokenType === VariableToken
        ? token.image
        : identifierText(token),
    ),
    prefix,
  }
}
