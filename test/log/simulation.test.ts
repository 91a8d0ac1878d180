import { expect, it } from 'vitest'
import { Schedule } from './simulation/schedule.js'

/*
 * FOREBAY_SEEDS=5000 runs that many schedules, FOREBAY_SEEDS=1234-1240 those seeds alone.
 */

const [first, last] = seeds(process.env['FOREBAY_SEEDS'] ?? '1000')

function seeds(text: string): [number, number] {
  const [from, to] = text.split('-').map(Number)
  return to === undefined ? [1, from!] : [from!, to]
}

it(`keeps its promises through crashes, power cuts and failing disks (seeds ${first} to ${last})`, async () => {
  const failures: string[] = []
  for (let seed = first; seed <= last && failures.length < 5; seed++) {
    const schedule = new Schedule(seed)
    await schedule.run().catch((error: unknown) => {
      const story = first === last ? `\n  ${schedule.story.join('\n  ')}` : ''
      failures.push(
        `seed ${seed}: ${error instanceof Error ? (first === last ? error.stack : error.message) : error}${story}`,
      )
    })
  }
  expect(failures).toEqual([])
}, 3_600_000)
