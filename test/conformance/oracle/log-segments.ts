import { MemoryFiles } from '../../../src/common/index.js'
import { OffsetIndex } from '../../../src/log/offset-index.js'
import { RecordBatchView } from '../../../src/log/record-batch.js'
import { Segment } from '../../../src/log/segment.js'
import { TimeIndex } from '../../../src/log/time-index.js'
import { type AbortedTransactionEntry, TransactionIndex } from '../../../src/log/transaction-index.js'
import { firstDifference } from './difference.js'
import { bytes, same, type Vector } from './vector.js'

/** Index files from their entries and back; whole segments from the batches appended to them. */
export function checkSegmentFile(vector: Vector): string | null {
  const file = vector.file as string | undefined
  if (file === undefined) return checkSegment(vector)
  if (file.endsWith('.timeindex')) return checkTimeIndex(vector)
  return file.endsWith('.txnindex') ? checkTransactionIndex(vector) : checkOffsetIndex(vector)
}

const directory = '/segments'

function emptyFiles(): MemoryFiles {
  const files = new MemoryFiles()
  files.makeDirectory(directory)
  return files
}

function checkOffsetIndex(vector: Vector): string | null {
  const files = emptyFiles()
  const path = `${directory}/${String(vector.file)}`
  const base = vector.baseOffset as number
  const index = OffsetIndex.empty(files, path, base)
  for (const { offset, position } of vector.entries as { offset: number; position: number }[]) {
    index.append(offset, position)
  }
  index.persist()
  const read = OffsetIndex.load(files, path, base, 2 ** 31 - 1)
  return (
    same('bytes', vector.hex, files.readFile(path).toString('hex')) ??
    firstDifference(vector.entries, read?.entries())
  )
}

function checkTimeIndex(vector: Vector): string | null {
  const files = emptyFiles()
  const path = `${directory}/${String(vector.file)}`
  const base = vector.baseOffset as number
  const index = TimeIndex.empty(files, path, base)
  for (const { timestamp, offset } of vector.entries as { timestamp: number; offset: number }[]) {
    index.maybeAppend(timestamp, offset)
  }
  index.persist()
  const read = TimeIndex.load(files, path, base)
  return (
    same('bytes', vector.hex, files.readFile(path).toString('hex')) ??
    firstDifference(vector.entries, read?.entries())
  )
}

function checkTransactionIndex(vector: Vector): string | null {
  const files = emptyFiles()
  const path = `${directory}/${String(vector.file)}`
  const index = TransactionIndex.empty(files, path)
  for (const entry of vector.entries as AbortedTransactionEntry[]) index.append(entry)
  index.persist()
  const read = TransactionIndex.load(files, path)
  return (
    same('bytes', vector.hex, files.readFile(path).toString('hex')) ??
    firstDifference(vector.entries, read?.entries())
  )
}

function checkSegment(vector: Vector): string | null {
  const files = emptyFiles()
  const segment = Segment.create({
    files,
    directory,
    baseOffset: vector.baseOffset as number,
    indexIntervalBytes: vector.indexIntervalBytes as number,
  })
  for (const { hex } of vector.appends as { hex: string }[]) segment.append(new RecordBatchView(bytes(hex)))
  segment.release()
  for (const [name, hex] of Object.entries(vector.files as Record<string, string>)) {
    const path = `${directory}/${name}`
    const found = files.exists(path) ? files.readFile(path).toString('hex') : ''
    const difference = same(name, hex, found)
    if (difference !== null) return difference
  }
  return null
}
