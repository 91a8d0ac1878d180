/*
 * Exactly-once ETL: payments → balances (Streams) → a SQLite table (forebay/connect). The application fails in the
 * middle, with payments processed and not committed; it begins again from its last commit, and the sink keeps its
 * position in the database it writes to. Every payment counts once.
 *
 *     npm run example -- exactly-once-etl [DIRECTORY]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runSink, sqliteSink } from 'forebay/connect'
import { Log } from 'forebay/log'
import { KafkaStreams, Serdes, StreamsBuilder } from 'forebay/streams'

export interface Payment {
  readonly account: string
  readonly cents: number
}

interface Balance {
  readonly payments: number
  readonly cents: number
}

const string = Serdes.string()
const empty = (): Balance => ({ payments: 0, cents: 0 })

/** `onPayment` sees every payment as it is processed, and may throw. */
export function balancesTopology(onPayment: (payment: Payment) => void = () => {}) {
  const builder = new StreamsBuilder()
  builder
    .stream('payments', { keySerde: string, valueSerde: Serdes.json<Payment>() })
    .peek((_id, payment) => onPayment(payment))
    .groupBy((_id, payment) => payment.account, { keySerde: string, valueSerde: Serdes.json<Payment>() })
    .aggregate(
      empty,
      (_account, { cents }, balance) => ({ payments: balance.payments + 1, cents: balance.cents + cents }),
      { store: 'balances', valueSerde: Serdes.json<Balance>() },
    )
    .toStream()
    .to('balances', { keySerde: string, valueSerde: Serdes.json<Balance>() })
  return builder.build()
}

export interface ExactlyOnceOptions {
  /** Where log, state and the table go. */
  readonly directory: string
  readonly payments: readonly Payment[]
  /** The application fails, once, at each of these payments (by their number). */
  readonly failAt: readonly number[]
}

/** Writes table `balances` of `balances.db`; returns how often the application had to begin again. */
export async function runExactlyOnceEtl(options: ExactlyOnceOptions): Promise<number> {
  const { directory, payments, failAt } = options
  mkdirSync(directory, { recursive: true })
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  try {
    await log.admin.createTopics(
      [
        { topic: 'payments', partitions: 2, configs: { 'retention.ms': '-1' } },
        { topic: 'balances', partitions: 2, configs: { 'cleanup.policy': 'compact' } },
      ],
      { ifNotExists: true },
    )
    const producer = log.producer({ keySerde: string, valueSerde: Serdes.json<Payment>() })
    for (const [i, value] of payments.entries()) {
      await producer.write({ topic: 'payments', key: `payment-${i}`, value })
    }
    await producer.close()

    let processed = 0
    const failures = new Set(failAt)
    const topology = balancesTopology(() => {
      if (failures.delete(processed++)) throw new Error('the power is gone')
    })
    const streams = new KafkaStreams(topology, {
      log,
      applicationId: 'balances',
      stateDir: join(directory, 'state'),
      uncaughtExceptionHandler: () => 'REPLACE_THREAD',
    })
    await streams.start()
    await streams.caughtUp()
    const { restarts } = streams.metrics()
    await streams.close()

    await runSink(log, {
      topic: 'balances',
      keySerde: string,
      valueSerde: Serdes.json<Balance>(),
      sink: sqliteSink<string, Balance>({
        path: join(directory, 'balances.db'),
        table: 'balances',
        columns: [
          { name: 'account', type: 'TEXT', primaryKey: true },
          { name: 'payments', type: 'INTEGER' },
          { name: 'cents', type: 'INTEGER' },
        ],
        toRow: ({ key, value }) => [key, value?.payments ?? null, value?.cents ?? null],
      }),
    })
    return restarts
  } finally {
    await log.close()
  }
}

export const somePayments: readonly Payment[] = Array.from({ length: 500 }, (_, i) => ({
  account: ['ada', 'bob', 'cem'][i % 3]!,
  cents: i,
}))

if (process.argv[1] === import.meta.filename) {
  const directory = process.argv[2] ?? 'forebay-data/exactly-once-etl'
  const restarts = await runExactlyOnceEtl({ directory, payments: somePayments, failAt: [100, 333] })
  console.log(`${join(directory, 'balances.db')}: table balances, after ${restarts} restarts`)
}
