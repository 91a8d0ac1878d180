import type { BatchOperator } from '../node.js'
import { operate } from '../rx/operate.js'

/** Changes become records: old values are left behind. */
export const tableToStream: BatchOperator = () =>
  operate((batch, emit) => emit({ ...batch, oldValues: null, outdated: null }))
