/*
 * Kafka's own DumpLogSegments reads what Forebay wrote: every record must be there, and no file may be found wanting.
 *
 *     npx tsx test/peer/dump-log.ts
 *
 * Needs Java 17 and Maven; without them it says so and ends well. Ends with 1 where Kafka or the comparison objects.
 */
import { appendFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type DumpedBatch, fieldsOf, linesByFile, parseBatches } from './dump-output.js'
import { kafkaTools, missingPrograms, type RunTool } from './kafka-tools.js'
import {
  COMPACTED_TOPIC,
  codecs,
  GROUP,
  TRANSACTIONAL_ID,
  WrittenLog,
  type WrittenPartition,
} from './written-log.js'

const MAIN = 'kafka.tools.DumpLogSegments'
const OFFSETS_TOPIC = '__consumer_offsets'
const TRANSACTIONS_TOPIC = '__transaction_state'
/** 4 stands for CompleteCommit. */
const COMPLETE_COMMIT = '"transactionStatus":4'

/** Looks at one data directory; collects what is wrong and counts what was looked at. */
class Inspection {
  readonly #runTool: RunTool
  readonly #directory: string
  readonly #written: WrittenLog
  readonly problems: string[] = []
  readonly counts: Record<string, number> = {}
  #batches = new Map<string, DumpedBatch[]>()

  constructor(runTool: RunTool, directory: string, written: WrittenLog) {
    this.#runTool = runTool
    this.#directory = directory
    this.#written = written
  }

  run(): void {
    this.#readLogs('', ['--print-data-log'])
    this.#readLogs(OFFSETS_TOPIC, ['--offsets-decoder'])
    this.#readLogs(TRANSACTIONS_TOPIC, ['--transaction-log-decoder'])
    for (const [name, partition] of this.#written.partitions) {
      if (name.startsWith(COMPACTED_TOPIC)) this.#checkCompacted(name, partition)
      else this.#checkRecords(name, partition)
    }
    for (const codec of codecs) this.#checkCodec(codec)
    this.#checkOffsetIndexes()
    this.#checkTimeIndexes()
    this.#checkTransactionIndexes()
    this.#checkSnapshots()
    this.#checkOffsetsTopic()
    this.#checkTransactionsTopic()
  }

  // --------------------------------------------------------------------------------------------- log files

