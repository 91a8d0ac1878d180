import { expect, it } from 'vitest'
import { RebalanceSchedule } from './rebalances.js'

/*
 * FOREBAY_SEEDS=5000 runs that many schedules, FOREBAY_SEEDS=1234-1240 those seeds alone.
 */

const [first, last] = seeds(process.env['FOREBAY_SEEDS'] ?? '100')

function seeds(text: string): [number, number] {
  const [from, to] = text.split('-').map(Number)
  return to === undefined ? [1, from!] : [from!, to]
}

it(`results are those of an undisturbed run while instances come, go, crash and stall (seeds ${first} to ${last})`, async () => {
  const failures: string[] = []
  for (let seed = first; seed <= last && failures.length < 5; seed++) {
    const schedule = new RebalanceSchedule(seed)
    await schedule.run().catch((error: unknown) => {
      const story = `\n  ${schedule.story.join('\n  ')}`
      const text = error instanceof Error ? (first === last ? error.stack : error.message) : String(error)
      failures.push(`seed ${seed}: ${text}${story}`)
    })
  }
  expect(failures).toEqual([])
}, 3_600_000)
