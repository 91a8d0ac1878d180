import type { Consumer, Log, TopicPartition } from '../log/index.js'
import { type CommandContext, timeOf, UsageError, wholeNumber } from './command-context.js'
import { type BytesRecord, compileFormat, readable, recordToJson } from './record-text.js'

/**
 * Prints up to the end that the topic has now: nobody else can write to a log that this process owns. With a group,
 * what was printed is committed at the end.
 */
export async function consume(context: CommandContext, log: Log, topic: string): Promise<number> {
  const { options, out, signal } = context
  const max = wholeNumber(options.max, 'max') ?? Number.POSITIVE_INFINITY
  const show = printer(context)
  const start = startOf(context)
  const consumer = log.consumer({
    autoOffsetReset: 'earliest',
    enableAutoCommit: false,
    isolationLevel: options['read-committed'] === true ? 'read_committed' : 'read_uncommitted',
    ...(options.group === undefined ? {} : { groupId: options.group }),
  })
  const partitions = await partitionsOf(context, log, topic)
  consumer.assign(partitions)
  await start(consumer, partitions)
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

function printer({ options }: CommandContext): (record: BytesRecord) => string {
  const separator = options['key-separator']
  if (options.format !== undefined && separator !== undefined) {
    throw new UsageError('--format and --key-separator exclude each other: a format names the key as %k')
  }
  if (options.json === true) return recordToJson
  if (options.format !== undefined) return compileFormat(options.format)
  if (separator !== undefined) return ({ key, value }) => `${readable(key)}${separator}${readable(value)}`
  return ({ value }) => readable(value)
}

type Start = (consumer: Consumer, partitions: readonly TopicPartition[]) => void | Promise<void>

/** Where reading begins: as kcat's -o. Without it, where the group stopped, or at the beginning. */
function startOf({ options }: CommandContext): Start {
  const { offset } = options
  if (offset !== undefined && options['from-beginning'] === true) {
    throw new UsageError('--offset and --from-beginning exclude each other')
  }
  if (options['from-beginning'] === true || offset === 'beginning')
    return (consumer) => consumer.seekToBeginning()
  if (offset === undefined) return () => {}
  if (offset === 'end') return (consumer) => consumer.seekToEnd()
  if (offset.startsWith('s@')) return seekToTime(timeOf(offset.slice(2)))
  if (!/^-?\d{1,15}$/.test(offset)) {
    throw new UsageError(`--offset is N, -N, beginning, end or s@TIME, not '${offset}'`)
  }
  const wanted = Number(offset)
  return async (consumer, partitions) => {
    const starts = await consumer.beginningOffsets(partitions)
    const ends = await consumer.endOffsets(partitions)
    for (const [i, partition] of partitions.entries()) {
      const from = offset.startsWith('-') ? ends[i]! + wanted : wanted
      consumer.seek(partition, Math.min(Math.max(from, starts[i]!), ends[i]!))
    }
  }
}

function seekToTime(timestamp: number): Start {
  return async (consumer, partitions) => {
    const found = await consumer.offsetsForTimes(partitions.map((partition) => ({ partition, timestamp })))
    const ends = await consumer.endOffsets(partitions)
    for (const [i, partition] of partitions.entries()) {
      consumer.seek(partition, found[i]?.offset ?? ends[i]!)
    }
  }
}

async function partitionsOf({ options }: CommandContext, log: Log, topic: string): Promise<TopicPartition[]> {
  const only = wholeNumber(options.partition, 'partition')
  const [described] = await log.admin.describeTopics([topic])
  const all = described!.partitions.map(({ partition }) => ({ topic, partition }))
  const chosen = only === undefined ? all : all.filter(({ partition }) => partition === only)
  if (chosen.length === 0) throw new Error(`topic '${topic}' has no partition ${only}`)
  return chosen
}
