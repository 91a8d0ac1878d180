/*
 * W1 beside a real Kafka: its own performance tools against a broker on this machine, and the same in this process.
 *
 *     npm run bench:peer
 *
 * Needs Java 17 and Maven; without them it says so and ends well. BENCH_RUNS: runs of each, default 5.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KAFKA_VERSION, kafkaTools, missingPrograms, type RunTool } from '../../test/peer/kafka-tools.js'
import { benchLog } from '../log.bench.js'
import { formatHeader, median, RUNS } from '../measure.js'
import { KafkaBroker } from './kafka-broker.js'

const RECORDS = 2_000_000
const RECORD_BYTES = 100
const TOPIC = 'w1'
/** Larger batches than the default, and memory for them: what a Kafka user would set for throughput. */
const BATCHING = ['batch.size=262144', 'linger.ms=5', 'buffer.memory=134217728']
const FETCHING = ['max.poll.records=5000', 'max.partition.fetch.bytes=4194304', 'fetch.max.bytes=52428800']

interface PeerRow {
  readonly name: string
  readonly rates: readonly number[]
  /** The workload of this process to compare with, by its name in the bench. */
  readonly beside: string
}

const variants = [
  { name: 'produce, acks=1', settings: ['acks=1', 'enable.idempotence=false'], beside: 'no compression' },
  { name: 'produce, acks=all, idempotent', settings: ['acks=all'], beside: 'no compression' },
  {
    name: 'produce, acks=all, lz4',
    settings: ['acks=all', 'compression.type=lz4'],
    beside: 'lz4',
  },
] as const

class Peer {
  readonly #runTool: RunTool
  readonly #address: string

  constructor(runTool: RunTool, address: string) {
    this.#runTool = runTool
    this.#address = address
  }

  produce(settings: readonly string[]): number {
    const args = ['--topic', TOPIC, '--num-records', String(RECORDS), '--record-size', String(RECORD_BYTES)]
    const output = this.#run('org.apache.kafka.tools.ProducerPerformance', [
      ...[...args, '--throughput', '-1', '--producer-props', `bootstrap.servers=${this.#address}`],
      ...BATCHING,
      ...settings,
    ])
    const rate = [...output.matchAll(/^\d+ records sent, ([\d.]+) records\/sec/gm)].at(-1)?.[1]
    return numberIn(rate, output)
  }

  /** Without the time it takes to join the group. */
  consume(config: string): number {
    const output = this.#run('org.apache.kafka.tools.ConsumerPerformance', [
      ...['--bootstrap-server', this.#address, '--topic', TOPIC, '--messages', String(RECORDS)],
      ...['--consumer.config', config, '--hide-header', '--timeout', '60000'],
    ])
    const line = output.split('\n').findLast((l) => l.split(', ').length === 10)
    return numberIn(line?.split(', ')[9], output)
  }

  #run(mainClass: string, args: readonly string[]): string {
    const { stdout, stderr, failure } = this.#runTool(mainClass, args)
    if (failure !== null) throw new Error(`${mainClass} ${failure}\n${stdout}${stderr}`)
    return stdout
  }
}

function numberIn(text: string | undefined, output: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`no rate in:\n${output}`)
  return number
}

/** The first run of each only warms the broker up; the tools warm up within theirs. */
function repeat(name: string, run: () => number): number[] {
  const rates: number[] = []
  for (let i = 0; i <= RUNS; i++) {
    const rate = run()
    if (i > 0) rates.push(rate)
  }
  console.log(`Kafka ${name}: ${rates.map((rate) => formatRate(rate)).join(', ')}`)
  return rates
}

async function measurePeer(): Promise<PeerRow[]> {
  const broker = await KafkaBroker.start()
  const config = join(tmpdir(), `forebay-peer-consumer-${process.pid}.properties`)
  const stopped = (): void => void broker.stop().finally(() => process.exit(130))
  process.once('SIGINT', stopped).once('SIGTERM', stopped)
  try {
    const peer = new Peer(kafkaTools(), broker.address)
    const rows: PeerRow[] = variants.map(({ name, settings, beside }) => ({
      name,
      rates: repeat(name, () => peer.produce(settings)),
      beside,
    }))
    writeFileSync(config, FETCHING.join('\n'))
    return [
      ...rows,
      { name: 'consume', rates: repeat('consume', () => peer.consume(config)), beside: 'batches released' },
    ]
  } finally {
    process.off('SIGINT', stopped).off('SIGTERM', stopped)
    rmSync(config, { force: true })
    await broker.stop()
  }
}

function formatRate(rate: number): string {
  return `${(rate / 1e6).toFixed(2)} M/s`
}

async function main(): Promise<void> {
  const missing = missingPrograms()
  if (missing.length > 0) {
    console.log(`not compared with Kafka: ${missing.join(' and ')} not found`)
    return
  }
  const rows = await measurePeer()
  console.log(`\n${formatHeader()}`)
  const mine = await benchLog()
  console.log(`\nrecords of ${RECORD_BYTES} bytes, one partition, medians of ${RUNS}; Kafka ${KAFKA_VERSION}`)
  for (const { name, rates, beside } of rows) {
    const own = median(mine.find((measurement) => measurement.name.endsWith(beside))!.rates)
    const peer = median(rates)
    console.log(
      `${name.padEnd(32)}Kafka ${formatRate(peer)}   Forebay ${formatRate(own)}   ${(own / peer).toFixed(1)} ×`,
    )
  }
}

await main()
