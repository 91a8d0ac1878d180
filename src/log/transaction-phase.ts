import { isKafkaError, KafkaError } from './errors.js'

/*
 * A transactional producer's state:
 *
 *   uninitialized ─init▶ ready ─begin▶ open ─commit, abort▶ ending ─▶ ready
 *                                       │ a batch failed        any ─fenced▶ fatal
 *                                       ▼
 *                                    failed ─abort▶ ending
 */
export type TransactionPhase = 'none' | 'uninitialized' | 'ready' | 'open' | 'failed' | 'ending' | 'fatal'

export function isFencing(error: unknown): boolean {
  return isKafkaError(error, 'PRODUCER_FENCED') || isKafkaError(error, 'INVALID_PRODUCER_EPOCH')
}

export function notTransactional(): KafkaError {
  return new KafkaError(
    'INVALID_TXN_STATE',
    'this producer has no transactionalId: it writes without transactions',
  )
}

export function wrongPhase(call: string, phase: TransactionPhase): KafkaError {
  switch (phase) {
    case 'none':
      return notTransactional()
    case 'uninitialized':
      return new KafkaError('INVALID_TXN_STATE', `${call}: call initTransactions first`)
    case 'fatal':
      return new KafkaError('PRODUCER_FENCED', `${call}: this producer was fenced by a newer one; close it`)
    case 'failed':
      return new KafkaError('TRANSACTION_ABORTABLE', `${call}: the transaction failed; call abortTransaction`)
    case 'ready':
      return new KafkaError('INVALID_TXN_STATE', `${call}: call beginTransaction first`)
    case 'ending':
      return new KafkaError(
        'CONCURRENT_TRANSACTIONS',
        `${call}: the last transaction is decided, but has not ended; await its end, or repeat the call that failed`,
      )
    case 'open':
      return new KafkaError('INVALID_TXN_STATE', `${call}: a transaction is open; commit or abort it first`)
  }
}
