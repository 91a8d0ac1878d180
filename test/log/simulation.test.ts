import { expect, it } from 'vitest'
import { runSchedules } from './simulation/run-schedules.js'
import { Schedule } from './simulation/schedule.js'

it('a log keeps its promises through crashes, power cuts and failing disks', async () => {
  expect(await runSchedules((seed) => new Schedule(seed), 1000)).toEqual([])
}, 3_600_000)