  #readLogs(internalTopic: string, options: readonly string[]): void {
    for (const [path, lines] of this.#dump('.log', ['--deep-iteration', ...options], internalTopic)) {
      const batches = parseBatches(lines)
      const name = basename(dirname(path))
      this.#batches.set(name, [...(this.#batches.get(name) ?? []), ...batches])
      for (const batch of batches) {
        this.#expect(batch.isValid, `${path}: batch at ${batch.baseOffset} is not valid`)
        const { count, records, marker } = batch
        this.#expect(
          marker !== null || count === records.length,
          `${path}: ${count} records announced at ${batch.baseOffset}, ${records.length} found`,
        )
        this.#count('batches')
        this.#count('records', records.length)
      }
    }
  }

  #checkRecords(name: string, { records, commits, aborts }: WrittenPartition): void {
    const found = this.#dataOf(name)
    const expected = [...records].sort((a, b) => a.offset - b.offset)
    this.#equal(found.length, expected.length, `${name}: records`)
    for (const [i, { aborted, ...record }] of expected.entries()) {
      if (!this.#equal(found[i], record, `${name}: record ${record.offset}`)) break
    }
    const markers = (this.#batches.get(name) ?? []).map((batch) => batch.marker)
    this.#equal(markers.filter((marker) => marker === 'COMMIT').length, commits, `${name}: commit markers`)
    this.#equal(markers.filter((marker) => marker === 'ABORT').length, aborts, `${name}: abort markers`)
  }

  /** Fewer records, each as written, and of each key the newest. */
  #checkCompacted(name: string, { records }: WrittenPartition): void {
    const found = new Map(this.#dataOf(name).map((record) => [record.offset, record]))
    this.#expect(found.size < records.length / 2, `${name}: ${found.size} records are left: not compacted`)
    this.#count('records left by compaction', found.size)
    const newest = new Map<string | null, number>()
    for (const { aborted, ...record } of [...records].sort((a, b) => a.offset - b.offset)) {
      if (!aborted) newest.set(record.key, record.offset)
      if (found.has(record.offset)) this.#equal(found.get(record.offset), record, `${name}: ${record.offset}`)
      found.delete(record.offset)
    }
    this.#equal(found.size, 0, `${name}: records that nobody wrote`)
    const kept = new Set(this.#dataOf(name).map((record) => record.offset))
    for (const [key, offset] of newest) {
      const tombstone = records.find((record) => record.offset === offset)!.value === null
      this.#expect(tombstone || kept.has(offset), `${name}: ${offset}, the newest of ${key}, is gone`)
    }
    const horizons = this.#batches.get(name)!.filter((batch) => batch.hasDeleteHorizon)
    this.#expect(horizons.length > 0, `${name}: no batch with a delete horizon`)
    this.#count('batches with a delete horizon', horizons.length)
  }

  #checkCodec(codec: string): void {
    const used = new Set(this.#batches.get(`codec-${codec}-0`)?.map((batch) => batch.codec))
    this.#equal([...used], [codec], `codec-${codec}: codecs`)
  }

  // ------------------------------------------------------------------------------------------- other files

  #checkOffsetIndexes(): void {
    for (const [path, lines] of this.#dump('.index', ['--index-sanity-check'])) this.#checkSane(path, lines)
    this.#dump('.index', ['--verify-index-only'])
    for (const [path, lines] of this.#dump('.index')) {
      const entries = lines.map(fieldsOf).filter((entry) => entry.has('position'))
      this.#count('offset index entries', entries.length)
      const offsets = entries.map((entry) => Number(entry.get('offset')))
      this.#expect(
        offsets.every((o, i) => i === 0 || o > offsets[i - 1]!),
        `${path}: offsets do not ascend`,
      )
    }
    this.#expect((this.counts['offset index entries'] ?? 0) > 100, 'the offset indexes are as good as empty')
  }

  #checkTimeIndexes(): void {
    for (const [path, lines] of this.#dump('.timeindex', ['--index-sanity-check']))
      this.#checkSane(path, lines)
    this.#dump('.timeindex', ['--verify-index-only'])
    for (const [, lines] of this.#dump('.timeindex')) this.#count('time index entries', lines.length)
    this.#expect((this.counts['time index entries'] ?? 0) > 100, 'the time indexes are as good as empty')
  }

  #checkSane(path: string, lines: readonly string[]): void {
    const sane = lines.every((line) => line.endsWith('passed sanity check.') || line.endsWith('is empty.'))
    this.#expect(sane && lines.length === 1, `${path}: ${lines.join(' ')}`)
    this.#count('indexes passed the sanity check')
  }

  #checkTransactionIndexes(): void {
    const found = new Map<string, number[]>()
    for (const [path, lines] of this.#dump('.txnindex')) {
      const name = basename(dirname(path))
      for (const entry of lines.map(fieldsOf)) {
        found.set(name, [...(found.get(name) ?? []), Number(entry.get('firstOffset'))])
        this.#checkAbort(path, entry)
        this.#count('transaction index entries')
      }
    }
    for (const [name, { abortedFrom }] of this.#written.partitions) {
      // Compaction takes the entries of transactions whose marker went.
      if (name.startsWith(COMPACTED_TOPIC)) continue
      const ascending = (offsets: readonly number[] = []): number[] => [...offsets].sort((a, b) => a - b)
      this.#equal(ascending(found.get(name)), ascending(abortedFrom), `${name}: aborted transactions`)
    }
  }

  #checkAbort(path: string, entry: ReadonlyMap<string, string>): void {
    const marker = this.#batches
      .get(basename(dirname(path)))
      ?.find((batch) => batch.baseOffset === Number(entry.get('lastOffset')))
    const fits = marker?.marker === 'ABORT' && String(marker.producerId) === entry.get('producerId')
    this.#expect(fits, `${path}: no abort marker of ${entry.get('producerId')} at ${entry.get('lastOffset')}`)
  }

  /** Each producer with the last batch that the log holds of it before the snapshot. */
  #checkSnapshots(): void {
    const dumped = [...this.#dump('.snapshot')]
    for (const [i, [path, lines]] of dumped.entries()) {
      const name = basename(dirname(path))
      // Compaction leaves the last batch of each producer, but not what was last when an older snapshot was taken.
      const isNewest = dirname(dumped[i + 1]?.[0] ?? '') !== dirname(path)
      if (name.startsWith(COMPACTED_TOPIC) && !isNewest) continue
      const end = Number(basename(path, '.snapshot'))
      for (const entry of lines.map(fieldsOf)) {
        const mine = (this.#batches.get(name) ?? []).filter(
          (b) => String(b.producerId) === entry.get('producerId') && b.lastOffset < end && b.marker === null,
        )
        this.#count('producers in snapshots')
        if (!entry.has('lastSequence')) continue
        const last = mine.at(-1)
        this.#equal(Number(entry.get('lastSequence')), last?.lastSequence, `${path}: last sequence`)
        this.#equal(Number(entry.get('lastOffset')), last?.lastOffset, `${path}: last offset`)
      }
    }
    this.#expect((this.counts['producers in snapshots'] ?? 0) > 0, 'no producer in any snapshot')
  }

  #checkOffsetsTopic(): void {
    const found = new Map<string, number>()
    for (const { key, value } of this.#dataOf(`${OFFSETS_TOPIC}-0`)) {
      const parsed = parseJson(key)
      if (parsed === null) this.problems.push(`${OFFSETS_TOPIC}: ${key}`)
      const { group, topic, partition } = (parsed?.['data'] ?? {}) as Record<string, unknown>
      const offset = (parseJson(value)?.['data'] as Record<string, unknown> | undefined)?.['offset']
      this.#count('group records')
      if (group === GROUP && typeof offset === 'number') found.set(`${topic}-${partition}`, offset)
    }
    this.#equal([...found], [...this.#written.committed], `offsets of the group ${GROUP}`)
  }

  #checkTransactionsTopic(): void {
    const states = this.#dataOf(`${TRANSACTIONS_TOPIC}-0`)
    this.#count('transaction state records', states.length)
    const last = states.filter(({ key }) => key?.includes(TRANSACTIONAL_ID)).at(-1)
    this.#expect(
      last?.value?.includes(COMPLETE_COMMIT) === true,
      `transaction of ${TRANSACTIONAL_ID}: ${last?.value}`,
    )
  }

  // ------------------------------------------------------------------------------------------------- tools

  #dump(suffix: string, options: readonly string[] = [], internalTopic?: string): Map<string, string[]> {
    const files = filesWith(this.#directory, suffix, internalTopic)
    this.counts[`${suffix} files`] = filesWith(this.#directory, suffix).length
    if (files.length === 0) return new Map()
    const { stdout, stderr, failure } = this.#runTool(MAIN, [...options, '--files', files.join(',')])
    const found = failure === null ? complaints(stderr) : [failure, ...complaints(stderr)]
    this.problems.push(...found.map((problem) => `${suffix} ${options.join(' ')}: ${problem}`))
    const dumped = linesByFile(stdout)
    this.#equal(dumped.size, files.length, `dumped ${suffix} files`)
    return dumped
  }

  #dataOf(name: string): DumpedBatch['records'] {
    return (this.#batches.get(name) ?? []).flatMap((batch) => batch.records)
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by
  }

  #expect(holds: boolean, problem: string): boolean {
    if (!holds) this.problems.push(problem)
    return holds
  }

  #equal(found: unknown, expected: unknown, what: string): boolean {
    const [left, right] = [JSON.stringify(found) ?? 'nothing', JSON.stringify(expected) ?? 'nothing']
    return this.#expect(left === right, `${what}: ${shorten(left)}, expected ${shorten(right)}`)
  }
}

