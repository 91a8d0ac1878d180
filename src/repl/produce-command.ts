import type { CompressionType, Header, Log, Producer } from '../log/index.js'
import { type CommandContext, UsageError, wholeNumber } from './command-context.js'
import { type JsonRecord, recordFromJson } from './record-text.js'

const CODECS: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies CompressionType[]

/** A record from each line of the standard input. */
export async function produce(context: CommandContext, log: Log, topic: string): Promise<number> {
  const { options } = context
  const partition = wholeNumber(options.partition, 'partition')
  const compression = options.compression ?? 'none'
  if (!CODECS.includes(compression)) {
    throw new UsageError(`--compression is one of ${CODECS.join(', ')}, not '${compression}'`)
  }
  const parse = lineParser(context, topic)
  const producer = log.producer({ compression: compression as CompressionType })
  let count = 0
  try {
    await producer.partitionsFor(topic)
    for await (const line of context.input()) {
      if (context.signal.aborted) break
      const full = write(producer, topic, partition, parsed(parse, line, count + 1))
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

function write(
  producer: Producer,
  topic: string,
  partition: number | undefined,
  record: JsonRecord,
): Promise<void> | undefined {
  return producer.write({ topic, ...record, ...(partition === undefined ? {} : { partition }) })
}

function parsed(parse: (line: string) => JsonRecord, line: string, number: number): JsonRecord {
  try {
    return parse(line)
  } catch (error) {
    throw new Error(`line ${number}: ${(error as Error).message}`)
  }
}

function lineParser({ options }: CommandContext, topic: string): (line: string) => JsonRecord {
  const separator = options['key-separator']
  if (separator === '') throw new UsageError('--key-separator is empty')
  if (options['from-json'] === true) {
    if (separator !== undefined || options.key !== undefined) {
      throw new UsageError('--from-json takes keys from the lines: leave --key and --key-separator out')
    }
    return (line) => recordFromJson(line, topic)
  }
  if (separator !== undefined && options.key !== undefined) {
    throw new UsageError('--key and --key-separator exclude each other')
  }
  const headers = (options.header ?? []).map(parseHeader)
  const toBytes = (text: string) =>
    text === '' && options['empty-as-null'] === true ? null : Buffer.from(text)
  const fixedKey = options.key === undefined ? null : Buffer.from(options.key)
  return (line) => {
    if (separator === undefined) return { key: fixedKey, value: toBytes(line), headers }
    const at = line.indexOf(separator)
    if (at < 0) throw new Error(`there is no key separator '${separator}' in it`)
    return { key: toBytes(line.slice(0, at)), value: toBytes(line.slice(at + separator.length)), headers }
  }
}

/** `NAME=VALUE`; `NAME` alone: without a value. */
function parseHeader(text: string): Header {
  const at = text.indexOf('=')
  if (at === 0) throw new UsageError(`--header is NAME=VALUE, not '${text}'`)
  return at < 0
    ? { key: text, value: null }
    : { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }
}
