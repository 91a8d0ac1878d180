import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Log } from '../src/log/index.js'
import { type Measurement, measure } from './measure.js'
import { BASE_MS, CUSTOMERS, type Order, orders, type Payment, payments } from './orders.js'

/*
 * The workloads, and for each the yardstick: a plain loop with JSON.parse and JSON.stringify over bytes in memory, which
 * keeps its state in Maps and writes nothing. Results are made for every record there, so it does what "every update"
 * would be.
 */

export const RECORDS = Number(process.env['BENCH_ORDERS'] ?? 1_000_000)
/** The window of W4, and half of that of W6. */
export const MINUTE_MS = 60_000

export const TITLES = {
  w2: 'W2 filter and project',
  w3: 'W3 count and sum by 10,000 keys',
  w4: 'W4 the same in 1-minute windows',
  w5: 'W5 orders LEFT JOIN customers table',
  w6: 'W6 orders JOIN payments WITHIN 10 MINUTES',
} as const

export type Workload = keyof typeof TITLES

/** BENCH_WORKLOADS picks some, by their numbers: `w2,w4`. */
export const WORKLOADS = Object.keys(TITLES).filter((workload) =>
  (process.env['BENCH_WORKLOADS'] ?? workload).split(',').includes(workload),
) as Workload[]

/** How many records a workload reads. */
export function recordsOf(workload: Workload): number {
  return workload === 'w6' ? 2 * RECORDS : RECORDS
}

interface Line {
  readonly key: Buffer
  readonly value: Buffer
  readonly ts: number
}

export interface Customer {
  readonly name: string
  readonly tier: string
}

/** Topics: `orders` by customer, `customers`, `orders_by_id` and `payments` by order. */
function* linesOf(topic: string, records = RECORDS): Generator<Line> {
  if (topic === 'customers') {
    for (let i = 0; i < CUSTOMERS; i++) yield line(`c${i}`, { name: `Customer ${i}`, tier: 'gold' }, BASE_MS)
  } else if (topic === 'payments') {
    for (const { order_id, ...rest } of payments(records)) yield line(String(order_id), rest, rest.ts)
  } else if (topic === 'orders_by_id') {
    for (const { order_id, ...rest } of orders(records)) yield line(String(order_id), rest, rest.ts)
  } else {
    const keys = topic === 'orders' ? CUSTOMERS : Number(topic.slice('orders_'.length))
    for (const { customer_id, ...rest } of orders(records, 42, keys)) yield line(customer_id, rest, rest.ts)
  }
}

function line(key: string, value: object, ts: number): Line {
  return { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), ts }
}

export async function fill(log: Log, topic: string, records = RECORDS): Promise<void> {
  await log.admin.createTopics([{ topic, partitions: 1, configs: { 'retention.ms': '-1' } }])
  const producer = log.producer({ batchSize: 65_536 })
  for (const { key, value, ts } of linesOf(topic, records)) {
    const full = producer.write({ topic, key, value, timestamp: ts })
    if (full !== undefined) await full
  }
  await producer.close()
}

/** Calls `body` with an empty log on real files, and a directory for state. */
export async function withLog(body: (log: Log, stateDirectory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-bench-'))
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  try {
    await body(log, join(directory, 'state'))
  } finally {
    await log.close()
    rmSync(directory, { recursive: true })
  }
}

export function yardstick(workload: Workload): Promise<Measurement> {
  const lines = [...linesOf(workload === 'w6' ? 'orders_by_id' : 'orders')]
  const others = workload === 'w6' ? [...linesOf('payments')] : []
  const work = () => (workload === 'w6' ? loopJoin(lines, others) : loops[workload](lines))
  const name = `   loop with JSON.parse: ${workload.toUpperCase()}`
  return measure(name, recordsOf(workload), (timed) => timed(() => check(work())), 'yardstick')
}

function check(bytes: number): void {
  if (bytes === 0) throw new Error('the loop made nothing')
}

function sizeOf(row: object): number {
  return Buffer.from(JSON.stringify(row)).length
}

type ParsedOrder = Omit<Order, 'customer_id'>

const loops = {
  w2(lines: readonly Line[]): number {
    let bytes = 0
    for (const { key, value } of lines) {
      const order = JSON.parse(value.toString()) as ParsedOrder
      if (order.amount <= 50) continue
      bytes += sizeOf({
        CUSTOMER_ID: key.toString(),
        ORDER_ID: order.order_id,
        TOTAL: order.amount * order.qty,
      })
    }
    return bytes
  },

  w3(lines: readonly Line[]): number {
    const sums = new Map<string, { n: number; total: number }>()
    let bytes = 0
    for (const { key, value } of lines) bytes += addTo(sums, key.toString(), JSON.parse(value.toString()))
    return bytes
  },

  w4(lines: readonly Line[]): number {
    const windows = new Map<number, Map<string, { n: number; total: number }>>()
    let bytes = 0
    for (const { key, value } of lines) {
      const order = JSON.parse(value.toString()) as ParsedOrder
      const start = order.ts - (order.ts % MINUTE_MS)
      let sums = windows.get(start)
      if (sums === undefined) windows.set(start, (sums = new Map()))
      bytes += addTo(sums, key.toString(), order)
    }
    return bytes
  },

  w5(lines: readonly Line[]): number {
    const customers = new Map<string, Customer>()
    for (const { key, value } of linesOf('customers'))
      customers.set(key.toString(), JSON.parse(value.toString()))
    let bytes = 0
    for (const { key, value } of lines) {
      const { order_id, amount } = JSON.parse(value.toString()) as ParsedOrder
      const id = key.toString()
      const customer = customers.get(id)
      bytes += sizeOf({ id, order_id, amount, name: customer?.name ?? null, tier: customer?.tier ?? null })
    }
    return bytes
  },
}

function addTo(sums: Map<string, { n: number; total: number }>, id: string, order: ParsedOrder): number {
  let sum = sums.get(id)
  if (sum === undefined) sums.set(id, (sum = { n: 0, total: 0 }))
  sum.n++
  sum.total += order.amount
  return sizeOf({ N: sum.n, TOTAL: sum.total })
}

/** Both sides in the order of time, each remembering its own; nothing is ever forgotten. */
function loopJoin(left: readonly Line[], right: readonly Line[]): number {
  const orderOf = new Map<string, Omit<Order, 'order_id'>>()
  const paymentOf = new Map<string, Omit<Payment, 'order_id'>>()
  let bytes = 0
  let l = 0
  let r = 0
  const within = 10 * MINUTE_MS
  while (l < left.length || r < right.length) {
    const isLeft = r >= right.length || (l < left.length && left[l]!.ts <= right[r]!.ts)
    const { key, value } = isLeft ? left[l++]! : right[r++]!
    const id = key.toString()
    const row = JSON.parse(value.toString()) as never
    if (isLeft) orderOf.set(id, row)
    else paymentOf.set(id, row)
    const order = orderOf.get(id)
    const payment = paymentOf.get(id)
    if (order === undefined || payment === undefined || Math.abs(order.ts - payment.ts) > within) continue
    bytes += sizeOf({ id, amount: order.amount, paid: payment.paid, method: payment.method })
  }
  return bytes
}
