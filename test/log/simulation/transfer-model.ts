import type { Circumstances } from './workload.js'

/** `observed`: a reader of committed data was given it, although nobody acknowledged it. So it must stay. */
type Fate = 'unknown' | 'observed' | 'committed' | 'aborted' | 'gone'

export interface FoundTransfers {
  /** The numbers in each account, in order. */
  readonly accounts: readonly (readonly number[])[]
  /** Key and number of each record of the compacted balances, in order. */
  readonly balances: readonly { readonly key: string; readonly id: number }[]
  /** The group's: one more than the last number. */
  readonly offset: number
}

/**
 * Transactions that write their number to several accounts, to a compacted balance, and as an offset to a group: each
 * is there as a whole or not at all, in order, and nobody ever sees one that was aborted.
 */
export class TransferModel {
  readonly #fates: Fate[] = []
  /** Per account, and last for the balances: what a power cut took. */
  readonly #lost: Set<number>[]
  /** What the last check after an opening saw: the group's offset, and how many transfers there were. */
  #offset = 0
  #checked = 0

  constructor(accounts: number) {
    this.#lost = Array.from({ length: accounts + 1 }, () => new Set())
  }

  begin(): number {
    return this.#fates.push('unknown') - 1
  }

  aborted(id: number): void {
    if (this.#fates[id] === 'observed') throw new Error(`transfer ${id} is aborted, but was read`)
    this.#fates[id] = 'aborted'
  }

  committed(id: number): void {
    this.#fates[id] = 'committed'
  }

  /** A reader of committed data found it at `place`. */
  observed(id: number, place: string): void {
    const fate = this.#fates[id]
    if (fate === 'unknown') this.#fates[id] = 'observed'
    else if (fate !== 'committed' && fate !== 'observed') {
      throw new Error(`${place} shows transfer ${id}, which is ${fate}`)
    }
  }

  /** `found`: what is there under read_committed. */
  check(found: FoundTransfers, after: Circumstances): void {
    for (const [account, ids] of found.accounts.entries()) this.#checkAccount(account, ids, after)
    // Until a log is opened anew, a decided transaction may be short of markers that could not be written.
    if (after.reopened) this.#settle(found, after.lossAllowed)
    this.#checkBalances(found.balances, after)
    this.#checkOffset(found.offset, after)
  }

  #checkAccount(account: number, ids: readonly number[], after: Circumstances): void {
    const lost = this.#lost[account]!
    let last = -1
    for (const id of ids) {
      if (id <= last) throw new Error(`account ${account}: transfer ${id} comes after ${last}`)
      last = id
      this.observed(id, `account ${account}`)
      if (lost.has(id)) throw new Error(`account ${account}: the lost transfer ${id} came back`)
    }
    const there = new Set(ids)
    this.#fates.forEach((fate, id) => {
      if (there.has(id) || lost.has(id) || !mustBeThere(fate, after)) return
      if (!after.lossAllowed || id < last) throw new Error(`account ${account} lost transfer ${id}`)
      lost.add(id)
    })
  }

  #settle({ accounts, balances }: FoundTransfers, lossAllowed: boolean): void {
    const there = accounts.map((ids) => new Set(ids))
    const inBalances = new Set(balances.map(({ id }) => id))
    this.#fates.forEach((fate, id) => {
      const present = there.map((ids, account) => ids.has(id) || this.#lost[account]!.has(id))
      if (!present.includes(true) && !inBalances.has(id)) {
        if (fate === 'unknown') this.#fates[id] = 'gone'
        return
      }
      if (!lossAllowed && present.includes(false)) {
        throw new Error(`transfer ${id} is only in the accounts ${present}`)
      }
      this.#fates[id] = 'committed'
      there.forEach((ids, account) => {
        if (!ids.has(id)) this.#lost[account]!.add(id)
      })
    })
  }

  #checkOffset(offset: number, { lossAllowed, reopened }: Circumstances): void {
    const recent = this.#fates.slice(this.#checked)
    if (!reopened && recent.some((fate) => fate === 'unknown' || fate === 'observed')) return
    const last = recent.lastIndexOf('committed')
    const expected = last >= 0 ? this.#checked + last + 1 : this.#offset
    if (!lossAllowed && offset !== expected) {
      throw new Error(`the group's offset is ${offset}; by the transfers it should be ${expected}`)
    }
    if (!reopened) return
    this.#offset = offset
    this.#checked = this.#fates.length
  }

  #checkBalances(found: FoundTransfers['balances'], after: Circumstances): void {
    const lost = this.#lost.at(-1)!
    const newest = new Map<string, number>()
    for (const { key, id } of found) {
      this.observed(id, `balance ${key}`)
      if (key !== balanceOf(id)) throw new Error(`balance ${key} shows transfer ${id} of ${balanceOf(id)}`)
      if (lost.has(id)) throw new Error(`balance ${key}: the lost transfer ${id} came back`)
      if (id <= (newest.get(key) ?? -1))
        throw new Error(`balance ${key}: ${id} comes after ${newest.get(key)}`)
      newest.set(key, id)
    }
    this.#fates.forEach((fate, id) => {
      if (lost.has(id) || id <= (newest.get(balanceOf(id)) ?? -1) || !mustBeThere(fate, after)) return
      if (!after.lossAllowed) throw new Error(`balance ${balanceOf(id)} lost transfer ${id}`)
      lost.add(id)
    })
  }
}

/** The key of a transfer in the balances. */
export function balanceOf(id: number): string {
  return `b${id % 3}`
}

function mustBeThere(fate: Fate | undefined, { reopened }: Circumstances): boolean {
  return fate === 'committed' || (fate === 'observed' && reopened)
}
