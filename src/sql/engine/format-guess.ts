import { isUtf8 } from 'node:buffer'
import { type Serde, sessionWindowedSerde, timeWindowedSerde, type Windowed } from '../../serde/index.js'
import type { WindowInfo } from '../metastore.js'

/*
 * What the keys or the values of a topic may be, judged by their bytes. Every record seen rules formats out; of those
 * left the most telling one is taken:
 *
 *     objects or arrays of JSON      JSON
 *     other text                     KAFKA_STRING, with what else it may be
 *     4 bytes, not all of them text  KAFKA_INT
 *     8 bytes, not all of them text  KAFKA_DOUBLE where all have the size of everyday numbers, else KAFKA_BIGINT
 *     anything else                  BYTES
 */

export type PrimitiveFormat = 'KAFKA_INT' | 'KAFKA_BIGINT' | 'KAFKA_DOUBLE' | 'KAFKA_STRING'

const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/** The text of bytes that look like text, else null. */
function textOf(bytes: Buffer): string | null {
  if (!isUtf8(bytes)) return null
  const text = bytes.toString('utf8')
  return controlCharacter.test(text) ? null : text
}

export class FormatGuess {
  /** What a stream or table declares; taken as long as the bytes allow it. */
  readonly #declared: PrimitiveFormat | null
  #seen = 0
  #isText = true
  #isJson = true
  #isJsonStructure = true
  /** How many fields every text has, comma-separated; 0 where they differ. */
  #fields: number | null = null
  #isInt = true
  #isEightBytes = true
  #isEverydayDouble = true

  constructor(declared: PrimitiveFormat | null = null) {
    this.#declared = declared
  }

  /** Null rules nothing out. */
  observe(bytes: Buffer | null): void {
    if (bytes === null) return
    this.#seen++
    this.#isInt &&= bytes.length === 4
    this.#isEightBytes &&= bytes.length === 8
    this.#isEverydayDouble &&= bytes.length === 8 && isEverydayDouble(bytes)
    const text = this.#isText ? textOf(bytes) : null
    if (text === null) {
      this.#isText = false
      return
    }
    const json = this.#isJson ? parsedJson(text) : undefined
    this.#isJson &&= json !== undefined
    this.#isJsonStructure &&= typeof json === 'object' && json !== null
    const fields = text.split(',').length
    this.#fields = this.#fields === null || this.#fields === fields ? fields : 0
  }

  get #primitive(): PrimitiveFormat | null {
    const fits: Readonly<Record<PrimitiveFormat, boolean>> = {
      KAFKA_INT: this.#isInt,
      KAFKA_BIGINT: this.#isEightBytes,
      KAFKA_DOUBLE: this.#isEightBytes,
      KAFKA_STRING: this.#isText,
    }
    if (this.#declared !== null && fits[this.#declared]) return this.#declared
    if (this.#isText) return 'KAFKA_STRING'
    if (this.#isInt) return 'KAFKA_INT'
    if (!this.#isEightBytes) return null
    return this.#isEverydayDouble ? 'KAFKA_DOUBLE' : 'KAFKA_BIGINT'
  }

  /** Such as `JSON`, or `KAFKA_BIGINT or KAFKA_DOUBLE` where the bytes leave it open. */
  get label(): string {
    if (this.#seen === 0) return 'unknown, no data yet'
    const primitive = this.#primitive
    switch (primitive) {
      case null:
        return 'BYTES'
      case 'KAFKA_STRING':
        if (this.#isJsonStructure) return 'JSON'
        if (this.#isJson) return 'JSON or KAFKA_STRING'
        return (this.#fields ?? 0) > 1 ? 'DELIMITED or KAFKA_STRING' : 'KAFKA_STRING'
      case 'KAFKA_INT':
        return primitive
      default: {
        if (primitive === this.#declared) return primitive
        return primitive === 'KAFKA_BIGINT' ? 'KAFKA_BIGINT or KAFKA_DOUBLE' : 'KAFKA_DOUBLE or KAFKA_BIGINT'
      }
    }
  }

  /** Bytes that have been observed, for people. */
  show(bytes: Buffer): string {
    switch (this.#primitive) {
      case 'KAFKA_INT':
        return String(bytes.readInt32BE())
      case 'KAFKA_BIGINT':
        return String(bytes.readBigInt64BE())
      case 'KAFKA_DOUBLE':
        return String(bytes.readDoubleBE())
      default:
        return readable(bytes)
    }
  }
}

/** Text as it is, other bytes in hexadecimal. */
export function readable(bytes: Buffer): string {
  return textOf(bytes) ?? `0x${bytes.toString('hex')}`
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** As a 64-bit integer such bytes would stand for a number beyond 10^17: a double is the better guess. */
function isEverydayDouble(bytes: Buffer): boolean {
  const size = Math.abs(bytes.readDoubleBE())
  return size >= 1e-9 && size <= 1e18
}

/** Keys behind a window: the inner key is guessed, the window is read as the declared source has it. */
export class WindowedKeyGuess {
  readonly #inner: FormatGuess
  readonly #window: WindowInfo
  readonly #serde: Serde<Windowed<Buffer>>
  #fits = true
  readonly #plain = new FormatGuess()

  constructor(window: WindowInfo, declared: PrimitiveFormat | null) {
    this.#window = window
    this.#inner = new FormatGuess(declared)
    this.#serde =
      window.type === 'SESSION' ? sessionWindowedSerde(rawSerde) : timeWindowedSerde(rawSerde, window.sizeMs!)
  }

  observe(bytes: Buffer | null): void {
    this.#plain.observe(bytes)
    if (bytes === null) return
    this.#fits &&= bytes.length >= (this.#window.type === 'SESSION' ? 16 : 8)
    if (this.#fits) this.#inner.observe(this.#serde.read(bytes, 0, bytes.length).key)
  }

  get label(): string {
    return this.#fits ? `${this.#window.type}(${this.#inner.label})` : this.#plain.label
  }

  /** `[key@start/end]`, times in ms. */
  show(bytes: Buffer): string {
    if (!this.#fits) return this.#plain.show(bytes)
    const { key, start, end } = this.#serde.read(bytes, 0, bytes.length)
    return `[${this.#inner.show(key)}@${start}/${end}]`
  }
}

const rawSerde: Serde<Buffer> = {
  write: (value, out) => out.writeBytes(value),
  read: (buffer, start, end) => buffer.subarray(start, end),
}
