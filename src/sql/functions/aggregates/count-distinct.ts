import { murmur2 } from '../../../common/index.js'
import { identityOf } from '../../expression/comparison.js'
import { SqlTypes } from '../../types.js'
import type { AggregateDefinition, AggregateFunction } from '../registry.js'

/*
 * HyperLogLog with 2^14 registers of 5 bits. The state is an ARRAY<INTEGER> in one of two forms:
 *
 *   sparse   fewer than `denseLength` integers: the sorted distinct hashes themselves, which counts exactly
 *   dense    `denseLength` integers of six registers each, register 0 in the lowest bits of the first
 */

const indexBits = 14
const registers = 1 << indexBits
const registersPerInt = 6
const registerBits = 5
const denseLength = Math.ceil(registers / registersPerInt)
/** Copying a sparse state on every new value must stay cheap. */
const sparseLimit = 512

function hashOf(value: unknown): number {
  const identity = identityOf(value)
  const bytes = Buffer.from(
    typeof identity === 'string' ? `s${identity}` : `${typeof identity}${String(identity)}`,
  )
  // Final mixing: every bit of the hash must look random, not only the low ones.
  let hash = murmur2(bytes)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

function registerAt(dense: readonly number[], index: number): number {
  const word = dense[Math.floor(index / registersPerInt)]!
  return (word >>> (registerBits * (index % registersPerInt))) & 31
}

/** Raises a register in place. */
function raise(dense: number[], index: number, rank: number): void {
  if (registerAt(dense, index) >= rank) return
  const at = Math.floor(index / registersPerInt)
  const shift = registerBits * (index % registersPerInt)
  dense[at] = (dense[at]! & ~(31 << shift)) | (rank << shift)
}

function indexOf(hash: number): number {
  return hash >>> (32 - indexBits)
}

/** The place of the first 1 in the bits behind the index. */
function rankOf(hash: number): number {
  return Math.clz32((hash << indexBits) | (1 << (indexBits - 1))) + 1
}

function toDense(state: readonly number[]): number[] {
  if (state.length === denseLength) return [...state]
  const dense = new Array<number>(denseLength).fill(0)
  for (const hash of state) raise(dense, indexOf(hash), rankOf(hash))
  return dense
}

function add(state: readonly number[], hash: number): readonly number[] {
  if (state.length === denseLength) {
    if (registerAt(state, indexOf(hash)) >= rankOf(hash)) return state
    const dense = [...state]
    raise(dense, indexOf(hash), rankOf(hash))
    return dense
  }
  const at = lowerBound(state, hash)
  if (state[at] === hash) return state
  const grown = state.toSpliced(at, 0, hash)
  return grown.length > sparseLimit ? toDense(grown) : grown
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

function merge(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length !== denseLength && b.length !== denseLength) return b.reduce(add, a)
  const [dense, other] = [toDense(a), toDense(b)]
  for (let i = 0; i < registers; i++) raise(dense, i, registerAt(other, i))
  return dense
}

function estimate(state: readonly number[]): number {
  if (state.length !== denseLength) return state.length
  let sum = 0
  let zeros = 0
  for (let i = 0; i < registers; i++) {
    const rank = registerAt(state, i)
    sum += 2 ** -rank
    if (rank === 0) zeros++
  }
  const raw = ((0.7213 / (1 + 1.079 / registers)) * registers * registers) / sum
  // For few values the number of empty registers says more.
  return Math.round(raw <= 2.5 * registers && zeros > 0 ? registers * Math.log(registers / zeros) : raw)
}

const countDistinct: AggregateFunction = {
  aggregateType: SqlTypes.array(SqlTypes.INTEGER),
  returnType: SqlTypes.BIGINT,
  initialize: () => [],
  aggregate: (state, value) => (value === null ? state : add(state as number[], hashOf(value))),
  merge: (a, b) => merge(a as number[], b as number[]),
  map: (state) => estimate(state as number[]),
}

export const countDistinctAggregate: AggregateDefinition = {
  name: 'COUNT_DISTINCT',
  description: 'About how many distinct values there are; exact for some hundred.',
  variants: [{ parameters: 'T val', create: () => countDistinct }],
}
