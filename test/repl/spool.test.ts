import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Log } from '../../src/log/index.js'
import { embeddedSession } from '../../src/repl/embedded-session.js'
import { metaCommand } from '../../src/repl/meta-commands.js'
import { runScript } from '../../src/repl/run-script.js'
import { Spool, spoolCommand, withoutSpools } from '../../src/repl/spool.js'
import { SqlEngine } from '../../src/sql/index.js'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-spool-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

describe('SPOOL', () => {
  it('is read in any case, with and without its semicolon', () => {
    expect(spoolCommand("spool 'it''s.txt'")).toEqual({ kind: 'spool', file: "it's.txt" })
    expect(metaCommand(' SPOOL OFF; ')).toEqual({ kind: 'spool', file: null })
    expect(spoolCommand('SPOOL;')).toBeNull()
    expect(spoolCommand("SELECT 'SPOOL OFF;' FROM s;")).toBeNull()
  })

  it('parts a script; what is between stays one text', () => {
    expect(withoutSpools("A; B; SPOOL 'x'; C; D")).toEqual(['A;\nB;', { kind: 'spool', file: 'x' }, 'C;\nD'])
    expect(withoutSpools("A; 'SPOOL'; B")).toEqual(["A;\n'SPOOL';\nB"])
  })

  it('writes what is shown, without colours, until it is off', () => {
    const file = join(directory, 'shown.txt')
    const spool = new Spool()
    spool.write(['before'])
    expect(spool.switchTo({ kind: 'spool', file })).toContain(file)
    spool.write(['\u001b[31mred\u001b[39m', 'two'])
    spool.switchTo({ kind: 'spool', file: null })
    spool.write(['after'])
    expect(readFileSync(file, 'utf8')).toBe('red\ntwo\n')
  })

  it('works in scripts, for refusals too', async () => {
    const file = join(directory, 'script.txt')
    const log = Log.memory()
    const engine = await SqlEngine.create({ log })
    const sql = `DEFINE a = '1'; SPOOL '${file}'; DEFINE b = '2'; SPOOL OFF; DEFINE c = '3'; SPOOL '${file}.2'; NONSENSE;`
    const lines: string[] = []
    const code = await runScript(embeddedSession(engine), sql, {
      out: (line) => lines.push(line),
      error: (line) => lines.push(line),
      format: 'table',
      signal: new AbortController().signal,
    })
    await engine.close()
    await log.close()
    expect(code).toBe(1)
    expect(lines.slice(0, 3)).toEqual(['Defined a.', 'Defined b.', 'Defined c.'])
    expect(readFileSync(file, 'utf8')).toBe('Defined b.\n')
    expect(readFileSync(`${file}.2`, 'utf8')).toContain("Unknown statement 'NONSENSE'")
  })
})
