import { crc32c, murmur2 } from '../../../src/common/index.js'
import { partitionOfKey } from '../../../src/log/index.js'
import { checkBatch, checkInvalidBatch } from './log-batches.js'
import { checkCoordinatorRecord } from './log-coordinator.js'
import { checkSegmentFile } from './log-segments.js'
import { checkSerde, checkVarint } from './log-values.js'
import { type CaseResult, runCase } from './report.js'
import { bytes, same, type Vector } from './vector.js'

/** Checks a vector; returns the first difference, or null. */
export type Check = (vector: Vector) => string | null

const checks: Readonly<Record<string, Check>> = {
  'record-batches.json': checkBatch,
  'invalid-batches.json': checkInvalidBatch,
  'crc32c.json': (vector) => same('crc32c', vector.crc32c, crc32c(bytes(vector.data))),
  'murmur2.json': checkMurmur2,
  'varint.json': checkVarint,
  'serdes.json': checkSerde,
  'coordinator.json': checkCoordinatorRecord,
  'segments.json': checkSegmentFile,
}

/** One case a vector, named by its name or its place. */
export async function checkLogVectors(file: string, vectors: readonly Vector[]): Promise<CaseResult[]> {
  const check = checks[file]
  const results: CaseResult[] = []
  for (const [at, vector] of vectors.entries()) {
    const name = typeof vector.name === 'string' ? vector.name : String(at)
    const run = () => (check === undefined ? 'no check knows this kind of vector' : check(vector))
    results.push(await runCase(`log/${file}/${name}`, run))
  }
  return results
}

function checkMurmur2(vector: Vector): string | null {
  const key = bytes(vector.key)
  const difference = same('murmur2', vector.murmur2, murmur2(key) | 0)
  if (difference !== null) return difference
  for (const [count, partition] of Object.entries(vector.partitions as Record<string, number>)) {
    const found = same(`partition of ${count}`, partition, partitionOfKey(key, Number(count)))
    if (found !== null) return found
  }
  return null
}
