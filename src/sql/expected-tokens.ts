import type { IProduction, IToken, Rule, TokenType } from './chevrotain.js'
import { tokenMatcher } from './chevrotain.js'

/*
 * Which tokens may follow a beginning of a statement: for completion and for suggestions in errors.
 *
 * The grammar, as the parser recorded it, is read over the tokens in all ways at once. For a production and a
 * position the positions where it can end are computed once and kept, so the work is bounded by rules × positions
 * whatever the text. Gates are not applied: the answer may contain a keyword that only looks possible.
 */

interface Search {
  readonly tokens: readonly IToken[]
  readonly rules: Readonly<Record<string, Rule>>
  /** Ends by rule and start. An entry that is being computed is empty: the grammar has no left recursion. */
  readonly ends: Map<string, ReadonlyMap<number, ReadonlySet<number>>>
  readonly expected: Set<TokenType>
}

/** The token types that can come right after `tokens`, read from the start of `rule`. */
export function expectedAfter(
  rules: Readonly<Record<string, Rule>>,
  rule: string,
  tokens: readonly IToken[],
): Set<TokenType> {
  const search: Search = { tokens, rules, ends: new Map(), expected: new Set() }
  ruleEnds(search, rule, 0)
  return search.expected
}

function ruleEnds(search: Search, name: string, start: number): ReadonlySet<number> {
  let byStart = search.ends.get(name) as Map<number, ReadonlySet<number>> | undefined
  if (byStart === undefined) search.ends.set(name, (byStart = new Map()))
  const known = byStart.get(start)
  if (known !== undefined) return known
  byStart.set(start, new Set())
  const ends = sequenceEnds(search, search.rules[name]!.definition, new Set([start]))
  byStart.set(start, ends)
  return ends
}

function sequenceEnds(
  search: Search,
  productions: readonly IProduction[],
  starts: ReadonlySet<number>,
): ReadonlySet<number> {
  let current = starts
  for (const production of productions) {
    if (current.size === 0) return current
    current = productionEnds(search, production as GrammarNode, current)
  }
  return current
}

/** The parts of Chevrotain's recorded grammar that are read here. */
interface GrammarNode extends IProduction {
  readonly type?: string
  readonly definition: GrammarNode[]
  readonly terminalType?: TokenType
  readonly separator?: TokenType
  readonly nonTerminalName?: string
}

function productionEnds(search: Search, node: GrammarNode, starts: ReadonlySet<number>): ReadonlySet<number> {
  if (node.terminalType !== undefined) return tokenEnds(search, node.terminalType, starts)
  if (node.nonTerminalName !== undefined) {
    const ends = new Set<number>()
    for (const start of starts) for (const end of ruleEnds(search, node.nonTerminalName, start)) ends.add(end)
    return ends
  }
  switch (node.constructor.name) {
    case 'Alternation': {
      const ends = new Set<number>()
      for (const alternative of node.definition) {
        for (const end of sequenceEnds(search, alternative.definition, starts)) ends.add(end)
      }
      return ends
    }
    case 'Option':
      return new Set([...starts, ...sequenceEnds(search, node.definition, starts)])
    case 'Repetition':
    case 'RepetitionWithSeparator':
      return new Set([...starts, ...repeatedEnds(search, node, starts)])
    case 'RepetitionMandatory':
    case 'RepetitionMandatoryWithSeparator':
      return repeatedEnds(search, node, starts)
    default:
      return sequenceEnds(search, node.definition, starts)
  }
}

function tokenEnds(search: Search, type: TokenType, starts: ReadonlySet<number>): ReadonlySet<number> {
  const ends = new Set<number>()
  for (const start of starts) {
    const token = search.tokens[start]
    if (token === undefined) search.expected.add(type)
    else if (tokenMatcher(token, type)) ends.add(start + 1)
  }
  return ends
}

function repeatedEnds(search: Search, node: GrammarNode, starts: ReadonlySet<number>): ReadonlySet<number> {
  const ends = new Set<number>()
  let fresh = starts
  while (fresh.size > 0) {
    const reached = sequenceEnds(search, node.definition, fresh)
    const next = new Set<number>()
    for (const end of reached) {
      if (ends.has(end)) continue
      ends.add(end)
      next.add(end)
    }
    fresh = node.separator === undefined ? next : tokenEnds(search, node.separator, next)
  }
  return ends
}
