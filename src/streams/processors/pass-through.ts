import type { BatchOperator } from '../node.js'

/** Merges its parents: what comes in goes out. */
export const passThrough: BatchOperator = () => (source) => source
