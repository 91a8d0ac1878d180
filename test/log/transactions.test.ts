import { describe, expect, it } from 'vitest'
import { type FileSystem, ManualClock, MemoryFiles } from '../../src/common/index.js'
import { type Admin, Log, type Producer } from '../../src/log/index.js'
import { at, dataDirectory, readValues, storages, text } from './log-fixture.js'

async function transactional(
  log: Log,
  transactionalId = 'tx',
  transactionTimeoutMs = 60_000,
): Promise<Producer<string, string>> {
  const producer = log.producer({ ...text, transactionalId, transactionTimeoutMs })
  await producer.initTransactions()
  return producer
}

const topics = (admin: Admin) =>
  admin.createTopics([{ topic: 'a', partitions: 2 }, { topic: 'b' }], { ifNotExists: true })
const everywhere = [at('a', 0), at('a', 1), at('b')]

function writeEverywhere(producer: Producer<string, string>, value: string): void {
  for (const { topic, partition } of everywhere) producer.write({ topic, partition, value })
}

describe.each(storages)('transactions over %s', (storage) => {
  async function openWithTopics() {
    const log = await dataDirectory(storage).open()
    await topics(log.admin)
    return log
  }

  it('shows committed records of all partitions, and only after the commit', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    producer.beginTransaction()
    writeEverywhere(producer, 'one')
    await producer.flush()
    expect(await readValues(log, everywhere, 'read_committed')).toEqual([])
    expect(await readValues(log, everywhere, 'read_uncommitted')).toEqual(['one', 'one', 'one'])
    await producer.commitTransaction()
    expect(await readValues(log, everywhere, 'read_committed')).toEqual(['one', 'one', 'one'])
  })

  it('closes in good order when a fenced producer with an open transaction is left over', async () => {
    const log = await openWithTopics()
    const zombie = await transactional(log)
    zombie.beginTransaction()
    writeEverywhere(zombie, 'lost')
    await zombie.flush()
    const unaware = await transactional(log)
    unaware.beginTransaction()
    writeEverywhere(unaware, 'lost too')
    await transactional(log)
    expect(() => unaware.beginTransaction()).toThrow()
    await expect(unaware.flush()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    await log.close()
  })

  it('never shows aborted records under read_committed, nor markers to anybody', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    for (const [value, commit] of [
      ['good 1', true],
      ['bad', false],
      ['good 2', true],
    ] as const) {
      producer.beginTransaction()
      writeEverywhere(producer, value)
      await producer.flush()
      if (commit) await producer.commitTransaction()
      else await producer.abortTransaction()
    }
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual(['good 1', 'good 2'])
    expect(await readValues(log, [at('b')], 'read_uncommitted')).toEqual(['good 1', 'bad', 'good 2'])
    const consumer = log.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    consumer.assign([at('b')])
    let records = 0
    for (const batch of await consumer.pollBatches()) records += batch.decode().count
    expect(records).toBe(2)
    // The position passes over what is not shown.
    expect(await consumer.position(at('b'))).toBe(6)
  })

  it('aborts records that were never sent, and goes on with the next transaction', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    producer.beginTransaction()
    const sent = producer.send({ topic: 'b', value: 'unsent' })
    sent.catch(() => {})
    await producer.abortTransaction()
    await expect(sent).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    producer.beginTransaction()
    producer.write({ topic: 'b', value: 'kept' })
    await producer.commitTransaction()
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual(['kept'])
  })

  it('keeps the records of two producers in one partition apart', async () => {
    const log = await openWithTopics()
    const [one, two] = [await transactional(log, 'one'), await transactional(log, 'two')]
    one.beginTransaction()
    two.beginTransaction()
    for (let i = 0; i < 3; i++) {
      one.write({ topic: 'b', value: `one ${i}` })
      await one.flush()
      two.write({ topic: 'b', value: `two ${i}` })
      await two.flush()
    }
    await two.commitTransaction()
    // The earlier transaction is still open: nothing beyond its beginning is stable.
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual([])
    await one.abortTransaction()
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual(['two 0', 'two 1', 'two 2'])
  })

  it('wakes read_committed readers when the transaction commits', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    const consumer = log.consumer({ ...text, isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    consumer.assign([at('b')])
    const polled = consumer.poll(60_000)
    producer.beginTransaction()
    producer.write({ topic: 'b', value: 'v' })
    await producer.flush()
    await producer.commitTransaction()
    expect((await polled).map((record) => record.value)).toEqual(['v'])
  })

  it('commits offsets with the records, or neither', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    const group = { groupId: 'g', generationId: -1, memberId: '' }
    const committed = async () => (await log.admin.groupOffsets('g')).map(({ offset }) => offset)
    producer.beginTransaction()
    await producer.sendOffsetsToTransaction([{ ...at('a'), offset: 5 }], group)
    expect(await committed()).toEqual([])
    await producer.commitTransaction()
    expect(await committed()).toEqual([5])
    producer.beginTransaction()
    await producer.sendOffsetsToTransaction([{ ...at('a'), offset: 9 }], group)
    await producer.abortTransaction()
    expect(await committed()).toEqual([5])
  })

  it('makes readers of the group wait for offsets that a transaction has staged', async () => {
    const log = await openWithTopics()
    for (let i = 0; i < 10; i++) await log.producer(text).send({ topic: 'b', value: String(i) })
    const producer = await transactional(log)
    producer.beginTransaction()
    const group = { groupId: 'g', generationId: -1, memberId: '' }
    await producer.sendOffsetsToTransaction([{ ...at('b'), offset: 7 }], group)
    const consumer = log.consumer({
      ...text,
      groupId: 'g',
      isolationLevel: 'read_committed',
      autoOffsetReset: 'earliest',
    })
    consumer.assign([at('b')])
    expect(await consumer.poll(0)).toEqual([])
    const polled = consumer.poll(60_000)
    const committed = consumer.committed([at('b')])
    await producer.commitTransaction()
    expect(await committed).toMatchObject([{ offset: 7 }])
    expect((await polled).map((record) => record.value)).toEqual(['7', '8', '9'])
  })

  it('fences the earlier producer of a transactional id, and aborts what it left open', async () => {
    const log = await openWithTopics()
    const zombie = await transactional(log)
    zombie.beginTransaction()
    writeEverywhere(zombie, 'zombie')
    await zombie.flush()
    const successor = await transactional(log)
    zombie.write({ topic: 'b', value: 'late' })
    await expect(zombie.commitTransaction()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(() => zombie.beginTransaction()).toThrow(/fenced/)
    successor.beginTransaction()
    successor.write({ topic: 'b', value: 'mine' })
    await successor.commitTransaction()
    expect(await readValues(log, everywhere, 'read_committed')).toEqual(['mine'])
  })

  it('aborts a transaction that takes longer than its timeout, and fences its producer', async () => {
    const clock = new ManualClock(1_000)
    const log = await dataDirectory(storage).open({ clock })
    await topics(log.admin)
    const producer = await transactional(log, 'slow', 5_000)
    producer.beginTransaction()
    producer.write({ topic: 'b', value: 'slow' })
    await producer.flush()
    clock.advance(5_000)
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual([])
    const [end] = await log.consumer({ isolationLevel: 'read_committed' }).endOffsets([at('b')])
    expect(end).toBe(2)
    await expect(producer.commitTransaction()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  })

  it('must be aborted after a failed record', async () => {
    const log = await openWithTopics()
    const producer = await transactional(log)
    producer.beginTransaction()
    producer.write({ topic: 'b', value: 'fine' })
    producer.write({ topic: 'b', value: 'x'.repeat(2_000_000) })
    await expect(producer.commitTransaction()).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await expect(producer.commitTransaction()).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    await producer.abortTransaction()
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual([])
  })

  it('commits and aborts nothing without complaint, and refuses calls out of order', async () => {
    const log = await openWithTopics()
    const fresh = log.producer({ ...text, transactionalId: 'order' })
    expect(() => fresh.beginTransaction()).toThrow(/initTransactions first/)
    await fresh.initTransactions()
    expect(() => fresh.write({ topic: 'b', value: 'v' })).toThrow(/beginTransaction first/)
    await expect(fresh.commitTransaction()).rejects.toThrow(/beginTransaction first/)
    fresh.beginTransaction()
    expect(() => fresh.beginTransaction()).toThrow(/is open/)
    await fresh.commitTransaction()
    fresh.beginTransaction()
    await fresh.abortTransaction()
    expect(() => log.producer(text).beginTransaction()).toThrow(/no transactionalId/)
    const impatient = log.producer({ transactionalId: 'i', transactionTimeoutMs: 1_000_000_000 })
    await expect(impatient.initTransactions()).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_TIMEOUT' })
  })

  it('is durable step by step where topics ask for it', async () => {
    const log = await dataDirectory(storage).open({ flush: { messages: 1 } })
    await topics(log.admin)
    const producer = await transactional(log)
    for (let i = 0; i < 3; i++) {
      producer.beginTransaction()
      writeEverywhere(producer, `v${i}`)
      await producer.commitTransaction()
    }
    expect(await readValues(log, [at('b')], 'read_committed')).toEqual(['v0', 'v1', 'v2'])
  })

  it('aborts after a crash what was not decided', async () => {
    const fixture = dataDirectory(storage)
    const log = await fixture.openMortal({ clock: new ManualClock(1_000) })
    await topics(log.admin)
    const producer = await transactional(log)
    producer.beginTransaction()
    writeEverywhere(producer, 'kept')
    await producer.commitTransaction()
    producer.beginTransaction()
    writeEverywhere(producer, 'lost')
    await producer.sendOffsetsToTransaction([{ ...at('a'), offset: 5 }], {
      groupId: 'g',
      generationId: -1,
      memberId: '',
    })
    await producer.flush()

    const again = await fixture.open()
    const partition = [at('b')]
    expect(await readValues(again, partition, 'read_committed')).toEqual(['kept'])
    expect(await again.admin.groupOffsets('g')).toEqual([])
    const [stable] = await again.consumer({ isolationLevel: 'read_committed' }).endOffsets(partition)
    const [end] = await again.consumer().endOffsets(partition)
    expect(stable).toBe(end)
    const successor = await transactional(again)
    successor.beginTransaction()
    successor.write({ topic: 'b', value: 'next' })
    await successor.commitTransaction()
    expect(await readValues(again, partition, 'read_committed')).toEqual(['kept', 'next'])
  })
})