/** What the tool says on stderr, without what is expected: gaps where compaction removed records or offsets are aborted. */
function complaints(stderr: string): string[] {
  const lines = stderr.split('\n').filter((line) => line !== '' && !/SLF4J|StatusLogger|^\s*WARN/.test(line))
  const found: string[] = []
  let expected = false
  for (const line of lines) {
    if (!line.startsWith(' ')) {
      expected = line.startsWith('Non-consecutive offsets in ') && line.includes(`/${COMPACTED_TOPIC}-`)
    }
    if (!expected) found.push(line)
  }
  return found
}

/** Of all topics; of one internal topic; or, with '', of all but the internal ones. */
function filesWith(directory: string, suffix: string, internalTopic?: string): string[] {
  const wanted = (partition: string): boolean => {
    if (internalTopic === undefined) return true
    return internalTopic === '' ? !partition.startsWith('__') : partition.startsWith(`${internalTopic}-`)
  }
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && wanted(entry.name))
    .flatMap(({ name }) => readdirSync(join(directory, name)).map((file) => join(directory, name, file)))
    .filter((path) => path.endsWith(suffix))
    .sort()
}

function parseJson(text: string | null): Record<string, unknown> | null {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** The beginning of a batch that was never written to its end. */
function tearTail(partitionDirectory: string): void {
  const logs = readdirSync(partitionDirectory).filter((name) => name.endsWith('.log'))
  const active = join(partitionDirectory, logs.sort().at(-1)!)
  appendFileSync(active, readFileSync(active).subarray(0, 70))
}

async function main(): Promise<number> {
  const missing = missingPrograms()
  if (missing.length > 0) {
    console.log(`not compared with Kafka: ${missing.join(' and ')} not found`)
    return 0
  }
  const runTool = kafkaTools()
  const home = mkdtempSync(join(tmpdir(), 'forebay-peer-'))
  const data = join(home, 'data')
  const crashed = join(home, 'crashed')
  let failures = 0
  const inspect = (state: string, directory: string, written: WrittenLog): void => {
    const inspection = new Inspection(runTool, directory, written)
    inspection.run()
    const counts = Object.entries(inspection.counts).map(([what, count]) => `  ${count} ${what}`)
    console.log(`${state}:\n${counts.join('\n')}`)
    for (const problem of inspection.problems.slice(0, 40)) console.log(`  PROBLEM ${shorten(problem)}`)
    failures += inspection.problems.length
  }
  try {
    const written = new WrittenLog(data)
    const log = await written.write()
    // As a killed process leaves it: then recovered and closed.
    cpSync(data, crashed, { recursive: true })
    tearTail(join(crashed, 'codec-none-0'))
    await log.close()
    inspect('closed', data, written)
    rmSync(join(crashed, '.lock'), { force: true })
    await (await written.open(crashed)).close()
    inspect('recovered after a crash', crashed, written)
    console.log(failures === 0 ? 'Kafka agrees' : `${failures} problems; the files are in ${home}`)
  } finally {
    if (failures === 0 && existsSync(home)) rmSync(home, { recursive: true })
  }
  return failures === 0 ? 0 : 1
}

process.exitCode = await main()
