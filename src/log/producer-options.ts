import { KafkaError } from './errors.js'
import type { CompressionType, ProducerOptions } from './log.js'

export interface ResolvedProducerOptions {
  readonly acks: 0 | 1 | 'all'
  readonly idempotent: boolean
  readonly batchSize: number
  readonly lingerMs: number
  readonly bufferMemory: number
  readonly deliveryTimeoutMs: number
  readonly compression: CompressionType
}

/** The settings with their defaults. Throws INVALID_CONFIG where they contradict each other. */
export function resolveProducerOptions<K, V>(options: ProducerOptions<K, V>): ResolvedProducerOptions {
  const { acks = 'all', lingerMs = 5, deliveryTimeoutMs = 120_000 } = options
  const idempotent = options.idempotence ?? acks === 'all'
  if (deliveryTimeoutMs < lingerMs) {
    throw new KafkaError(
      'INVALID_CONFIG',
      `deliveryTimeoutMs ${deliveryTimeoutMs} is less than lingerMs ${lingerMs}`,
    )
  }
  if (options.transactionalId !== undefined && !idempotent) {
    throw new KafkaError('INVALID_CONFIG', 'a transactional producer needs idempotence and acks all')
  }
  if (idempotent && acks !== 'all') {
    throw new KafkaError('INVALID_CONFIG', `idempotence needs acks 'all', not ${acks}`)
  }
  return {
    acks,
    idempotent,
    batchSize: options.batchSize ?? 16_384,
    lingerMs,
    bufferMemory: options.bufferMemory ?? 32 * 1024 * 1024,
    deliveryTimeoutMs,
    compression: options.compression ?? 'none',
  }
}