/**
 * Lets `budget` changes through, then the process is as good as dead: every call that changes files throws. The
 * first write that fails leaves half of its bytes.
 */
function mortal(files: FileSystem, budget: number): FileSystem {
  let left = budget
  const spend = () => {
    if (left-- <= 0) throw Object.assign(new Error('the process was killed'), { code: 'EIO' })
  }
  const changing = new Set(['write', 'truncate', 'remove', 'rename', 'writeFileAtomic', 'makeDirectory'])
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const member: unknown = Reflect.get(object, name)
        if (typeof member !== 'function') return member
        if (name === 'lock') return () => ({ release() {} })
        return (...args: unknown[]) => {
          if (name === 'write' && left === 0) {
            const [bytes, position] = args as [Uint8Array, number]
            member.apply(object, [bytes.subarray(0, bytes.length >> 1), position])
          }
          if (changing.has(String(name))) spend()
          const result: unknown = member.apply(object, args)
          return name === 'open' ? wrap(result as object) : result
        }
      },
    })
  return wrap(files)
}

describe('a transaction over three partitions and the offsets', () => {
  it('is whole or not at all after a crash at any write', async () => {
    // Opening, registering and four transactions take 51 changes; the last budgets let all of them through.
    for (let budget = 0; budget <= 54; budget++) {
      const files = new MemoryFiles()
      const setup = await Log.open({ dataDirectory: '/data', fileSystem: files })
      await topics(setup.admin)
      await setup.close()

      const acknowledged: string[] = []
      const group = { groupId: 'g', generationId: -1, memberId: '' }
      try {
        const dying = await Log.open({
          dataDirectory: '/data',
          fileSystem: mortal(files, budget),
          clock: new ManualClock(1_000),
        })
        const producer = await transactional(dying)
        for (let i = 0; i < 4; i++) {
          producer.beginTransaction()
          writeEverywhere(producer, `t${i}`)
          await producer.sendOffsetsToTransaction([{ ...at('a'), offset: i + 1 }], group)
          if (i === 2) await producer.abortTransaction()
          else {
            await producer.commitTransaction()
            acknowledged.push(`t${i}`)
          }
        }
      } catch {
        // Died on the way.
      }

      // The recovery may be cut off as well.
      for (let changes = 0; changes < 10; changes += 3) {
        const fileSystem = mortal(files, changes)
        await Log.open({ dataDirectory: '/data', fileSystem, clock: new ManualClock(1_000) }).catch(() => {})
      }

      const log = await Log.open({ dataDirectory: '/data', fileSystem: files })
      const [first, ...others] = await Promise.all(
        everywhere.map((partition) => readValues(log, [partition], 'read_committed')),
      )
      for (const values of others) expect(values).toEqual(first)
      expect(first).not.toContain('t2')
      // One more than acknowledged may be there: decided, but the answer was lost.
      expect(first!.slice(0, acknowledged.length)).toEqual(acknowledged)
      expect(first!.length - acknowledged.length).toBeLessThanOrEqual(1)
      const [offset] = await log.admin.groupOffsets('g')
      expect(offset?.offset ?? 0).toBe(first!.length === 0 ? 0 : Number(first!.at(-1)!.slice(1)) + 1)
      await log.close()
    }
  })
})
