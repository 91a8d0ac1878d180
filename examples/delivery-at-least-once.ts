/*
 * At least once: process, then commit. Who dies in between processes the records of that poll again. Right where a
 * repetition does no harm, because the work is idempotent: writing a row by its key, setting a value.
 *
 *     npm run example -- delivery-at-least-once
 */
import { type ConsumerRecord, Log } from 'forebay/log'
import { Serdes } from 'forebay/streams'

const serdes = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

export interface ShipOptions {
  log: Log
  ship: (order: ConsumerRecord<string, string>) => void | Promise<void>
  /** Called where a crash hurts: after the processing, before the commit. */
  onProcessed?: () => void
}

/** Ships every order there is; a service would go on polling. */
export async function shipOrders({ log, ship, onProcessed }: ShipOptions): Promise<void> {
  const consumer = log.consumer({
    ...serdes,
    groupId: 'shipping',
    // With a name of its own, a member that died is replaced at once, and not after its session timed out.
    groupInstanceId: 'shipping-1',
    enableAutoCommit: false,
    autoOffsetReset: 'earliest',
    maxPollRecords: 5,
  })
  try {
    consumer.subscribe(['orders'])
    for (;;) {
      const orders = await consumer.poll(100)
      if (orders.length === 0 && consumer.assignment().length > 0) return
      for (const order of orders) await ship(order)
      onProcessed?.()
      await consumer.commit()
    }
  } finally {
    await consumer.close()
  }
}

async function demonstrate(): Promise<void> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'orders', partitions: 2 }])
  const producer = log.producer(serdes)
  for (let i = 0; i < 20; i++) await producer.send({ topic: 'orders', key: `order-${i}`, value: `${i} EUR` })

  const shipped: (string | null)[] = []
  const ship = (order: ConsumerRecord<string, string>): void => void shipped.push(order.key)
  let polls = 0
  const crash = (): void => {
    if (++polls === 2) throw new Error('crash before the second commit')
  }
  await shipOrders({ log, ship, onProcessed: crash }).catch((error: Error) => console.log(error.message))
  await shipOrders({ log, ship })
  const orders = new Set(shipped).size
  console.log(`20 orders, ${orders} shipped, ${shipped.length - orders} of them twice`)
  await log.close()
}

if (process.argv[1] === import.meta.filename) await demonstrate()
