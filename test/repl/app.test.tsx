import { render } from 'ink-testing-library'
import { Subject } from 'rxjs'
import { expect, it, vi } from 'vitest'
import { App } from '../../src/repl/app.js'
import { History } from '../../src/repl/history.js'
import type { LiveChange, Outcome, Session } from '../../src/repl/session.js'
import { SqlError } from '../../src/sql/index.js'

const columns = [
  { name: 'CITY', type: 'STRING' },
  { name: 'N', type: 'BIGINT' },
]

/** A session that answers by a table of statements. */
function app(
  answers: Readonly<Record<string, () => Outcome>>,
  startup?: Parameters<typeof App>[0]['startup'],
) {
  const ran: string[] = []
  const session: Session = {
    async *run(sql) {
      ran.push(sql)
      const answer = answers[sql]
      if (answer === undefined) throw new SqlError(`Unknown ${sql}`)
      yield answer()
    },
    catalogue: async () => ({ sources: [], topics: [], queries: [], functions: [], properties: [] }),
    close: async () => {},
  }
  const shown = render(
    <App
      session={session}
      history={new History(null, '')}
      banner="welcome"
      now={() => 0}
      {...(startup === undefined ? {} : { startup })}
    />,
  )
  const shows = (text: string) => vi.waitFor(() => expect(shown.lastFrame()).toContain(text))
  return { ran, shown, shows }
}

function liveQuery() {
  const rows = new Subject<LiveChange>()
  const query = {
    columns,
    rows,
    stop: async () => rows.complete(),
    caughtUp: async () => {},
    explainEmpty: async () => 'the topic is empty',
  }
  return { rows, outcome: (): Outcome => ({ kind: 'live', query }) }
}

const message = (text: string) => (): Outcome => ({ kind: 'message', text })

it('shows what was typed, what came of it, and the prompt again', async () => {
  const { shown, shows } = app({ 'A;': message('done') })
  await shows('forebay>')
  shown.stdin.write('A;\r')
  await shows('done (0 ms)')
  const lines = shown
    .lastFrame()!
    .split('\n')
    .map((l) => l.trim())
  expect(lines.filter((l) => l !== '')).toEqual(['welcome', 'forebay> A;', 'done (0 ms)', 'forebay>'])
})

it('goes on after an error', async () => {
  const { shown, shows } = app({ 'A;': message('done') })
  await shows('forebay>')
  shown.stdin.write('B;\r')
  await shows('Unknown B;')
  await vi.waitFor(() => expect(shown.lastFrame()!.trimEnd().endsWith('forebay>')).toBe(true))
  shown.stdin.write('A;\r')
  await shows('done')
})

it('shows a push query as a table until Ctrl-C, and leaves the last picture', async () => {
  const { rows, outcome } = liveQuery()
  const { shown, shows } = app({ 'A;': outcome })
  await shows('forebay>')
  shown.stdin.write('A;\r')
  await shows('waiting for rows')
  rows.next({ row: ['Ulm', 1], tombstone: false, identity: 'Ulm' })
  rows.next({ row: ['Ulm', 2], tombstone: false, identity: 'Ulm' })
  await shows(' Ulm  │ 2')
  expect(shown.lastFrame()).toContain('live · 1 row · 2 changes')
  rows.next({ row: ['Bonn', 3], tombstone: false, identity: 'Bonn' })
  shown.stdin.write('\u0003')
  await shows('ended · 2 rows · 3 changes')
  await shows(' Bonn │ 3')
  expect(rows.observed).toBe(false)
})

it('orders a live table by the next column with s, and turns it round with r', async () => {
  const { rows, outcome } = liveQuery()
  const { shown, shows } = app({ 'A;': outcome })
  await shows('forebay>')
  shown.stdin.write('A;\r')
  await shows('waiting for rows')
  rows.next({ row: ['b', 1], tombstone: false, identity: 'b' })
  rows.next({ row: ['a', 2], tombstone: false, identity: 'a' })
  shown.stdin.write('s')
  await shows('CITY ▲')
  shown.stdin.write('s')
  await shows('N ▼')
  const table = shown.lastFrame()!
  expect(table.indexOf(' a ')).toBeLessThan(table.indexOf(' b '))
  shown.stdin.write('r')
  await shows('N ▲')
})

it('shows the error of a push query that fails', async () => {
  const { rows, outcome } = liveQuery()
  const { shown, shows } = app({ 'A;': outcome })
  await shows('forebay>')
  shown.stdin.write('A;\r')
  await shows('waiting for rows')
  rows.error(new SqlError('the query broke'))
  await shows('the query broke')
})

it('shows progress at the start, then runs the statements it is given', async () => {
  let finish: (sql: string) => void = () => {}
  const { ran, shows } = app({ 'A;': message('first'), 'B;': message('second') }, (report) => {
    report.progress({ label: 'loading', fraction: 0.25 })
    return new Promise((resolve) => {
      finish = resolve
    })
  })
  await shows('loading ██████████░')
  await shows('25 %')
  finish('A;\nB;')
  await shows('second')
  expect(ran).toEqual(['A;', 'B;'])
})

it('keeps what is typed while it is busy', async () => {
  let finish: (sql: string) => void = () => {}
  const { shown, shows, ran } = app({ 'A;': message('first') }, (report) => {
    report.progress({ label: 'loading', fraction: 0 })
    return new Promise((resolve) => {
      finish = resolve
    })
  })
  await shows('loading')
  shown.stdin.write('A;')
  await new Promise((resolve) => setImmediate(resolve))
  shown.stdin.write('\r')
  await new Promise((resolve) => setImmediate(resolve))
  finish('')
  await shows('first')
  expect(ran).toEqual(['A;'])
})
