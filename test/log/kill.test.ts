import { afterAll, expect, it } from 'vitest'
import { ManualClock } from '../../src/common/index.js'
import type { Log } from '../../src/log/index.js'
import { at, dataDirectory, readAll, readValues } from './log-fixture.js'
import { compileProducingProcess, startProducing } from './producing.js'

/* A process that produces is killed, again and again, on one data directory. FOREBAY_KILLS=1000 kills that often. */

const KILLS = Number(process.env['FOREBAY_KILLS'] ?? 50)
const { script, remove } = compileProducingProcess()
afterAll(remove)

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))
/** The numbers that were acknowledged as `kind`. */
const acknowledgedAs = (kind: string, lines: readonly string[]) =>
  lines.filter((line) => line.startsWith(`${kind} `)).map((line) => Number(line.split(' ')[1]))

async function check(log: Log, acknowledged: { plain: number[]; pair: number[] }): Promise<void> {
  const plain = await readAll(log, [at('plain')])
  expect(plain.map((record) => record.value)).toEqual(numbers(plain.length))
  expect(plain.map((record) => record.offset)).toEqual(plain.map((_, i) => i))
  expect(plain.length).toBeGreaterThan(acknowledged.plain.at(-1) ?? -1)

  const left = await readValues(log, [at('pair', 0)], 'read_committed')
  const right = await readValues(log, [at('pair', 1)], 'read_committed')
  expect(left).toEqual(right)
  expect(left).toEqual([...new Set(left)].sort((a, b) => Number(a) - Number(b)))
  expect(left).toEqual(expect.arrayContaining(acknowledged.pair.map(String)))
  const [group] = await log.admin.groupOffsets('g')
  expect(group?.offset).toBe(left.length === 0 ? undefined : Number(left.at(-1)))

  const keyed = await readAll(log, [at('keyed')])
  const newest = new Map(keyed.map(({ key, value }) => [key, Number(value)]))
  for (const i of acknowledged.plain.slice(-7)) {
    for (const k of [0, 1, 2]) expect(newest.get(`k${(i + k) % 7}`)).toBeGreaterThanOrEqual(i)
  }
}

it(`loses nothing that was acknowledged, and doubles nothing, when its process is killed ${KILLS} times`, async () => {
  const fixture = dataDirectory('files')
  const acknowledged: { plain: number[]; pair: number[] } = { plain: [], pair: [] }
  for (let round = 0; round < KILLS; round++) {
    const producing = startProducing(script, fixture.path)
    // Every fifth dies while it opens what the one before left.
    const enough = round % 5 === 4 ? 1 : 2 + ((round * 7) % 23)
    await producing.until((lines) => lines.length >= enough)
    await producing.kill()
    acknowledged.plain.push(...acknowledgedAs('plain', producing.lines))
    acknowledged.pair.push(...acknowledgedAs('pair', producing.lines))
    if (round % 5 < 3) continue
    // One in two looks ends without a close, as the process before it did. Its clock stands still: nothing is due.
    const dies = round % 2 === 0
    const clock = new ManualClock(1_000)
    const log = dies ? await fixture.openMortal({ clock }) : await fixture.open({ clock })
    await check(log, acknowledged)
    if (!dies) await log.close()
  }
  expect(acknowledged.pair.length).toBeGreaterThan(KILLS)
}, 600_000)
