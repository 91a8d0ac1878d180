import {
  type FileSystem,
  ManualClock,
  nextEventLoopTurn,
  nodeFiles,
  seededRandom,
} from '../../src/common/index.js'
import {
  type CompressionType,
  type Headers,
  Log,
  type Producer,
  type ProducerOptions,
  type TopicPartition,
} from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'
import type { DumpedRecord } from './dump-output.js'

/* A data directory with one of everything a log file may hold, and what must be found in it. */

export const codecs: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
export const COMPACTED_TOPIC = 'compacted'
export const GROUP = 'readers'
export const TRANSACTIONAL_ID = 'transfers'

const START_MS = 1_700_000_000_000
const DELETE_RETENTION_MS = 60_000
const COMPACTION_INTERVAL_MS = 15_000
const SMALL_SEGMENTS = { 'internal.segment.bytes': '20000', 'index.interval.bytes': '300' }
const TRANSACTION_PARTITIONS = 3

export interface WrittenRecord extends DumpedRecord {
  /** Of an aborted transaction. */
  readonly aborted: boolean
}

/** What went into one partition. */
export interface WrittenPartition {
  readonly records: WrittenRecord[]
  /** First offset of each aborted transaction. */
  readonly abortedFrom: number[]
  commits: number
  aborts: number
}

interface Content {
  readonly key: string | null
  readonly value: string | null
  readonly headers?: Headers
  readonly timestamp?: number
}

interface Sent {
  readonly to: TopicPartition
  readonly offset: number
}

type TextProducer = Producer<string, string>

