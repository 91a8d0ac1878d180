/*
 * At most once: commit, then process. Who dies in between loses the records of that poll, and does nothing twice.
 * For what is worth less than a repetition: metrics, notifications.
 *
 *     npm run example -- delivery-at-most-once
 */
import { type ConsumerRecord, Log } from 'forebay/log'
import { Serdes } from 'forebay/streams'

const serdes = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

export interface NotifyOptions {
  log: Log
  notify: (order: ConsumerRecord<string, string>) => void | Promise<void>
  /** Called where a crash hurts: after the commit, before the processing. */
  onCommitted?: () => void
}

/** Notifies about every order there is; a service would go on polling. */
export async function notifyOfOrders({ log, notify, onCommitted }: NotifyOptions): Promise<void> {
  const consumer = log.consumer({
    ...serdes,
    groupId: 'notifications',
    // With a name of its own, a member that died is replaced at once, and not after its session timed out.
    groupInstanceId: 'notifications-1',
    enableAutoCommit: false,
    autoOffsetReset: 'earliest',
    maxPollRecords: 5,
  })
  try {
    consumer.subscribe(['orders'])
    for (;;) {
      const orders = await consumer.poll(100)
      if (orders.length === 0 && consumer.assignment().length > 0) return
      await consumer.commit()
      onCommitted?.()
      for (const order of orders) await notify(order)
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

  const notified = new Set<string | null>()
  const notify = (order: ConsumerRecord<string, string>): void => void notified.add(order.key)
  let polls = 0
  const crash = (): void => {
    if (++polls === 2) throw new Error('crash after the second commit')
  }
  await notifyOfOrders({ log, notify, onCommitted: crash }).catch((error: Error) =>
    console.log(error.message),
  )
  await notifyOfOrders({ log, notify })
  console.log(`20 orders, ${notified.size} notifications, ${20 - notified.size} lost`)
  await log.close()
}

if (process.argv[1] === import.meta.filename) await demonstrate()
