import { createHash } from 'node:crypto'
import { randomUuid } from '../../common/index.js'
import type { FunctionBody, ScalarFunction, ScalarVariant } from './registry.js'

type Text = string | null
type Bytes = Uint8Array | null

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** One variant for text and one for bytes. */
function textAndBytes(
  name: string,
  parameters: (type: string) => string,
  text: FunctionBody,
  bytes: FunctionBody,
  nulls: 'propagate' | 'handled' = 'propagate',
): ScalarFunction {
  const variant = (type: string, fn: FunctionBody): ScalarVariant => ({
    parameters: parameters(type),
    returns: type,
    nulls,
    fn,
  })
  return { name, variants: [variant('STRING', text), variant('BYTES', bytes)] }
}

function notNull<T>(value: T | null): value is T {
  return value !== null
}

function concatWithSeparator(separator: Uint8Array, parts: readonly Bytes[]): Uint8Array {
  return joinBytes(parts.filter(notNull).flatMap((part, i) => (i === 0 ? [part] : [separator, part])))
}

function character(codePoint: number): Text {
  return codePoint >= 0 && codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : null
}

function characterOfEscape(text: string): Text {
  if (text.length < 6 || !text.startsWith('\\u')) return null
  return text.replace(/\\u+([0-9a-fA-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** First letter of each word upper-case, the rest lower-case; white space before the first word goes. */
function initCap(text: string): string {
  const words = text.toLowerCase().match(/[^\s]+\s*/g) ?? []
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** Occurrence `count`, counted from `from`; -1 when there is none. */
function ordinalIndexOf(text: string, part: string, from: number, count: number): number {
  if (count <= 0) return -1
  let at = from - 1
  for (let i = 0; i < count; i++) {
    at = text.indexOf(part, at + 1)
    if (at === -1) return -1
  }
  return at
}

/** 1-based; a negative position searches from there to the beginning. */
function instr(text: Text, part: Text, position = 1, occurrence = 1): number {
  if (text === null || part === null || Math.abs(position) > text.length) return 0
  if (position >= 0) return ordinalIndexOf(text, part, Math.max(position - 1, 0), occurrence) + 1
  const reverse = (s: string): string => [...s].reverse().join('')
  const at = ordinalIndexOf(reverse(text), reverse(part), -position - 1, occurrence)
  return at === -1 ? 0 : text.length - at - part.length + 1
}

function padding(pad: string, width: number): string {
  return pad.repeat(Math.ceil(width / pad.length)).slice(0, width)
}

function padText(text: string, width: number, pad: string, left: boolean): Text {
  if (pad === '' || width < 0) return null
  if (text.length >= width) return text.slice(0, width)
  const filler = padding(pad, width - text.length)
  return left ? filler + text : text + filler
}

function padBytes(bytes: Uint8Array, width: number, pad: Uint8Array, left: boolean): Bytes {
  if (pad.length === 0 || width < 0) return null
  if (bytes.length >= width) return bytes.slice(0, width)
  const filler = Uint8Array.from({ length: width - bytes.length }, (_, i) => pad[i % pad.length]!)
  return left ? joinBytes([filler, bytes]) : joinBytes([bytes, filler])
}

function pad(name: string, left: boolean): ScalarFunction {
  return textAndBytes(
    name,
    (type) => `${type} input, INT targetLen, ${type} padding`,
    (text: string, width: number, filler: string) => padText(text, width, filler, left),
    (bytes: Uint8Array, width: number, filler: Uint8Array) => padBytes(bytes, width, filler, left),
  )
}

/** 1-based, negative from the end, cut to the value. */
function substring<T extends string | Uint8Array>(value: T, position: number, length?: number): T {
  const size = value.length
  const start = position < 0 ? Math.max(size + position, 0) : Math.max(Math.min(position - 1, size), 0)
  const end = length === undefined ? size : Math.max(Math.min(start + length, size), start)
  return value.slice(start, end) as T
}

function splitBytes(bytes: Uint8Array, delimiter: Uint8Array): Uint8Array[] {
  if (bytes.length === 0) return [bytes]
  if (delimiter.length === 0) return Array.from(bytes, (byte) => Uint8Array.of(byte))
  const buffer = Buffer.from(bytes)
  const parts: Uint8Array[] = []
  let start = 0
  for (let at = buffer.indexOf(delimiter); at !== -1; at = buffer.indexOf(delimiter, start)) {
    parts.push(bytes.slice(start, at))
    start = at + delimiter.length
  }
  return [...parts, bytes.slice(start)]
}

function splitToMap(text: string, entryDelimiter: string, pairDelimiter: string): Map<string, string> | null {
  if (entryDelimiter === '' || pairDelimiter === '' || entryDelimiter === pairDelimiter) return null
  const map = new Map<string, string>()
  for (const entry of text.split(entryDelimiter)) {
    const parts = entry.split(pairDelimiter)
    if (parts.length > 1) map.set(parts[0]!, parts[1]!)
  }
  return map
}

function uuidText(bytes: Uint8Array): Text {
  if (bytes.length !== 16) return null
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export const stringFunctions: readonly ScalarFunction[] = [
  {
    name: 'chr',
    variants: [
      { parameters: 'INT decimalCode', returns: 'STRING', fn: character },
      { parameters: 'STRING utf16Code', returns: 'STRING', fn: characterOfEscape },
    ],
  },
  textAndBytes(
    'concat',
    (type) => `${type}... inputs`,
    (...parts: Text[]) => parts.filter(notNull).join(''),
    (...parts: Bytes[]) => joinBytes(parts.filter(notNull)),
    'handled',
  ),
  textAndBytes(
    'concat_ws',
    (type) => `${type} separator, ${type}... inputs`,
    (separator: Text, ...parts: Text[]) =>
      separator === null ? null : parts.filter(notNull).join(separator),
    (separator: Bytes, ...parts: Bytes[]) =>
      separator === null ? null : concatWithSeparator(separator, parts),
    'handled',
  ),
  {
    name: 'elt',
    variants: [
      {
        parameters: 'INT n, STRING... args',
        returns: 'STRING',
        nulls: 'handled',
        fn: (n: number | null, ...texts: Text[]) => (n === null ? null : (texts[n - 1] ?? null)),
      },
    ],
  },
  {
    name: 'field',
    variants: [
      {
        parameters: 'STRING str, STRING... args',
        returns: 'INTEGER',
        nulls: 'handled',
        fn: (text: Text, ...texts: Text[]) => (text === null ? 0 : texts.indexOf(text) + 1),
      },
    ],
  },
  { name: 'initcap', variants: [{ parameters: 'STRING str', returns: 'STRING', fn: initCap }] },
  {
    name: 'instr',
    variants: ['', ', INT position', ', INT position, INT occurrence'].map((more) => ({
      parameters: `STRING str, STRING substring${more}`,
      returns: 'INTEGER',
      nulls: 'handled' as const,
      fn: (text: Text, part: Text, position?: number | null, occurrence?: number | null) =>
        position === null || occurrence === null ? null : instr(text, part, position, occurrence),
    })),
  },
  {
    name: 'lcase',
    variants: [{ parameters: 'STRING input', returns: 'STRING', fn: (text: string) => text.toLowerCase() }],
  },
  {
    name: 'ucase',
    variants: [{ parameters: 'STRING input', returns: 'STRING', fn: (text: string) => text.toUpperCase() }],
  },
  {
    name: 'trim',
    variants: [{ parameters: 'STRING input', returns: 'STRING', fn: (text: string) => text.trim() }],
  },
  {
    name: 'len',
    variants: [
      { parameters: 'STRING input', returns: 'INTEGER', fn: (text: string) => text.length },
      { parameters: 'BYTES input', returns: 'INTEGER', fn: (bytes: Uint8Array) => bytes.length },
    ],
  },
  pad('lpad', true),
  pad('rpad', false),
  {
    name: 'md5',
    variants: [
      {
        parameters: 'STRING s',
        returns: 'STRING',
        fn: (text: string) => createHash('md5').update(text).digest('hex'),
      },
    ],
  },
  {
    name: 'replace',
    variants: [
      {
        parameters: 'STRING str, STRING oldStr, STRING newStr',
        returns: 'STRING',
        fn: (text: string, old: string, replacement: string) => text.replaceAll(old, () => replacement),
      },
    ],
  },
  {
    name: 'split',
    variants: [
      {
        parameters: 'STRING string, STRING delimiter',
        returns: 'ARRAY<STRING>',
        fn: (text: string, delimiter: string) =>
          delimiter === '' && text === '' ? [''] : text.split(delimiter),
      },
      { parameters: 'BYTES bytes, BYTES delimiter', returns: 'ARRAY<BYTES>', fn: splitBytes },
    ],
  },
  {
    name: 'split_to_map',
    variants: [
      {
        parameters: 'STRING input, STRING entryDelimiter, STRING kvDelimiter',
        returns: 'MAP<STRING, STRING>',
        fn: splitToMap,
      },
    ],
  },
  {
    name: 'substring',
    variants: ['STRING', 'BYTES'].flatMap((type) => [
      { parameters: `${type} str, INT pos`, returns: type, fn: substring },
      { parameters: `${type} str, INT pos, INT length`, returns: type, fn: substring },
    ]),
  },
  {
    name: 'uuid',
    deterministic: false,
    variants: [
      {
        parameters: '',
        returns: 'STRING',
        create:
          ({ random }) =>
          () =>
            uuidText(randomUuid(random)),
      },
      { parameters: 'BYTES bytes', returns: 'STRING', fn: uuidText },
    ],
  },
]
