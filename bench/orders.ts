/*
 * Orders as JSON of about 112 bytes, the same for the same seed: 10,000 customers, event time over one hour and up to
 * five seconds out of order.
 */

export interface Order {
  order_id: number
  customer_id: string
  region: string
  product: string
  amount: number
  qty: number
  ts: number
}

export const BASE_MS = 1_699_999_980_000
const SPAN_MS = 3_600_000
export const CUSTOMERS = 10_000
const REGIONS = ['eu', 'us', 'apac', 'latam', 'mea']

/** A 32-bit xorshift generator, uniform in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 0x1_0000_0000
  }
}

/** A payment for an order, a second later: what a join on `order_id` finds. */
export interface Payment {
  readonly order_id: number
  readonly paid: number
  readonly method: string
  readonly ts: number
}

export function* payments(count: number): Generator<Payment> {
  for (const { order_id, amount, region, ts } of orders(count)) {
    yield { order_id, paid: amount, method: region, ts: ts + 1000 }
  }
}

export function* orders(count: number, seed = 42, customers = CUSTOMERS): Generator<Order> {
  const next = generator(seed)
  for (let i = 0; i < count; i++) {
    const ts = BASE_MS + Math.floor((i * SPAN_MS) / count) - Math.floor(next() * 5000)
    yield {
      order_id: i,
      customer_id: `c${Math.floor(next() * customers)}`,
      region: REGIONS[Math.floor(next() * REGIONS.length)]!,
      product: `p${Math.floor(next() * 50)}`,
      amount: Math.floor(100 + next() * 9901) / 100,
      qty: 1 + Math.floor(next() * 5),
      ts: Math.max(BASE_MS, ts),
    }
  }
}
