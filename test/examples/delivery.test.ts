import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shipOrders } from '../../examples/delivery-at-least-once.js'
import { notifyOfOrders } from '../../examples/delivery-at-most-once.js'
import { invoiceOrders, readInvoices } from '../../examples/delivery-exactly-once.js'
import { Log } from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'

const ORDERS = 20
/** What one poll of the examples brings. */
const POLLED = 5
const orders = Array.from({ length: ORDERS }, (_, i) => `order-${i}`).sort()

type Run = (log: Log, atWeakPoint?: () => void) => Promise<void>

/**
 * Two ways to die at the weak point of the second poll. 'an exception': the consumer is closed, the same log goes on.
 * 'a kill': nothing is closed; the next process finds the files as they were at that moment.
 */
const deaths = ['an exception', 'a kill'] as const

let home = ''

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'forebay-delivery-'))
})

afterEach(() => rmSync(home, { recursive: true }))

class Died extends Error {}

/** Runs the program until it dies, and then again to its end. Returns the log it ended on. */
async function runTwice(death: (typeof deaths)[number], run: Run): Promise<Log> {
  const [data, leftBehind] = [join(home, 'data'), join(home, 'left-behind')]
  let log = await Log.open({ dataDirectory: data })
  await log.admin.createTopics([{ topic: 'orders', partitions: 2 }, { topic: 'invoices' }])
  const producer = log.producer({ keySerde: stringSerde, valueSerde: stringSerde })
  for (const key of orders) await producer.send({ topic: 'orders', key, value: '10 EUR' })
  let polls = 0
  const die = (): void => {
    if (++polls < 2) return
    if (death === 'a kill') {
      cpSync(data, leftBehind, { recursive: true, filter: (path) => !path.endsWith('.lock') })
    }
    throw new Died()
  }
  await expect(run(log, die)).rejects.toThrow(Died)
  if (death === 'a kill') {
    await log.close()
    log = await Log.open({ dataDirectory: leftBehind })
  }
  await run(log)
  return log
}

describe.each(deaths)('when the consumer dies by %s', (death) => {
  it('loses what was committed but not processed, at most once', async () => {
    const notified: (string | null)[] = []
    const notify = ({ key }: { key: string | null }): void => void notified.push(key)
    const log = await runTwice(death, (log, onCommitted) =>
      notifyOfOrders({ log, notify, ...(onCommitted && { onCommitted }) }),
    )
    expect(new Set(notified).size).toBe(notified.length)
    expect(notified).toHaveLength(ORDERS - POLLED)
    await log.close()
  })

  it('repeats what was processed but not committed, at least once', async () => {
    const shipped: (string | null)[] = []
    const ship = ({ key }: { key: string | null }): void => void shipped.push(key)
    const log = await runTwice(death, (log, onProcessed) =>
      shipOrders({ log, ship, ...(onProcessed && { onProcessed }) }),
    )
    expect([...new Set(shipped)].sort()).toEqual(orders)
    expect(shipped).toHaveLength(ORDERS + POLLED)
    const doubled = shipped.filter((key, i) => shipped.indexOf(key) < i)
    expect(doubled.sort()).toEqual(shipped.slice(POLLED, 2 * POLLED).sort())
    await log.close()
  })

  it('shows each result to readers of committed records exactly once', async () => {
    const log = await runTwice(death, (log, onProcessed) =>
      invoiceOrders({ log, ...(onProcessed && { onProcessed }) }),
    )
    expect((await readInvoices(log, 'read_committed')).sort()).toEqual(orders)
    // The attempt that died is in the log, and is passed over.
    expect(await readInvoices(log, 'read_uncommitted')).toHaveLength(ORDERS + POLLED)
    await log.close()
  })
})
