import type { CompressionType, ConsumerRecord, Log, TopicPartition } from '../log/index.js'
import { stringSerde } from '../serde/index.js'
import { type CommandContext, UsageError, wholeNumber } from './command-context.js'

const CODECS: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies CompressionType[]

/** A record from each line; with a key separator, what stands before its first occurrence is the key. */
export async function produce(context: CommandContext, log: Log, topic: string): Promise<number> {
  const { options } = context
  const partition = wholeNumber(options.partition, 'partition')
  const compression = options.compression ?? 'none'
  if (!CODECS.includes(compression)) {
    throw new UsageError(`--compression is one of ${CODECS.join(', ')}, not '${compression}'`)
  }
  const separator = options['key-separator']
  if (separator === '') throw new UsageError('--key-separator is empty')
  const producer = log.producer({
    keySerde: stringSerde,
    valueSerde: stringSerde,
    compression: compression as CompressionType,
  })
  let count = 0
  try {
    await producer.partitionsFor(topic)
    for await (const line of context.input()) {
      if (context.signal.aborted) break
      const at = separator === undefined ? -1 : line.indexOf(separator)
      if (separator !== undefined && at < 0) {
        throw new Error(`line ${count + 1} has no key separator '${separator}'`)
      }
      const full = producer.write({
        topic,
        ...(partition === undefined ? {} : { partition }),
        key: at < 0 ? null : line.slice(0, at),
        value: separator === undefined ? line : line.slice(at + separator.length),
      })
      if (full !== undefined) await full
      count++
    }
    await producer.flush()
  } finally {
    await producer.close()
  }
  if (options.json === true) context.out(JSON.stringify({ topic, records: count }))
  else context.error(`${count} record${count === 1 ? '' : 's'} written to ${topic}`)
  return context.signal.aborted ? 130 : 0
}

/**
 * Prints up to the end that the topic has now: nobody else can write to a log that this process owns. With a group,
 * what was printed is committed at the end.
 */
export async function consume(context: CommandContext, log: Log, topic: string): Promise<number> {
  const { options, out, signal } = context
  const max = wholeNumber(options.max, 'max') ?? Number.POSITIVE_INFINITY
  const format = options.format === undefined ? null : compileFormat(options.format)
  const show = options.json === true ? asJson : (format ?? ((record) => readable(record.value)))
  const consumer = log.consumer({
    autoOffsetReset: 'earliest',
    enableAutoCommit: false,
    isolationLevel: options['read-committed'] === true ? 'read_committed' : 'read_uncommitted',
    ...(options.group === undefined ? {} : { groupId: options.group }),
  })
  const partitions = await partitionsOf(context, log, topic)
  consumer.assign(partitions)
  if (options['from-beginning'] === true) consumer.seekToBeginning()
  const ends = await consumer.endOffsets(partitions)
  const done = async () => {
    const positions = await Promise.all(partitions.map((partition) => consumer.position(partition)))
    return positions.every((position, i) => position >= ends[i]!)
  }
  const next = new Map<number, number>()
  let count = 0
  while (count < max && !signal.aborted && !(await done())) {
    for (const record of await consumer.poll(0)) {
      if (count === max) break
      out(show(record))
      next.set(record.partition, record.offset + 1)
      count++
    }
  }
  if (options.group !== undefined) {
    await consumer.commit([...next].map(([partition, offset]) => ({ topic, partition, offset })))
  }
  await consumer.close()
  return signal.aborted ? 130 : 0
}

async function partitionsOf({ options }: CommandContext, log: Log, topic: string): Promise<TopicPartition[]> {
  const only = wholeNumber(options.partition, 'partition')
  const [described] = await log.admin.describeTopics([topic])
  const all = described!.partitions.map(({ partition }) => ({ topic, partition }))
  const chosen = only === undefined ? all : all.filter(({ partition }) => partition === only)
  if (chosen.length === 0) throw new Error(`topic '${topic}' has no partition ${only}`)
  return chosen
}

type BytesRecord = ConsumerRecord<Uint8Array, Uint8Array>

function asJson({ topic, partition, offset, timestamp, key, value, headers }: BytesRecord): string {
  const shown = headers.map((header) => ({ key: header.key, value: jsonBytes(header.value) }))
  return JSON.stringify({
    topic,
    partition,
    offset,
    timestamp,
    key: jsonBytes(key),
    value: jsonBytes(value),
    ...(shown.length === 0 ? {} : { headers: shown }),
  })
}

/** The text of bytes that are UTF-8; other bytes as `{base64}`. */
function jsonBytes(bytes: Uint8Array | null): unknown {
  if (bytes === null) return null
  const text = utf8(bytes)
  return text ?? { base64: Buffer.from(bytes).toString('base64') }
}

function readable(bytes: Uint8Array | null): string {
  if (bytes === null) return 'NULL'
  return utf8(bytes) ?? `0x${Buffer.from(bytes).toString('hex')}`
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function utf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

/** As kcat's -f. A line break at the end is implied. */
function compileFormat(format: string): (record: BytesRecord) => string {
  const unknown = /%[^tpoTksh%]/.exec(format)
  if (unknown !== null) throw new UsageError(`--format does not know ${unknown[0]}`)
  return (record) =>
    format.replaceAll(/%[tpoTksh%]|\\[nt]/g, (token) => {
      switch (token) {
        case '%t':
          return record.topic
        case '%p':
          return String(record.partition)
        case '%o':
          return String(record.offset)
        case '%T':
          return String(record.timestamp)
        case '%k':
          return readable(record.key)
        case '%s':
          return readable(record.value)
        case '%h':
          return record.headers.map((h) => `${h.key}=${readable(h.value)}`).join(',')
        case '\\n':
          return '\n'
        case '\\t':
          return '\t'
        default:
          return '%'
      }
    })
}
