import { type Log, Log as Logs } from '../../../src/log/index.js'
import { app } from './count-app.js'

/* Runs the counting application on a log on disk, and says a line before and after each commit, until it is killed. */

const [dataDirectory, stateDir] = process.argv.slice(2) as [string, string]

function telling(log: Log): Log {
  return {
    admin: log.admin,
    consumer: (options) => log.consumer(options),
    close: () => log.close(),
    producer(options) {
      const producer = log.producer(options)
      return new Proxy(producer as object, {
        get(target, name) {
          const member = Reflect.get(target, name) as unknown
          if (typeof member !== 'function') return member
          if (name !== 'commitTransaction') return member.bind(target)
          return async () => {
            process.stdout.write('commits\n')
            await member.call(target)
            process.stdout.write('committed\n')
          }
        },
      }) as ReturnType<typeof log.producer<never, never>>
    },
  }
}

const log = await Logs.open({ dataDirectory })
const streams = app(telling(log), { stateDir })
await streams.start()
process.stdout.write('running\n')
await streams.finished()
process.stdout.write(`ended ${String(streams.failure)}\n`)
