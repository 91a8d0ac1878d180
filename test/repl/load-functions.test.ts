import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseArguments } from '../../src/repl/arguments.js'
import { loadFunctions } from '../../src/repl/load-functions.js'
import { createFunctionRegistry } from '../../src/sql/index.js'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-functions-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

function module(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

describe('modules with functions', () => {
  it('add them to the registry', async () => {
    const path = module(
      'shout.mjs',
      `export default (functions) => {
         functions.scalar({ name: 'shout', args: ['STRING text'], returns: 'STRING', fn: (text) => text + '!' })
       }`,
    )
    const registry = createFunctionRegistry()
    const add = await loadFunctions([path])
    add(registry)
    expect(registry.describe('SHOUT')?.signatures).toEqual(['SHOUT(VARCHAR text)'])
  })

  it('are refused with a sentence where they have nothing to add', async () => {
    await expect(loadFunctions([module('none.mjs', 'export const x = 1')])).rejects.toThrow(
      'has no function as its default export',
    )
    await expect(loadFunctions([join(directory, 'missing.mjs')])).rejects.toThrow(
      'missing.mjs could not be loaded',
    )
  })

  it('are named by --functions, any number of times', () => {
    expect(parseArguments(['--functions', 'a.js', '--functions', 'b.js']).functions).toEqual(['a.js', 'b.js'])
    expect(parseArguments([]).functions).toEqual([])
  })
})
