import { encodeBase64 } from '../expression/base64.js'
import type { ScalarFunction } from './registry.js'

/** Bytes of text and text of bytes, in the encodings `hex`, `utf8`, `ascii` and `base64`, in any case. */

type Encoding = 'hex' | 'utf8' | 'ascii' | 'base64'

function encodingOf(name: string): Encoding {
  const lower = name.toLowerCase()
  if (lower === 'hex' || lower === 'utf8' || lower === 'ascii' || lower === 'base64') return lower
  throw new RangeError(
    `Unknown encoding type '${name}'. Supported formats are 'hex', 'utf8', 'ascii', and 'base64'.`,
  )
}

export function textToBytes(text: string, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case 'hex':
      return hexToBytes(text)
    case 'utf8':
      return new Uint8Array(Buffer.from(text, 'utf8'))
    case 'ascii':
      return Uint8Array.from(text, (char) => (char.charCodeAt(0) < 128 ? char.charCodeAt(0) : 63))
    case 'base64':
      return new Uint8Array(Buffer.from(text, 'base64'))
  }
}

/** Also as `0x…` and `X'…'`. */
function hexToBytes(text: string): Uint8Array {
  let digits = text
  if (text.startsWith('0x')) digits = text.length % 2 === 0 ? text.slice(2) : `0${text.slice(2)}`
  else if (/^[xX]'.*'$/.test(text)) digits = text.slice(2, -1)
  if (digits.length % 2 !== 0) throw new RangeError('Odd number of characters.')
  if (!/^[0-9a-fA-F]*$/.test(digits)) throw new RangeError(`Illegal hexadecimal text: '${text}'`)
  return new Uint8Array(Buffer.from(digits, 'hex'))
}

export function bytesToText(bytes: Uint8Array, encoding: Encoding): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (encoding) {
    case 'hex':
      return buffer.toString('hex')
    case 'utf8':
      return buffer.toString('utf8')
    case 'ascii':
      return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : '\ufffd')).join('')
    case 'base64':
      return encodeBase64(bytes)
  }
}

function encode(text: string, from: string, to: string): string {
  const [source, target] = [encodingOf(from), encodingOf(to)]
  if (source === target) {
    throw new RangeError(
      'Supported input and output encodings are: hex -> utf8, ascii, base64; ascii -> utf8, hex, base64; ' +
        'utf8 -> ascii, hex, base64; base64 -> utf8, ascii, hex',
    )
  }
  return bytesToText(textToBytes(text, source), target)
}

/** Unlike ENCODE this one writes hex digits in upper case. */
function fromBytes(bytes: Uint8Array, encoding: Encoding): string {
  const text = bytesToText(bytes, encoding)
  return encoding === 'hex' ? text.toUpperCase() : text
}

function isBigEndian(order: string): boolean {
  const upper = order.toUpperCase()
  if (upper === 'BIG_ENDIAN') return true
  if (upper === 'LITTLE_ENDIAN') return false
  throw new RangeError(`Byte order must be BIG_ENDIAN or LITTLE_ENDIAN. Unknown byte order '${order}'.`)
}

function viewOf(bytes: Uint8Array, length: number): DataView {
  if (bytes.length !== length) {
    throw new RangeError(`Number of bytes must be equal to ${length}, but found ${bytes.length}`)
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function numberFromBytes(
  name: string,
  returns: string,
  length: number,
  read: (view: DataView, littleEndian: boolean) => unknown,
): ScalarFunction {
  return {
    name,
    variants: [
      { parameters: 'BYTES value', returns, fn: (bytes: Uint8Array) => read(viewOf(bytes, length), false) },
      {
        parameters: 'BYTES value, STRING byteOrder',
        returns,
        fn: (bytes: Uint8Array, order: string) => read(viewOf(bytes, length), !isBigEndian(order)),
      },
    ],
  }
}

function readBigint(view: DataView, littleEndian: boolean): number | bigint {
  const value = view.getBigInt64(0, littleEndian)
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export const encodingFunctions: readonly ScalarFunction[] = [
  {
    name: 'encode',
    variants: [
      {
        parameters: 'STRING str, STRING inputEncoding, STRING outputEncoding',
        returns: 'STRING',
        fn: encode,
      },
    ],
  },
  {
    name: 'to_bytes',
    variants: [
      {
        parameters: 'STRING value, STRING encoding',
        returns: 'BYTES',
        fn: (text: string, encoding: string) => textToBytes(text, encodingOf(encoding)),
      },
    ],
  },
  {
    name: 'from_bytes',
    variants: [
      {
        parameters: 'BYTES value, STRING encoding',
        returns: 'STRING',
        fn: (bytes: Uint8Array, encoding: string) => fromBytes(bytes, encodingOf(encoding)),
      },
    ],
  },
  numberFromBytes('int_from_bytes', 'INTEGER', 4, (view, little) => view.getInt32(0, little)),
  numberFromBytes('bigint_from_bytes', 'BIGINT', 8, readBigint),
  numberFromBytes('double_from_bytes', 'DOUBLE', 8, (view, little) => view.getFloat64(0, little)),
]
