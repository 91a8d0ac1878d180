import { describe, expect, it } from 'vitest'
import { assertTopic } from '../../../src/sql/engine/assert-topic.js'
import type { StatementResult } from '../../../src/sql/statements/statement-result.js'
import { type CatalogueFixture, catalogue, messageOf, parsed } from './catalogue-fixture.js'

type Ending = { readonly result: StatementResult } | { readonly error: unknown }

function asserting(fixture: CatalogueFixture, sql: string) {
  const { log, clock, settings } = fixture
  let ending: Ending | null = null
  const done = assertTopic(parsed('assertTopic', sql), { admin: log.admin, clock, settings }).then(
    (result): Ending => (ending = { result }),
    (error: unknown): Ending => (ending = { error }),
  )
  return { done, ended: () => ending !== null }
}

/** Moves the clock step by step, letting what is due run in between. */
async function pass({ clock }: CatalogueFixture, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    clock.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function refusal(fixture: CatalogueFixture, sql: string, waitMs = 1000): Promise<string> {
  const { done } = asserting(fixture, sql)
  await new Promise((resolve) => setImmediate(resolve))
  await pass(fixture, waitMs)
  const ending = await done
  if (!('error' in ending)) throw new Error(`${sql} holds`)
  return (ending.error as Error).message
}

describe('ASSERT TOPIC', () => {
  it('holds at once for a topic that is there', async () => {
    const fixture = catalogue()
    await fixture.log.admin.createTopics([{ topic: 't', partitions: 2 }])
    const ending = await asserting(fixture, 'ASSERT TOPIC t WITH (PARTITIONS = 2, REPLICAS = 1);').done
    expect('result' in ending && messageOf(ending.result)).toBe('Topic t exists')
  })

  it('waits for the topic until its TIMEOUT', async () => {
    const fixture = catalogue()
    const { done, ended } = asserting(fixture, 'ASSERT TOPIC t TIMEOUT 10 SECONDS;')
    await new Promise((resolve) => setImmediate(resolve))
    await pass(fixture, 9000)
    expect(ended()).toBe(false)
    await fixture.log.admin.createTopics([{ topic: 't' }])
    await pass(fixture, 200)
    expect(await done).toHaveProperty('result')
  })

  it('fails after a second without a TIMEOUT, or after what the settings say', async () => {
    const fixture = catalogue()
    expect(await refusal(fixture, 'ASSERT TOPIC t;')).toBe('Topic t does not exist.')
    fixture.engine = { 'ksql.assert.topic.default.timeout.ms': '3000' }
    const { done, ended } = asserting(fixture, 'ASSERT TOPIC t;')
    await new Promise((resolve) => setImmediate(resolve))
    await pass(fixture, 2500)
    expect(ended()).toBe(false)
    await pass(fixture, 600)
    expect(await done).toHaveProperty('error')
  })

  it('names all that differs', async () => {
    const fixture = catalogue()
    await fixture.log.admin.createTopics([{ topic: 't' }])
    const sql = "ASSERT TOPIC t WITH (PARTITIONS = 'apples', REPLICAS = 3, COLOUR = 'red');"
    expect((await refusal(fixture, sql)).split('\n')).toEqual([
      'Mismatched configuration for topic t: For config partitions, expected apples got 1',
      'Mismatched configuration for topic t: For config replicas, expected 3 got 1',
      'Cannot assert unknown topic property: COLOUR',
    ])
  })

  it('with NOT EXISTS waits until the topic is gone', async () => {
    const fixture = catalogue()
    expect(await asserting(fixture, 'ASSERT NOT EXISTS TOPIC t;').done).toHaveProperty('result')
    await fixture.log.admin.createTopics([{ topic: 't' }])
    expect(await refusal(fixture, 'ASSERT NOT EXISTS TOPIC t;')).toBe('Topic t exists')
    const { done } = asserting(fixture, 'ASSERT NOT EXISTS TOPIC t TIMEOUT 5 SECONDS;')
    await new Promise((resolve) => setImmediate(resolve))
    await fixture.log.admin.deleteTopics(['t'])
    await pass(fixture, 200)
    expect(await done).toHaveProperty('result')
  })
})
