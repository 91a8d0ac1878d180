import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AssignmentClient, assignTasks } from '../../../src/streams/runtime/task-assignment.js'

const clientsOf = (lags: readonly (readonly [number, number][])[]): AssignmentClient[] =>
  lags.map((held, i) => ({
    memberId: `m${i}`,
    lags: new Map(held.map(([task, lag]) => [`0_${task}`, lag + 1])),
    canRun: () => true,
  }))

it('gives every task to one client, evenly, with standbys elsewhere; and the same again once all run', () => {
  const held = fc.array(fc.tuple(fc.nat(9), fc.nat(3)), { maxLength: 8 })
  fc.assert(
    fc.property(
      fc.nat(10),
      fc.array(held, { minLength: 1, maxLength: 5 }),
      fc.nat(2),
      (count, lags, replicas) => {
        const tasks = Array.from({ length: count }, (_, i) => ({ taskId: `0_${i}`, stateful: i % 3 > 0 }))
        const clients = clientsOf(lags)
        const shares = assignTasks(tasks, clients, replicas)
        const loads = [...shares.values()].map(({ active }) => active.length)
        expect([...shares.values()].flatMap(({ active }) => active).sort()).toEqual(
          tasks.map(({ taskId }) => taskId).sort(),
        )
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        for (const { taskId, stateful } of tasks) {
          const copies = [...shares.values()].filter(({ standby }) => standby.includes(taskId))
          expect(copies.length).toBe(stateful ? Math.min(replicas, clients.length - 1) : 0)
          expect(copies.every(({ active }) => !active.includes(taskId))).toBe(true)
        }
        const running = clients.map((client) => ({
          ...client,
          lags: new Map([
            ...client.lags,
            ...shares.get(client.memberId)!.active.map((taskId) => [taskId, 0] as const),
          ]),
        }))
        const again = assignTasks(tasks, running, replicas)
        for (const [memberId, { active }] of again) {
          expect([...active].sort()).toEqual([...shares.get(memberId)!.active].sort())
        }
      },
    ),
  )
})
