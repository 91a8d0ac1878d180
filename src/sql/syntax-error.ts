import type { Location } from './ast.js'
import { locationOf } from './ast-builder.js'
import type { IToken, TokenType } from './chevrotain.js'
import { SqlError } from './errors.js'
import {
  allTokenTypes,
  Comma,
  Identifier,
  identifierText,
  isKeyword,
  isReservedWord,
  QuotedIdentifier,
  Semicolon,
  Unclosed,
  Unknown,
  UnquotedIdentifier,
} from './tokens.js'

export interface SyntaxFailure {
  /** The whole text. */
  readonly text: string
  /** Tokens of the text, and where in them reading stopped; past the last one, the text ended too soon. */
  readonly tokens: readonly IToken[]
  readonly index: number
  /** What the failing rule asked for. */
  readonly asked: readonly TokenType[]
  /** Everything that could have stood at a position of the tokens, however far away the rule. */
  readonly expectedAt: (index: number) => ReadonlySet<TokenType>
}

/**
 * ksqlDB's wording:
 *
 *     line 1:33: Syntax Error
 *     Expecting {'STRING', INTEGER_VALUE}
 *
 * with a suggestion of our own where there is one to make.
 */
export function syntaxError(failure: SyntaxFailure): SqlError {
  const location = failureLocation(failure)
  const place = `line ${location.line}:${location.column}`
  return new SqlError(`${place}: Syntax Error\n${detail(failure)}`, {
    kind: 'parse',
    location,
    text: failure.text,
    suggestion: suggestion(failure),
  })
}

function failureLocation({ text, tokens, index }: SyntaxFailure): Location {
  const token = tokens[index]
  if (token !== undefined) return locationOf(token, token)
  const before = text.slice(0, text.trimEnd().length)
  const lineStart = before.lastIndexOf('\n') + 1
  return {
    line: before.split('\n').length,
    column: before.length - lineStart + 1,
    start: before.length,
    end: before.length,
  }
}

function beginsStatement({ tokens, index }: SyntaxFailure): boolean {
  return index === 0 || tokens[index - 1]?.tokenType === Semicolon
}

function detail(failure: SyntaxFailure): string {
  const token = failure.tokens[failure.index]
  if (token !== undefined && beginsStatement(failure)) return `Unknown statement '${token.image}'`
  if (token === undefined)
    return expecting(failure.expectedAt(failure.index)) || 'The statement is not complete'
  if (failure.asked.includes(Identifier) && isReservedWord(token.image)) {
    return (
      `"${token.image}" is a reserved keyword and it can't be used as an identifier. ` +
      `You can use it as an identifier by escaping it as '${token.image}' `
    )
  }
  // At the end of a statement the rule asks for `;` only, though many clauses could have followed.
  const atEnd = failure.asked.length === 1 && failure.asked[0] === Semicolon
  return expecting(atEnd ? failure.expectedAt(failure.index) : new Set(failure.asked))
}

const listedAtMost = 3

/** `Expecting ';'`, `Expecting {',', ')'}`; nothing when the list is long. */
function expecting(types: ReadonlySet<TokenType>): string {
  if (types.size === 0 || types.size > listedAtMost) return ''
  const names = [...types].sort((a, b) => allTokenTypes.indexOf(a) - allTokenTypes.indexOf(b)).map(nameOf)
  return names.length === 1 ? `Expecting ${names[0]}` : `Expecting {${names.join(', ')}}`
}

function nameOf(type: TokenType): string {
  return type.LABEL ?? type.name
}

// ------------------------------------------------------------------------------------------- suggestions

