import { expect, it } from 'vitest'
import { runEnrichment } from '../../examples/enrichment-join.js'
import { runAlarms, someMeasurements } from '../../examples/punctuator.js'
import { runSessions, someVisits } from '../../examples/sessions.js'
import { runClicks, someClicks } from '../../examples/windowed-count-suppress.js'
import { runWordCount } from '../../examples/word-count.js'

it('word-count counts words', async () => {
  expect(await runWordCount(['To be, or not to be:', 'that is the question'])).toEqual([
    ['be', 2],
    ['to', 2],
    ['is', 1],
    ['not', 1],
    ['or', 1],
    ['question', 1],
    ['that', 1],
    ['the', 1],
  ])
})

it('windowed-count-suppress sends one final count for each hour that has closed', async () => {
  const { counts, tooLate } = await runClicks(someClicks)
  expect(counts).toEqual([
    { page: '/', hour: '2026-01-01T09', clicks: 3 },
    { page: '/docs', hour: '2026-01-01T09', clicks: 1 },
    { page: '/', hour: '2026-01-01T10', clicks: 1 },
    { page: '/docs', hour: '2026-01-01T10', clicks: 1 },
  ])
  expect(tooLate).toEqual([{ page: '/', hour: '2026-01-01T09' }])
})

it('enrichment-join meets the customer as of the order', async () => {
  const { enriched, strangers } = await runEnrichment()
  expect(enriched).toEqual([
    { id: 1, customer: 'Ada', product: 'Darjeeling', total: 14 },
    { id: 3, customer: 'Grace', product: 'Darjeeling', total: 7 },
    { id: 4, customer: 'Ada Lovelace', product: 'Cup', total: 24 },
  ])
  expect(strangers).toEqual([{ id: 2, customer: null, product: 'Cup', total: 4 }])
})

it('sessions grow together when a late record closes the gap', async () => {
  expect(await runSessions(someVisits, 'ada')).toEqual([
    { visitor: 'ada', minutes: 55, pages: ['/', '/docs', '/pricing', '/faq'] },
    { visitor: 'ada', minutes: 0, pages: ['/order'] },
  ])
})

it('punctuator raises an alarm for each silence, once', () => {
  expect(runAlarms(someMeasurements)).toEqual(['6: fridge silent for 5 min', '16: fridge silent for 7 min'])
})
