/*
 * Asynchronous enrichment: each order asks an HTTP service for the customer's credit. The service is slow, sometimes
 * busy, and does not know everybody:
 *
 *     503            is tried again, after growing pauses
 *     404            will not get better: the order goes to a dead letter topic
 *     no answer      counts as failed after half a second, and is tried again
 *
 * At most eight calls are in flight, and orders of one customer stay in order. An order that waits for its answer is kept
 * over commits and restarts, so each is checked exactly once, and a slow call delays no commit.
 *
 *     npm run example -- async-enrichment
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Log } from 'forebay/log'
import { KafkaStreams, Serdes, StreamsBuilder } from 'forebay/streams'

export interface Order {
  readonly id: number
  readonly amount: number
}

export interface CheckedOrder extends Order {
  readonly accepted: boolean
}

const string = Serdes.string()

class HttpError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the credit service answered ${status}`)
    this.status = status
  }
}

export function asyncEnrichmentTopology(creditService: string) {
  const builder = new StreamsBuilder()
  builder
    .stream('orders', { keySerde: string, valueSerde: Serdes.json<Order>() })
    .mapValuesAsync(
      async (order, customer, { signal }): Promise<CheckedOrder> => {
        const response = await fetch(`${creditService}/credit/${customer}?order=${order.id}`, { signal })
        if (!response.ok) throw new HttpError(response.status)
        const { credit } = (await response.json()) as { credit: number }
        return { ...order, accepted: order.amount <= credit }
      },
      {
        name: 'credit-check',
        concurrency: 8,
        ordering: 'key',
        timeoutMs: 500,
        retry: {
          attempts: 5,
          backoffMs: 10,
          retryIf: (error) => !(error instanceof HttpError) || error.status === 503,
        },
        onError: { deadLetterTopic: 'unchecked-orders' },
      },
    )
    .to('checked-orders', { keySerde: string, valueSerde: Serdes.json<CheckedOrder>() })
  return builder.build()
}

/**
 * The service on loopback. It is busy when it is asked for every third order the first time, and gives no answer when it
 * is asked for order 2 the first time.
 */
export async function startCreditService(): Promise<{ url: string; calls: () => number; close: () => void }> {
  const credits: Readonly<Record<string, number>> = { ada: 1000, bob: 50, mallory: 10 }
  const asked = new Set<number>()
  let calls = 0
  const server = createServer((request, response) => {
    calls++
    const url = new URL(request.url!, 'http://127.0.0.1')
    const credit = credits[url.pathname.split('/').pop()!]
    const order = Number(url.searchParams.get('order'))
    const first = !asked.has(order)
    asked.add(order)
    if (first && order === 2) return
    if (first && order % 3 === 0) response.writeHead(503).end()
    else if (credit === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ credit }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, calls: () => calls, close }
}

export interface AsyncEnrichmentResult {
  readonly checked: readonly [customer: string, order: CheckedOrder][]
  /** Customers and reasons of the orders that could not be checked. */
  readonly unchecked: readonly [customer: string, reason: string][]
  /** Calls of the service, repeated ones included. */
  readonly calls: number
}

export async function runAsyncEnrichment(
  orders: readonly [customer: string, order: Order][],
): Promise<AsyncEnrichmentResult> {
  const service = await startCreditService()
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'orders', partitions: 2 }, { topic: 'checked-orders' }])
  const producer = log.producer({ keySerde: string, valueSerde: Serdes.json<Order>() })
  for (const [key, value] of orders) await producer.write({ topic: 'orders', key, value })
  await producer.close()

  const streams = new KafkaStreams(asyncEnrichmentTopology(service.url), {
    log,
    applicationId: 'async-enrichment',
  })
  await streams.start()
  await streams.caughtUp()
  await streams.close()
  service.close()

  const read = async (topic: string) => {
    const consumer = log.consumer({
      keySerde: string,
      valueSerde: Serdes.json<CheckedOrder>(),
      autoOffsetReset: 'earliest',
    })
    consumer.assign([{ topic, partition: 0 }])
    const records = await consumer.poll(0)
    await consumer.close()
    return records
  }
  const checked = (await read('checked-orders')).map(({ key, value }): [string, CheckedOrder] => [
    key!,
    value!,
  ])
  const unchecked = (await read('unchecked-orders')).map(({ key, headers }): [string, string] => {
    const reason = headers.find((header) => header.key === '__streams.errors.message')!
    return [key!, Buffer.from(reason.value!).toString()]
  })
  await log.close()
  return { checked, unchecked, calls: service.calls() }
}

export const someOrders: readonly [customer: string, order: Order][] = Array.from({ length: 40 }, (_, id) => [
  ['ada', 'bob', 'mallory', 'nobody'][id % 4]!,
  { id, amount: id * 10 },
])

if (process.argv[1] === import.meta.filename) {
  const { checked, unchecked, calls } = await runAsyncEnrichment(someOrders)
  console.table(checked.map(([customer, order]) => ({ customer, ...order })))
  console.log(`${unchecked.length} orders could not be checked; the service was called ${calls} times`)
}
