import type { Decimal } from 'decimal.js'
import { SerializationError } from '../../serde/index.js'
import { ensureFit, SqlDecimal } from '../expression/decimal.js'
import type { SqlType } from '../types.js'

/* Decimals as Kafka Connect writes them: the digits without the point, as a signed number of few bytes, high first. */

export function unscaledBytes(value: Decimal, scale: number): Buffer {
  const digits = BigInt(value.toFixed(scale).replace('.', ''))
  let length = 1
  while (digits !== BigInt.asIntN(length * 8, digits)) length++
  const bytes = Buffer.alloc(length)
  let rest = digits
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(BigInt.asUintN(8, rest))
    rest >>= 8n
  }
  return bytes
}

export function fromUnscaledBytes(bytes: Uint8Array, scale: number): Decimal {
  if (bytes.length === 0) return new SqlDecimal(0)
  const digits = BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
  return new SqlDecimal(`${digits}e${-scale}`)
}

/** @throws SerializationError when it has more digits than the type */
export function fitted(value: Decimal, type: SqlType): Decimal {
  try {
    return type.kind === 'DECIMAL' ? ensureFit(value, type) : value
  } catch (cause) {
    throw new SerializationError((cause as Error).message, { cause })
  }
}
