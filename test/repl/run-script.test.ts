import { of, Subject } from 'rxjs'
import { expect, it } from 'vitest'
import type { OutputFormat } from '../../src/repl/render-outcome.js'
import { runScript } from '../../src/repl/run-script.js'
import type { LiveChange, LiveQuery, Outcome, Session } from '../../src/repl/session.js'
import { SqlError } from '../../src/sql/index.js'

const columns = [{ name: 'N', type: 'BIGINT' }]
const change = (n: number): LiveChange => ({ row: [n], tombstone: false, identity: null })

async function script(outcomes: readonly (Outcome | Error)[], format: OutputFormat = 'table', sql = 'A;') {
  const out: string[] = []
  const errors: string[] = []
  const ran: string[] = []
  const session: Session = {
    async *run(text) {
      ran.push(text)
      for (const outcome of outcomes) {
        if (outcome instanceof Error) throw outcome
        yield outcome
      }
    },
    catalogue: () => Promise.reject(new Error('not asked')),
    close: async () => {},
  }
  const interrupt = new AbortController()
  const run = runScript(session, sql, {
    out: (line) => out.push(line),
    error: (line) => errors.push(line),
    format,
    signal: interrupt.signal,
  })
  return { run, out, errors, ran, interrupt }
}

const live = (rows: LiveQuery['rows'], stop: () => void = () => {}): Outcome => ({
  kind: 'live',
  query: { columns, rows, stop: async () => stop(), caughtUp: async () => {}, explainEmpty: async () => '' },
})

it('ends with 0 when everything ran, and prints results one after the other', async () => {
  const { run, out } = await script([
    { kind: 'message', text: 'Stream created' },
    live(of(change(1), change(2))),
  ])
  expect(await run).toBe(0)
  expect(out).toEqual(['Stream created', 'N', '1', '2'])
})

it('ends with 1 at the first error and says what it was', async () => {
  const { run, out, errors } = await script([{ kind: 'message', text: 'first' }, new SqlError('refused')])
  expect(await run).toBe(1)
  expect(out).toEqual(['first'])
  expect(errors).toEqual(['refused'])
})

it('ends with 130 when a push query is interrupted, after its rows so far', async () => {
  const rows = new Subject<LiveChange>()
  const { run, out, interrupt } = await script([live(rows, () => rows.complete())], 'json')
  await Promise.resolve()
  rows.next(change(7))
  interrupt.abort()
  expect(await run).toBe(130)
  expect(out).toEqual(['{"N":7}'])
})

it('ends with 1 when a push query fails', async () => {
  const rows = new Subject<LiveChange>()
  const { run, errors } = await script([live(rows)])
  await Promise.resolve()
  rows.error(new SqlError('broke'))
  expect(await run).toBe(1)
  expect(errors).toEqual(['broke'])
})
