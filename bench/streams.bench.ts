import { Serdes } from '../src/serde/index.js'
import {
  JoinWindows,
  KafkaStreams,
  StreamsBuilder,
  TimeWindows,
  type Topology,
} from '../src/streams/index.js'
import { type Measurement, measure } from './measure.js'
import type { Order, Payment } from './orders.js'
import {
  type Customer,
  fill,
  MINUTE_MS,
  recordsOf,
  TITLES,
  WORKLOADS,
  type Workload,
  withLog,
  yardstick,
} from './workloads.js'

interface Sum {
  readonly n: number
  readonly total: number
}

const text = Serdes.string()

/** JSON as most would use it: whole values, without a schema. */
function json<V>() {
  return { keySerde: text, valueSerde: Serdes.json<V>() }
}

const empty = (): Sum => ({ n: 0, total: 0 })
const add = (_key: string, order: Order, sum: Sum): Sum => ({ n: sum.n + 1, total: sum.total + order.amount })

const topologies: Readonly<Record<Workload, (builder: StreamsBuilder) => void>> = {
  w2(builder) {
    builder
      .stream('orders', json<Order>())
      .filter((_key, order) => order.amount > 50)
      .mapValues((order, customer_id) => ({
        customer_id,
        order_id: order.order_id,
        total: order.amount * order.qty,
      }))
      .to('result', json())
  },
  w3(builder) {
    builder
      .stream('orders', json<Order>())
      .groupByKey()
      .aggregate(empty, add, { valueSerde: Serdes.json<Sum>() })
      .toStream()
      .to('result', json())
  },
  w4(builder) {
    builder
      .stream('orders', json<Order>())
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE_MS, 24 * 60 * MINUTE_MS))
      .aggregate(empty, add, { valueSerde: Serdes.json<Sum>() })
      .toStream()
      .to('result', { keySerde: Serdes.timeWindowed(text, MINUTE_MS), valueSerde: Serdes.json<Sum>() })
  },
  w5(builder) {
    const customers = builder.table('customers', json<Customer>())
    builder
      .stream('orders', json<Order>())
      .leftJoin(customers, (order, customer) => ({
        order_id: order.order_id,
        amount: order.amount,
        name: customer?.name ?? null,
        tier: customer?.tier ?? null,
      }))
      .to('result', json())
  },
  w6(builder) {
    const paid = builder.stream('payments', json<Payment>())
    builder
      .stream('orders_by_id', json<Order>())
      .join(
        paid,
        (order, payment) => ({ amount: order.amount, paid: payment.paid, method: payment.method }),
        JoinWindows.ofTimeDifferenceAndGrace(10 * MINUTE_MS, 24 * 60 * MINUTE_MS),
        { keySerde: text, valueSerde: Serdes.json<Order>(), otherValueSerde: Serdes.json<Payment>() },
      )
      .to('result', json())
  },
}

const topics: Readonly<Record<Workload, readonly string[]>> = {
  w2: ['orders'],
  w3: ['orders'],
  w4: ['orders'],
  w5: ['orders', 'customers'],
  w6: ['orders_by_id', 'payments'],
}

/** The DSL with lambdas and JSON serdes, on real files, exactly-once. */
export async function benchStreams(): Promise<Measurement[]> {
  const results: Measurement[] = []
  for (const workload of WORKLOADS) {
    results.push(await yardstick(workload))
    await withLog(async (log, stateDir) => {
      for (const topic of topics[workload]) await fill(log, topic)
      let run = 0
      results.push(
        await measure(
          `${TITLES[workload]}, DSL`,
          recordsOf(workload),
          async (timed) => {
            await log.admin.createTopics([{ topic: 'result', partitions: 1 }])
            const applicationId = `${workload}-${run++}`
            const streams = new KafkaStreams(topology(workload), { log, applicationId, stateDir })
            await timed(async () => {
              await streams.start()
              await streams.caughtUp()
            })
            await streams.close()
            const internal = (await log.admin.listTopics()).filter((name) => name.startsWith(applicationId))
            await log.admin.deleteTopics(['result', ...internal])
          },
          'exactly-once',
        ),
      )
    })
  }
  return results
}

function topology(workload: Workload): Topology {
  const builder = new StreamsBuilder()
  topologies[workload](builder)
  return builder.build()
}
