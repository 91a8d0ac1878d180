import { expect, it } from 'vitest'
import { GroupSchedule } from './group-simulation.js'
import { runSchedules } from './simulation/run-schedules.js'

it('a group gives each partition to one member at a time, and every record is processed', async () => {
  expect(await runSchedules((seed) => new GroupSchedule(seed), 600)).toEqual([])
}, 3_600_000)