export class WrittenLog {
  readonly #dataDirectory: string
  readonly #clock = new ManualClock(START_MS)
  readonly #random = seededRandom(7)
  /** Of each producer, what it sent since its last transaction ended. */
  readonly #sent = new Map<TextProducer, Promise<Sent>[]>()
  /** By directory name. */
  readonly partitions = new Map<string, WrittenPartition>()
  /** What GROUP committed last, by directory name. */
  readonly committed = new Map<string, number>()

  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory
  }

  open(dataDirectory = this.#dataDirectory): Promise<Log> {
    return Log.open({
      dataDirectory,
      fileSystem: unsyncedFiles,
      clock: this.#clock,
      random: this.#random,
      compactionIntervalMs: COMPACTION_INTERVAL_MS,
    })
  }

  /** Everything, in a log that stays open. */
  async write(): Promise<Log> {
    const log = await this.open()
    for (const codec of codecs) await this.#writeCodec(log, codec)
    await this.#writeAppendTime(log)
    await this.#writeTransactions(log)
    await this.#commitOffsets(log)
    await this.#writeCompacted(log)
    return log
  }

  async #writeCodec(log: Log, codec: CompressionType): Promise<void> {
    const topic = `codec-${codec}`
    await log.admin.createTopics([{ topic, configs: SMALL_SEGMENTS }])
    const producer = this.#producer(log, { compression: codec, batchSize: 700 })
    const to = { topic, partition: 0 }
    for (let i = 0; i < 1_000; i++) {
      this.#send(producer, to, {
        key: i % 5 === 0 ? null : i % 7 === 0 ? '' : `schlüssel-${i % 50}`,
        value: i % 11 === 0 ? null : i % 13 === 0 ? '' : `value ${i} ${'äx'.repeat(i % 40)}`,
        // Now and then a record is late.
        timestamp: START_MS + (i % 17 === 0 ? i * 10 - 5_000 : i * 10),
        headers: i % 3 === 0 ? someHeaders(i) : [],
      })
    }
    this.#send(producer, to, {
      key: 'large',
      value: 'large value '.repeat(50_000),
      timestamp: START_MS + 20_000,
    })
    // Of noise, so that codecs make it no smaller.
    const noise = this.#random.fill(Buffer.alloc(200_000)).toString('base64')
    this.#send(producer, to, { key: 'noise', value: noise, timestamp: START_MS + 20_000 })
    this.#send(producer, to, { key: 'last', value: 'last', timestamp: START_MS })
    await this.#settle(producer)
    await producer.close()
  }

  async #writeAppendTime(log: Log): Promise<void> {
    const topic = 'append-time'
    const configs = {
      ...SMALL_SEGMENTS,
      'message.timestamp.type': 'LogAppendTime',
      'compression.type': 'gzip',
    }
    await log.admin.createTopics([{ topic, configs }])
    const producer = this.#producer(log, { idempotence: false, acks: 1 })
    for (let i = 0; i < 300; i++) {
      this.#clock.advance(1)
      this.#send(producer, { topic, partition: 0 }, { key: `${i}`, value: `at append ${i}`, timestamp: 5 })
      if (i % 10 === 9) await this.#settle(producer)
    }
    await this.#settle(producer)
    await producer.close()
  }

  /** Two transactional producers by turns in the same partitions; every third transaction aborts. */
  async #writeTransactions(log: Log): Promise<void> {
    const topic = 'transactions'
    await log.admin.createTopics([{ topic, partitions: TRANSACTION_PARTITIONS, configs: SMALL_SEGMENTS }])
    const producers = [TRANSACTIONAL_ID, 'audits'].map((transactionalId) =>
      this.#producer(log, { transactionalId, batchSize: 500, compression: 'lz4' }),
    )
    for (const producer of producers) await producer.initTransactions()
    for (let round = 0; round < 30; round++) {
      for (const producer of producers) producer.beginTransaction()
      for (let i = 0; i < 20; i++) {
        for (const [p, producer] of producers.entries()) {
          const to = { topic, partition: (i + round + p) % TRANSACTION_PARTITIONS }
          const content = { key: `${p}`, value: `round ${round} record ${i}`, timestamp: START_MS + round }
          this.#send(producer, to, content, aborts(round, p))
        }
        if (i % 6 === 0) for (const producer of producers) await this.#settle(producer)
      }
      for (const [p, producer] of producers.entries()) await this.#end(producer, aborts(round, p))
    }
    for (const producer of producers) await producer.close()
  }

  async #commitOffsets(log: Log): Promise<void> {
    const topic = 'codec-none'
    const consumer = log.consumer({ groupId: GROUP, autoOffsetReset: 'earliest', enableAutoCommit: false })
    consumer.subscribe([topic])
    await consumer.poll()
    await consumer.commit()
    const producer = this.#producer(log, { transactionalId: TRANSACTIONAL_ID })
    await producer.initTransactions()
    producer.beginTransaction()
    await consumer.poll()
    const offset = await consumer.position({ topic, partition: 0 })
    await producer.sendOffsetsToTransaction([{ topic, partition: 0, offset }], consumer.groupMetadata())
    await producer.commitTransaction()
    this.committed.set(`${topic}-0`, offset)
    await producer.close()
    await consumer.close()
  }

  /** Two rounds of compaction, the second after tombstones may go. */
  async #writeCompacted(log: Log): Promise<void> {
    const topic = COMPACTED_TOPIC
    const configs = {
      'cleanup.policy': 'compact',
      'internal.segment.bytes': '8000',
      'index.interval.bytes': '200',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': String(DELETE_RETENTION_MS),
    }
    await log.admin.createTopics([{ topic, configs }])
    const producer = this.#producer(log, {
      transactionalId: 'compacting',
      batchSize: 400,
      compression: 'gzip',
    })
    await producer.initTransactions()
    const to = { topic, partition: 0 }
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1_500; i++) {
        if (i % 50 === 0) producer.beginTransaction()
        const aborted = i % 200 >= 150
        const key = `key-${(i * 7) % (i < 1_000 ? 40 : 25)}`
        const value = i % 9 === 0 ? null : `round ${round} value ${i}`
        this.#send(
          producer,
          to,
          { key, value, timestamp: this.#clock.now(), headers: someHeaders(i) },
          aborted,
        )
        if (i % 50 === 49) await this.#end(producer, aborted)
      }
      await this.#compacted(log)
      this.#clock.advance(DELETE_RETENTION_MS + 1)
    }
    await producer.close()
  }

  /** Lets the log compact until it finds nothing more to do. */
  async #compacted(log: Log): Promise<void> {
    for (let size = -1; ; ) {
      this.#clock.advance(COMPACTION_INTERVAL_MS)
      for (let turn = 0; turn < 100; turn++) await nextEventLoopTurn()
      const [description] = await log.admin.describeTopics([COMPACTED_TOPIC])
      const { sizeBytes } = description!.partitions[0]!
      if (sizeBytes === size) return
      size = sizeBytes
    }
  }

  #producer(log: Log, options: ProducerOptions<string, string>): TextProducer {
    return log.producer({ keySerde: stringSerde, valueSerde: stringSerde, ...options })
  }

  #send(producer: TextProducer, to: TopicPartition, content: Content, aborted = false): void {
    const { key, value, headers = [] } = content
    const { records } = this.#partition(to)
    const sent = producer.send({ ...to, ...content }).then(({ offset, timestamp }) => {
      records.push({ offset, timestamp, key, value, headerKeys: headers.map((h) => h.key), aborted })
      return { to, offset }
    })
    const mine = this.#sent.get(producer) ?? []
    this.#sent.set(producer, mine)
    mine.push(sent)
  }

  async #settle(producer: TextProducer): Promise<void> {
    await producer.flush()
    await Promise.all(this.#sent.get(producer) ?? [])
  }

  async #end(producer: TextProducer, aborted: boolean): Promise<void> {
    await this.#settle(producer)
    await (aborted ? producer.abortTransaction() : producer.commitTransaction())
    const first = new Map<WrittenPartition, number>()
    for (const { to, offset } of await Promise.all(this.#sent.get(producer) ?? [])) {
      const partition = this.#partition(to)
      first.set(partition, Math.min(offset, first.get(partition) ?? offset))
    }
    this.#sent.delete(producer)
    for (const [partition, offset] of first) {
      if (aborted) partition.abortedFrom.push(offset)
      partition[aborted ? 'aborts' : 'commits']++
    }
  }

  #partition({ topic, partition }: TopicPartition): WrittenPartition {
    const name = `${topic}-${partition}`
    let written = this.partitions.get(name)
    if (written === undefined) {
      written = { records: [], abortedFrom: [], commits: 0, aborts: 0 }
      this.partitions.set(name, written)
    }
    return written
  }
}

/** Real files, but what runs off the event loop is done at once: compaction is over after so many turns. */
const unsyncedFiles: FileSystem = {
  ...nodeFiles,
  open(path, mode) {
    const file = nodeFiles.open(path, mode)
    file.syncAsync = () => Promise.resolve()
    return file
  },
  syncDirectoryAsync: () => Promise.resolve(),
}

function aborts(round: number, producer: number): boolean {
  return (round + producer) % 3 === 0
}

/** With a null value and a key that comes twice. */
function someHeaders(i: number): Headers {
  return [
    { key: 'trace', value: Buffer.from(`trace-${i}`) },
    { key: 'nothing', value: null },
    { key: 'trace', value: Buffer.alloc(0) },
  ]
}
