/*
 * Enrichment: orders joined with the customer (a table, by the order's key) and with the product (a global table, by a
 * field of the order). Orders of customers who are not known yet go to a topic of their own.
 *
 *     npm run example -- enrichment-join
 */

import { Log } from 'forebay/log'
import { KafkaStreams, Serdes, StreamsBuilder } from 'forebay/streams'

export interface Order {
  readonly id: number
  readonly product: string
  readonly quantity: number
}

export interface EnrichedOrder {
  readonly id: number
  readonly customer: string | null
  readonly product: string
  readonly total: number
}

interface Customer {
  readonly name: string
}

interface Product {
  readonly title: string
  readonly price: number
}

const string = Serdes.string()

export function enrichmentTopology() {
  const builder = new StreamsBuilder()
  const customers = builder.table('customers', { keySerde: string, valueSerde: Serdes.json<Customer>() })
  const products = builder.globalTable('products', { keySerde: string, valueSerde: Serdes.json<Product>() })
  const enriched = builder
    .stream('orders', { keySerde: string, valueSerde: Serdes.json<Order>() })
    .join(
      products,
      (_customer, order) => order.product,
      ({ id, quantity }, { title, price }) => ({ id, product: title, total: quantity * price }),
    )
    .leftJoin(
      customers,
      (order, customer): EnrichedOrder => ({ ...order, customer: customer?.name ?? null }),
      {
        keySerde: string,
        valueSerde: Serdes.json(),
      },
    )
  const result = { keySerde: string, valueSerde: Serdes.json<EnrichedOrder>() }
  enriched
    .split()
    .branch((_customer, order) => order.customer !== null, {
      consumer: (known) => known.to('enriched-orders', result),
    })
    .defaultBranch({ consumer: (strangers) => strangers.to('orders-of-strangers', result) })
  return builder.build()
}

/** Runs the join over a few records; returns what is in the two result topics. */
export async function runEnrichment(): Promise<{ enriched: EnrichedOrder[]; strangers: EnrichedOrder[] }> {
  const log = Log.memory()
  const topics = ['customers', 'products', 'orders', 'enriched-orders', 'orders-of-strangers']
  await log.admin.createTopics(topics.map((topic) => ({ topic })))
  const producer = log.producer({ keySerde: string, valueSerde: Serdes.json<object>() })
  const write = (topic: string, key: string, value: object, timestamp: number) =>
    producer.write({ topic, key, value, timestamp })
  await write('products', 'tea', { title: 'Darjeeling', price: 7 }, 0)
  await write('products', 'cup', { title: 'Cup', price: 4 }, 0)
  // The task takes records in the order of their times: each order meets the customer as of its own time.
  await write('customers', 'c1', { name: 'Ada' }, 10)
  await write('orders', 'c1', { id: 1, product: 'tea', quantity: 2 }, 20)
  await write('orders', 'c2', { id: 2, product: 'cup', quantity: 1 }, 30)
  await write('customers', 'c2', { name: 'Grace' }, 40)
  await write('customers', 'c1', { name: 'Ada Lovelace' }, 50)
  await write('orders', 'c2', { id: 3, product: 'tea', quantity: 1 }, 60)
  await write('orders', 'c1', { id: 4, product: 'cup', quantity: 6 }, 70)
  await producer.close()

  const streams = new KafkaStreams(enrichmentTopology(), { log, applicationId: 'enrichment' })
  await streams.start()
  await streams.caughtUp()
  await streams.close()
  const read = async (topic: string): Promise<EnrichedOrder[]> => {
    const consumer = log.consumer({ valueSerde: Serdes.json<EnrichedOrder>(), autoOffsetReset: 'earliest' })
    consumer.assign([{ topic, partition: 0 }])
    const records = await consumer.poll(0)
    await consumer.close()
    return records.map(({ value }) => value!)
  }
  const result = { enriched: await read('enriched-orders'), strangers: await read('orders-of-strangers') }
  await log.close()
  return result
}

if (process.argv[1] === import.meta.filename) {
  const { enriched, strangers } = await runEnrichment()
  console.table(enriched)
  console.table(strangers)
}
