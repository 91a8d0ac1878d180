import type { Serde } from '../../serde/index.js'
import { PartReader, writeSized } from '../internal-serdes.js'

/** What a subscription asks for. */
export type Instruction = 'unsubscribe' | 'unsubscribe-and-answer' | 'answer-if-found' | 'answer-always'

const instructions: readonly Instruction[] = [
  'unsubscribe',
  'unsubscribe-and-answer',
  'answer-if-found',
  'answer-always',
]

/** A left row that wants the right row under its foreign key. */
export interface Subscription {
  /** Of the left row; null where it was deleted. */
  readonly digest: string | null
  readonly instruction: Instruction
  readonly primaryKey: unknown
  /** Of the left table: where the answer has to go. */
  readonly partition: number
}

export interface SubscriptionKey {
  readonly foreignKey: unknown
  readonly primaryKey: unknown
}

/** The right row for a left row; null where there is none. */
export interface ForeignResponse {
  readonly digest: string | null
  readonly value: unknown
  readonly partition: number
}

const latin1: Serde<unknown> = {
  write: (value, out) => out.writeBytes(Buffer.from(value as string, 'latin1')),
  read: (buffer, start, end) => buffer.toString('latin1', start, end),
}

/**
 *     instruction │ int32 partition │ digest, sized │ primary key, sized
 */
export function subscriptionSerde(keySerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const subscription = value as Subscription
      out.writeByte(instructions.indexOf(subscription.instruction))
      out.writeInt32(subscription.partition)
      writeSized(out, latin1, subscription.digest)
      writeSized(out, keySerde, subscription.primaryKey)
    },
    read(buffer, start): Subscription {
      const parts = new PartReader(buffer, start)
      const instruction = instructions[parts.byte()]!
      const partition = parts.int32()
      const digest = parts.sized(latin1) as string | null
      return { instruction, partition, digest, primaryKey: parts.sized(keySerde) }
    },
  }
}

/**
 *     int32 partition │ digest, sized │ value, sized
 */
export function foreignResponseSerde(valueSerde: Serde<unknown>): Serde<unknown> {
  return {
    write(value, out) {
      const response = value as ForeignResponse
      out.writeInt32(response.partition)
      writeSized(out, latin1, response.digest)
      writeSized(out, valueSerde, response.value)
    },
    read(buffer, start): ForeignResponse {
      const parts = new PartReader(buffer, start)
      const partition = parts.int32()
      const digest = parts.sized(latin1) as string | null
      return { partition, digest, value: parts.sized(valueSerde) }
    },
  }
}

/**
 *     foreign key, sized │ primary key bytes
 */
export function subscriptionKeySerde(
  foreignSerde: Serde<unknown>,
  primarySerde: Serde<unknown>,
): Serde<unknown> {
  return {
    write(value, out) {
      const { foreignKey, primaryKey } = value as SubscriptionKey
      writeSized(out, foreignSerde, foreignKey)
      primarySerde.write(primaryKey, out)
    },
    read(buffer, start, end): SubscriptionKey {
      const primaryStart = start + 4 + buffer.readInt32BE(start)
      return {
        foreignKey: foreignSerde.read(buffer, start + 4, primaryStart),
        primaryKey: primarySerde.read(buffer, primaryStart, end),
      }
    },
  }
}

/** The beginning of all subscription keys of a foreign key. */
export function foreignPrefixSerde(foreignSerde: Serde<unknown>): Serde<unknown> {
  return {
    write: (value, out) => writeSized(out, foreignSerde, value),
    read: (buffer, start) => new PartReader(buffer, start).sized(foreignSerde),
  }
}
