import { render } from 'ink-testing-library'
import { expect, it, vi } from 'vitest'
import { History } from '../../src/repl/history.js'
import { isComplete, Prompt } from '../../src/repl/prompt.js'
import type { Catalogue } from '../../src/repl/session.js'

const catalogue: Catalogue = {
  sources: [{ name: 'FLIGHTS', kind: 'STREAM', columns: [{ name: 'ORIGIN', type: 'STRING' }] }],
  topics: [],
  queries: [],
  functions: [],
  properties: [],
}

const keys = {
  enter: '\r',
  up: '\u001b[A',
  down: '\u001b[B',
  tab: '\t',
  left: '\u001b[D',
  delete: '\u001b[3~',
  ctrlC: '\u0003',
  ctrlR: '\u0012',
  backspace: '\u007f',
}

function prompt(entries: readonly string[] = [], early = '') {
  const history = new History(null, '')
  for (const entry of entries) history.add(entry)
  const submitted: string[] = []
  const onExit = vi.fn()
  const typedAhead = { current: early }
  const app = render(
    <Prompt
      history={history}
      catalogue={catalogue}
      width={40}
      rows={24}
      typedAhead={typedAhead}
      onClear={() => {}}
      onSubmit={(text) => submitted.push(text)}
      onExit={onExit}
    />,
  )
  const shows = (text: string) => vi.waitFor(() => expect(app.lastFrame()).toContain(text))
  const type = async (...inputs: string[]) => {
    for (const input of inputs) {
      app.stdin.write(input)
      // Ink reads its input in a later turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { app, submitted, onExit, shows, type, typedAhead }
}

it('runs a finished statement at Enter and goes to a new line before that', async () => {
  const { submitted, shows, type } = prompt()
  await shows('forebay>')
  await type('SELECT 1', keys.enter)
  await shows('->')
  expect(submitted).toEqual([])
  await type('FROM x;', keys.enter)
  await vi.waitFor(() => expect(submitted).toEqual(['SELECT 1\nFROM x;']))
})

it('does not take a semicolon inside a string for the end', () => {
  expect(isComplete("SELECT 'a;")).toBe(false)
  expect(isComplete("SELECT 'a;';")).toBe(true)
  expect(isComplete('help')).toBe(true)
  expect(isComplete('\\dt')).toBe(true)
  expect(isComplete('SELECT 1')).toBe(false)
  expect(isComplete('SELECT 1; -- done')).toBe(true)
  expect(isComplete('SELECT 1; /* open')).toBe(false)
})

it('walks the history and comes back to what was being typed', async () => {
  const { shows, type } = prompt(['SHOW STREAMS;', 'SHOW TABLES;'])
  await shows('forebay>')
  await type('SEL', keys.up)
  await shows('SHOW TABLES;')
  await type(keys.up)
  await shows('SHOW STREAMS;')
  await type(keys.down, keys.down)
  await shows('SEL')
})

it('finds an entry with Ctrl-R', async () => {
  const { shows, type, submitted } = prompt(['SHOW STREAMS;', 'SHOW TABLES;'])
  await shows('forebay>')
  await type(keys.ctrlR, 'stre'.toUpperCase())
  await shows('SHOW STREAMS;')
  await type(keys.enter, keys.enter)
  await vi.waitFor(() => expect(submitted).toEqual(['SHOW STREAMS;']))
})

it('completes with Tab', async () => {
  const { shows, type } = prompt()
  await shows('forebay>')
  await type('SELECT * FROM FL', keys.tab)
  await shows('SELECT * FROM FLIGHTS')
})

it('clears the line with Ctrl-C, and leaves when it is pressed twice on an empty one', async () => {
  const { type, onExit, app, shows } = prompt()
  await shows('forebay>')
  await type('SELECT', keys.ctrlC)
  await vi.waitFor(() => expect(app.lastFrame()).not.toContain('SELECT'))
  await type(keys.ctrlC)
  await shows('once more leaves')
  expect(onExit).not.toHaveBeenCalled()
  await type(keys.ctrlC)
  await vi.waitFor(() => expect(onExit).toHaveBeenCalled())
})

it('takes a paste of several lines as one text', async () => {
  const { type, shows, submitted } = prompt()
  await shows('forebay>')
  await type('SELECT a,\r  b\rFROM x;\r')
  await vi.waitFor(() => expect(submitted).toEqual(['SELECT a,\n  b\nFROM x;']))
})

it('runs what is complete of a paste and keeps the rest for the next prompt', async () => {
  const { type, shows, submitted, typedAhead } = prompt()
  await shows('forebay>')
  await type('SHOW STREAMS;\rSHOW TAB')
  await vi.waitFor(() => expect(submitted).toEqual(['SHOW STREAMS;']))
  expect(typedAhead.current).toBe('SHOW TAB')
})

it('takes over the keys pressed while a statement ran', async () => {
  const { shows } = prompt([], 'SHOW TAB')
  await shows('SHOW TAB')
})

it('comes back to an untouched history when a search is given up', async () => {
  const { shows, type, app } = prompt(['SHOW STREAMS;', 'SHOW TABLES;'])
  await shows('forebay>')
  await type(keys.ctrlR, 'STREA')
  await shows('SHOW STREAMS;')
  await type(keys.ctrlC)
  await vi.waitFor(() => expect(app.lastFrame()).not.toContain('STREA'))
  await type(keys.up)
  await shows('SHOW TABLES;')
})

it('tells Delete from Backspace', async () => {
  const { shows, type } = prompt()
  await shows('forebay>')
  await type('abcd', keys.left, keys.left, keys.delete)
  await shows('abd')
  await type(keys.backspace)
  await shows('ad')
})

it('wraps long lines and stays lower than the terminal', async () => {
  const { shows, type, app } = prompt()
  await shows('forebay>')
  await type('x'.repeat(1000))
  await shows('xxx')
  const lines = app.lastFrame()!.split('\n')
  expect(lines.length).toBeLessThan(24)
  expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(40)
})

it('knows the keys apart that arrive together', async () => {
  const { shows, type, onExit } = prompt()
  await shows('forebay>')
  await type('abc\u007f\u007fx')
  await shows('forebay> ax')
  await type('\u0003\u0003\u0003')
  await vi.waitFor(() => expect(onExit).toHaveBeenCalled())
})
