import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SqlError } from '../../src/sql/errors.js'
import { formatStatement } from '../../src/sql/format-sql.js'
import { parseScript } from '../../src/sql/parse.js'
import { withoutPlace } from './without-place.js'

/*
 * ksqlDB's own functional cases, where they are at hand: FOREBAY_QTT names their folder. Every statement
 * must parse unless its case expects a parse error, and print back to the same tree.
 */

const folder = process.env['FOREBAY_QTT'] ?? join(import.meta.dirname, '../../../shared/qtt')

interface Case {
  readonly id: string
  readonly statements: string | readonly string[]
  readonly expectedException?: { readonly type?: string; readonly message?: string }
  readonly expectedError?: { readonly type?: string; readonly message?: string }
}

function casesIn(directory: string): Case[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return casesIn(path)
    return entry.name.endsWith('.json')
      ? (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }).cases
      : []
  })
}

function cases(): Case[] {
  return ['qtt', 'rest', 'sql'].flatMap((suite) => casesIn(join(folder, suite)))
}

const missing = !existsSync(folder)
if (missing) console.log(`conformance cases not found in ${folder}: set FOREBAY_QTT to run them`)

test.skipIf(missing)('every statement parses and prints back, unless its case expects an error', () => {
  const wrong: string[] = []
  for (const { id, statements, expectedException, expectedError } of cases()) {
    const text = typeof statements === 'string' ? statements : statements.join('\n')
    try {
      for (const statement of parseScript(text, { commandLine: true })) {
        const printed = formatStatement(statement)
        const again = parseScript(printed, { commandLine: true })
        expect(withoutPlace(again)).toEqual(withoutPlace([statement]))
      }
    } catch (error) {
      if (!(error instanceof SqlError) || (expectedException ?? expectedError) === undefined) {
        wrong.push(`${id}: ${(error as Error).message}`)
      }
    }
  }
  expect(wrong).toEqual([])
})

/** Refused when the statement's properties are read, not by the grammar. */
const notSyntax = /WINDOW_SIZE/

test.skipIf(missing)('cases that expect a parse error get one, with its message', () => {
  const wrong: string[] = []
  for (const { id, statements, expectedException } of cases()) {
    const { type, message = '' } = expectedException ?? {}
    if (type?.endsWith('ParseFailedException') !== true || notSyntax.test(message)) continue
    const text = typeof statements === 'string' ? statements : statements.join('\n')
    let full = 'parsed'
    try {
      parseScript(text)
    } catch (error) {
      full = `${(error as SqlError).message}\nStatement: ${(error as SqlError).text}`
    }
    if (full === 'parsed' || !full.includes(message)) wrong.push(`${id}: ${full}`)
  }
  expect(wrong).toEqual([])
})
