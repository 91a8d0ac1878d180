import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as Chevrotain from 'chevrotain'

export type {
  IParserErrorMessageProvider,
  IProduction,
  IToken,
  ParserMethod,
  Rule,
  TokenType,
} from 'chevrotain'

/**
 * Chevrotain, loaded from its single-file bundle: its package entry pulls in several hundred small modules,
 * which alone costs a quarter of a second at start-up. Where the bundle is missing, the entry serves.
 */
function load(): typeof Chevrotain {
  const require = createRequire(import.meta.url)
  const entry = require.resolve('chevrotain')
  try {
    return require(join(dirname(entry), '..', 'chevrotain.mjs'))
  } catch {
    return require(entry)
  }
}

export const { createToken, EmbeddedActionsParser, tokenMatcher } = load()
