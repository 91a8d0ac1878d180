import { expect, it } from 'vitest'
import { systemClock } from '../../../src/common/index.js'
import { StreamsBuilder } from '../../../src/streams/index.js'
import { logWith, produce, read, run, texts } from './app-kit.js'

it('goes on committing when the clock is set back', async () => {
  const log = await logWith({ in: 1, out: 1 })
  let now = 10_000_000
  const builder = new StreamsBuilder()
  builder.stream('in', texts).to('out', texts)
  const streams = run(log, builder.build(), {
    commitIntervalMs: 100,
    clock: { ...systemClock, now: () => now++ },
  })
  await streams.start()
  await produce(log, 'in', [{ key: 'a', value: 'before' }])
  await read(log, 'out', 1)
  now -= 3_600_000
  await produce(log, 'in', [{ key: 'a', value: 'after' }])
  expect((await read(log, 'out', 2)).map(({ value }) => value)).toEqual(['before', 'after'])
  await streams.close()
  await log.close()
})