function suggestion(failure: SyntaxFailure): string | null {
  const { tokens, index } = failure
  const token = tokens[index]
  const unclosed = tokens.find((t) => t.tokenType === Unclosed)
  if (unclosed !== undefined) return unclosedHint(unclosed)
  const slip = slipOfAnotherLanguage(failure)
  if (slip !== null) return slip
  const afterComma = tokens[index - 1]?.tokenType === Comma
  if (afterComma && token !== undefined && isReservedWord(token.image))
    return "Is the ',' before it one too many?"
  if (token !== undefined && failure.asked.includes(Identifier) && isReservedWord(token.image)) {
    return `Did you mean the name \`${identifierText(token)}\`? Write it in backticks.`
  }
  const expected = failure.expectedAt(index)
  const misspelt = didYouMean(token, expected)
  if (misspelt !== null) return misspelt
  // `SELECT a FORM b`: FORM was taken for an alias, and the error shows one token late.
  const previous = tokens[index - 1]
  if (previous?.tokenType === UnquotedIdentifier) {
    const earlier = didYouMean(previous, failure.expectedAt(index - 1))
    if (earlier !== null) return earlier
  }
  if (token === undefined) return expected.has(Semicolon) ? "A statement ends with ';'." : null
  if (previous?.tokenType === Comma) return "Is the ',' before it one too many?"
  if (expected.has(Semicolon) && startsStatement(token)) return `Is a ';' missing before ${token.image}?`
  if (previous !== undefined && startsStatement(previous) && failure.expectedAt(index - 1).has(Semicolon)) {
    return `Is a ';' missing before ${previous.image}?`
  }
  if (expected.has(Comma) && isName(token) && previous !== undefined && isName(previous)) {
    return `Is a ',' missing before ${token.image}?`
  }
  if (token.tokenType === Unknown) return 'Names with other characters than A-Z, 0-9, _ and @ need backticks.'
  return expectedList(failure.asked.length > 1 ? new Set(failure.asked) : expected)
}

function isName({ tokenType }: IToken): boolean {
  return tokenType === UnquotedIdentifier || tokenType === QuotedIdentifier
}

/** What stands for statements that other databases have. */
const insteadOf: ReadonlyMap<string, string> = new Map([
  ['UPDATE', 'A row of a table is changed by INSERT INTO … VALUES with its key.'],
  ['DELETE', 'A row of a table is deleted by INSERT INTO … (key) VALUES (…): without its other columns.'],
  ['UPSERT', 'INSERT INTO … VALUES replaces the row with the same key.'],
  ['SPOOL', 'SPOOL is for the terminal and for scripts of the command line.'],
  ['USE', 'There is one catalogue; no database has to be chosen.'],
  ['BEGIN', 'Every statement stands for itself; there are no transactions over several.'],
  ['COMMIT', 'Every statement stands for itself; there are no transactions over several.'],
  ['EMIT', 'A query begins with SELECT.'],
])

/** What people bring along from other languages, and clauses that are easily forgotten. */
function slipOfAnotherLanguage(failure: SyntaxFailure): string | null {
  const { tokens, index } = failure
  const word = tokens[index]?.image.toUpperCase() ?? ''
  if (beginsStatement(failure) && insteadOf.has(word)) return insteadOf.get(word)!
  const [before, at, after] = [tokens[index - 1]?.image, tokens[index]?.image, tokens[index + 1]?.image]
  if (before === '=' && at === '=') return 'SQL compares with one =.'
  if (at === '&' && after === '&') return '&& is written AND in SQL.'
  if (at === '!' || before === '!') return '! is written NOT in SQL.'
  if (at === '^') return 'Powers are written POWER(base, exponent).'
  const inHopping = tokens
    .slice(Math.max(0, index - 6), index)
    .some((t) => t.image.toUpperCase() === 'HOPPING')
  if (at === ')' && inHopping)
    return 'A hopping window advances: HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES).'
  return null
}

function expectedList(types: ReadonlySet<TokenType>): string | null {
  if (types.size <= listedAtMost || types.size > 16) return null
  return `Expected here: ${[...types].map(nameOf).join(' ')}`
}

function unclosedHint(token: IToken): string {
  const quote = token.image.startsWith('/*') ? '/*' : token.image.charAt(0)
  return `The ${quote} in line ${token.startLine}, column ${token.startColumn} is never closed.`
}

const statementWords =
  'SELECT CREATE INSERT DROP ALTER SHOW LIST DESCRIBE EXPLAIN PRINT TERMINATE PAUSE RESUME SET UNSET DEFINE UNDEFINE ASSERT'.split(
    ' ',
  )

function startsStatement(token: IToken): boolean {
  return statementWords.includes(token.image.toUpperCase())
}

function didYouMean(token: IToken | undefined, expected: ReadonlySet<TokenType>): string | null {
  if (token === undefined || token.tokenType === QuotedIdentifier || !/^[A-Za-z]\w+$/.test(token.image))
    return null
  const keywords = [...expected].map((type) => type.name).filter(isKeyword)
  const best = closest(token.image.toUpperCase(), keywords)
  return best === null ? null : `Did you mean ${best}?`
}

/** The candidate with the fewest edits, if that is few for its length; a swap of neighbours is one edit. */
export function closest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = word.length <= 3 ? 2 : 3
  for (const candidate of candidates) {
    if (candidate === word) continue
    const distance = editDistance(word, candidate)
    if (distance < bestDistance && distance < candidate.length / 2) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3) return 4
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      }
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
