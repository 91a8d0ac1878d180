import { expect, it } from 'vitest'
import { runAsyncEnrichment, someOrders } from '../../examples/async-enrichment.js'

it('checks every order once and in order, in spite of a busy, silent and ignorant service', async () => {
  const { checked, unchecked, calls } = await runAsyncEnrichment(someOrders)
  const credits: Record<string, number> = { ada: 1000, bob: 50, mallory: 10 }
  for (const customer of Object.keys(credits)) {
    const expected = someOrders
      .filter(([name]) => name === customer)
      .map(([, order]) => ({ ...order, accepted: order.amount <= credits[customer]! }))
    expect(checked.filter(([name]) => name === customer).map(([, order]) => order)).toEqual(expected)
  }
  expect(checked.length).toBe(30)
  expect(unchecked).toEqual(Array.from({ length: 10 }, () => ['nobody', 'the credit service answered 404']))
  // 40 orders, 14 first answers of 503, and one that never came; a slow machine may add calls that time out.
  expect(calls).toBeGreaterThanOrEqual(40 + 14 + 1)
})
