/*
 * Exactly once, from topic to topic: results and consumer offsets are committed in one transaction. Who dies before
 * the commit leaves nothing that readers of committed records see; the next start settles it and reads again.
 *
 *     npm run example -- delivery-exactly-once
 */
import { type Consumer, Log, type OffsetCommit } from 'forebay/log'
import { Serdes } from 'forebay/streams'

const serdes = { keySerde: Serdes.string(), valueSerde: Serdes.string() }

export interface InvoiceOptions {
  log: Log
  /** Called where a crash hurts: everything is written, nothing is committed. */
  onProcessed?: () => void
}

/** Writes an invoice for every order there is; a service would go on polling. */
export async function invoiceOrders({ log, onProcessed }: InvoiceOptions): Promise<void> {
  const producer = log.producer({ ...serdes, transactionalId: 'invoicing-1' })
  const consumer = log.consumer({
    ...serdes,
    groupId: 'invoicing',
    // With a name of its own, a member that died is replaced at once, and not after its session timed out.
    groupInstanceId: 'invoicing-1',
    enableAutoCommit: false,
    isolationLevel: 'read_committed',
    autoOffsetReset: 'earliest',
    maxPollRecords: 5,
  })
  try {
    // Aborts the transaction that an earlier owner of the id left open, and keeps that owner out from now on.
    await producer.initTransactions()
    consumer.subscribe(['orders'])
    for (;;) {
      const orders = await consumer.poll(100)
      if (orders.length === 0 && consumer.assignment().length > 0) return
      producer.beginTransaction()
      for (const { key, value } of orders) {
        await producer.write({ topic: 'invoices', key, value: `to pay: ${value}` })
      }
      await producer.flush()
      await producer.sendOffsetsToTransaction(await positions(consumer), consumer.groupMetadata())
      onProcessed?.()
      await producer.commitTransaction()
    }
  } finally {
    await producer.close()
    await consumer.close()
  }
}

function positions(consumer: Consumer<string, string>): Promise<OffsetCommit[]> {
  return Promise.all(
    consumer.assignment().map(async (partition) => ({
      ...partition,
      offset: await consumer.position(partition),
    })),
  )
}

/** Keys of all invoices, as readers with this isolation level see them. */
export async function readInvoices(
  log: Log,
  isolationLevel: 'read_committed' | 'read_uncommitted',
): Promise<(string | null)[]> {
  const consumer = log.consumer({ ...serdes, isolationLevel, autoOffsetReset: 'earliest' })
  consumer.assign([{ topic: 'invoices', partition: 0 }])
  const keys: (string | null)[] = []
  for (;;) {
    const invoices = await consumer.poll(0)
    if (invoices.length === 0) break
    for (const invoice of invoices) keys.push(invoice.key)
  }
  await consumer.close()
  return keys
}

async function demonstrate(): Promise<void> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'orders', partitions: 2 }, { topic: 'invoices' }])
  const producer = log.producer(serdes)
  for (let i = 0; i < 20; i++) await producer.send({ topic: 'orders', key: `order-${i}`, value: `${i} EUR` })

  let polls = 0
  const crash = (): void => {
    if (++polls === 2) throw new Error('crash before the second commit')
  }
  await invoiceOrders({ log, onProcessed: crash }).catch((error: Error) => console.log(error.message))
  await invoiceOrders({ log })
  const written = await readInvoices(log, 'read_uncommitted')
  const committed = await readInvoices(log, 'read_committed')
  console.log(
    `20 orders, ${written.length} invoices written, ${committed.length} committed, ` +
      `for ${new Set(committed).size} orders`,
  )
  await log.close()
}

if (process.argv[1] === import.meta.filename) await demonstrate()
