import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import type { FileSystem } from '../common/index.js'
import { ConnectError } from './errors.js'

const CHUNK_BYTES = 1 << 16

/** Rows of a CSV file with a header line (RFC 4180), one object a row. Reads as it goes: any size fits. */
export async function* readCsv(
  fileSystem: FileSystem,
  path: string,
  options: { delimiter?: string } = {},
): AsyncGenerator<Readonly<Record<string, string>>> {
  const rows = Readable.from(readChunks(fileSystem, path)).pipe(
    parse({ columns: true, delimiter: options.delimiter ?? ',', bom: true, skip_empty_lines: true }),
  )
  try {
    for await (const row of rows) yield row
  } catch (cause) {
    throw new ConnectError(`${path} is not a CSV file with a header line: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Rows of a file that is one JSON array. */
export function* readJsonArray(fileSystem: FileSystem, path: string): Generator<unknown> {
  let rows: unknown
  try {
    rows = JSON.parse(fileSystem.readFile(path).toString('utf8'))
  } catch (cause) {
    throw new ConnectError(`${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!Array.isArray(rows)) throw new ConnectError(`${path} is not a JSON array`)
  yield* rows
}

/** One JSON document a line. Empty lines are passed over; a bad one stops the reading with its line number. */
export function* readJsonLines(fileSystem: FileSystem, path: string): Generator<unknown> {
  let line = 0
  for (const text of readLines(fileSystem, path)) {
    line++
    if (text.trim() === '') continue
    try {
      yield JSON.parse(text)
    } catch (cause) {
      throw new ConnectError(`${path}:${line} is not JSON: ${(cause as Error).message}`, { cause })
    }
  }
}

function* readLines(fileSystem: FileSystem, path: string): Generator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for (const chunk of readChunks(fileSystem, path)) {
    let data: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10)) {
      yield data.toString('utf8', 0, end)
      data = data.subarray(end + 1)
    }
    rest = data
  }
  if (rest.length > 0) yield rest.toString('utf8')
}

function* readChunks(fileSystem: FileSystem, path: string): Generator<Buffer> {
  const file = fileSystem.open(path, 'r')
  try {
    for (let position = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const length = file.read(chunk, 0, CHUNK_BYTES, position)
      if (length === 0) return
      position += length
      yield chunk.subarray(0, length)
    }
  } finally {
    file.close()
  }
}
