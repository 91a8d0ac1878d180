/* What DumpLogSegments prints, as data: one line a batch, one indented line a record, `key: value` pairs throughout. */

export interface DumpedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headerKeys: readonly string[]
}

export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly lastSequence: number
  readonly producerId: number
  readonly isTransactional: boolean
  /** Of a control batch. */
  readonly marker: 'COMMIT' | 'ABORT' | null
  readonly hasDeleteHorizon: boolean
  readonly codec: string
  readonly isValid: boolean
  readonly records: readonly DumpedRecord[]
}

/** The lines of each dumped file by its path. */
export function linesByFile(stdout: string): Map<string, string[]> {
  const files = new Map<string, string[]>()
  let lines: string[] = []
  for (const line of stdout.split('\n')) {
    if (line.startsWith('Dumping ')) files.set(line.slice('Dumping '.length), (lines = []))
    else if (line !== '') lines.push(line)
  }
  return files
}

/** Throws for a line that is neither a batch nor a record: the tool prints such where it finds damage. */
export function parseBatches(lines: readonly string[]): DumpedBatch[] {
  const batches: (DumpedBatch & { records: DumpedRecord[]; marker: 'COMMIT' | 'ABORT' | null })[] = []
  for (const line of lines) {
    if (line.startsWith('Log starting offset: ')) continue
    if (line.startsWith('baseOffset: ')) {
      const fields = fieldsOf(line)
      batches.push({
        baseOffset: Number(fields.get('baseOffset')),
        lastOffset: Number(fields.get('lastOffset')),
        count: Number(fields.get('count')),
        lastSequence: Number(fields.get('lastSequence')),
        producerId: Number(fields.get('producerId')),
        isTransactional: fields.get('isTransactional') === 'true',
        marker: null,
        hasDeleteHorizon: fields.get('deleteHorizonMs') !== 'OptionalLong.empty',
        codec: fields.get('compresscodec')!,
        isValid: fields.get('isvalid') === 'true',
        records: [],
      })
      continue
    }
    const batch = batches.at(-1)
    const marker = /endTxnMarker: (COMMIT|ABORT)/.exec(line)
    if (batch !== undefined && marker !== null) batch.marker = marker[1] as 'COMMIT' | 'ABORT'
    else if (batch !== undefined && line.startsWith('| offset: ')) batch.records.push(parseRecord(line))
    else throw new Error(`unexpected line: ${line}`)
  }
  return batches
}

const recordLine =
  /^\| offset: (\d+) (?:CreateTime|LogAppendTime): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: -?\d+ headerKeys: \[(.*?)\](.*)$/s

function parseRecord(line: string): DumpedRecord {
  const match = recordLine.exec(line)
  if (match === null) throw new Error(`unexpected record: ${line}`)
  const [, offset, timestamp, keySize, valueSize, headerKeys, rest] = match
  const [beforeValue = '', value = ''] = rest!.split(' payload: ')
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: Number(keySize) < 0 ? null : beforeValue.slice(' key: '.length),
    value: Number(valueSize) < 0 ? null : value,
    headerKeys: headerKeys === '' ? [] : headerKeys!.split(','),
  }
}

/** `name: value` pairs parted by blanks; values have none. */
export function fieldsOf(line: string): Map<string, string> {
  return new Map([...line.matchAll(/(\w+): (\S+)/g)].map((match) => [match[1]!, match[2]!]))
}
