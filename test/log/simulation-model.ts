/* What a log promised, for the simulation: each model throws where the log does not keep it. */

interface FoundRecord {
  readonly offset: number
  readonly value: string | null
}

/** A partition that nothing is ever removed from. */
export class PartitionModel {
  /** What must be there, by offset. */
  protected readonly known = new Map<number, string>()
  /** Written or not: nobody was told. */
  protected readonly unknown = new Set<string>()

  attempted(value: string): void {
    this.unknown.add(value)
  }

  acknowledged(offset: number, value: string): void {
    const earlier = this.known.get(offset)
    if (earlier !== undefined) throw new Error(`offset ${offset} was given to ${earlier} and to ${value}`)
    this.unknown.delete(value)
    this.known.set(offset, value)
  }

  /** `lossAllowed`: a tail may be missing, but nothing before it. */
  check(found: readonly FoundRecord[], lossAllowed: boolean): void {
    this.checkFound(found)
    const offsets = new Set(found.map(({ offset }) => offset))
    const end = found.at(-1)?.offset ?? -1
    for (const [offset, value] of this.known) {
      if (!offsets.has(offset) && !(lossAllowed && offset > end))
        throw new Error(`${value} at offset ${offset} is lost`)
    }
    this.#settle(found)
  }

  /** Nothing twice, nothing at another offset, nothing that was never written. */
  protected checkFound(found: readonly FoundRecord[]): void {
    const seen = new Set<string>()
    let last = -1
    for (const { offset, value } of found) {
      if (offset <= last) throw new Error(`offset ${offset} comes after ${last}`)
      last = offset
      if (seen.has(value!)) throw new Error(`${value} is there twice`)
      seen.add(value!)
      if (this.known.get(offset) !== value && !this.unknown.has(value!)) {
        throw new Error(`offset ${offset} holds ${value}; known is ${this.known.get(offset)}`)
      }
    }
  }

  #settle(found: readonly FoundRecord[]): void {
    this.known.clear()
    this.unknown.clear()
    for (const { offset, value } of found) this.known.set(offset, value!)
  }
}

/** A partition that compaction removes records from; values are `key:number`. */
export class CompactedModel extends PartitionModel {
  override check(found: readonly FoundRecord[], endOffset: number | boolean, lossAllowed = false): void {
    this.checkFound(found)
    const newest = new Map<string, number>()
    for (const [offset, value] of this.known) {
      if (lossAllowed && offset >= Number(endOffset)) continue
      newest.set(keyOf(value), Math.max(offset, newest.get(keyOf(value)) ?? -1))
    }
    const byKey = new Map<string, number>()
    for (const { offset, value } of found) byKey.set(keyOf(value!), offset)
    for (const [key, offset] of newest) {
      if ((byKey.get(key) ?? -1) < offset)
        throw new Error(`the newest value of ${key}, at offset ${offset}, is lost`)
    }
    // What compaction removed stays known as given away: its offset must not come back with another value.
    for (const { offset, value } of found) this.known.set(offset, value!)
    if (lossAllowed)
      for (const offset of [...this.known.keys()]) if (offset >= Number(endOffset)) this.known.delete(offset)
    this.unknown.clear()
  }
}

function keyOf(value: string): string {
  return value.slice(0, value.indexOf(':'))
}

type Fate = 'unknown' | 'aborted' | 'committed' | 'gone'

/** Transactions that write their number to several accounts and, as an offset, to a group. */
export class TransferModel {
  readonly #fates: Fate[] = []
  /** Per account: what a power cut took. */
  readonly #lost: Set<number>[]
  /** What the last check saw: the group's offset, and how many transfers there were. */
  #offset = 0
  #checked = 0

  constructor(accounts: number) {
    this.#lost = Array.from({ length: accounts }, () => new Set())
  }

  begin(): number {
    return this.#fates.push('unknown') - 1
  }

  aborted(id: number): void {
    this.#fates[id] = 'aborted'
  }

  committed(id: number): void {
    this.#fates[id] = 'committed'
  }

  /** `accounts`: the numbers in each under read_committed; `offset`: the group's, one more than the last number. */
  check(accounts: readonly (readonly number[])[], offset: number, lossAllowed: boolean): void {
    for (const [account, ids] of accounts.entries()) this.#checkAccount(account, ids, lossAllowed)
    const fates = this.#fates
    for (let id = 0; id < fates.length; id++) {
      const present = accounts.map((ids, account) => ids.includes(id) || this.#lost[account]!.has(id))
      const some = present.includes(true)
      if (!lossAllowed && some && present.includes(false)) {
        throw new Error(`transfer ${id} is only in the accounts ${present}`)
      }
      if (fates[id] === 'unknown') fates[id] = some ? 'committed' : 'gone'
      if (fates[id] !== 'committed') continue
      accounts.forEach((ids, account) => {
        if (!ids.includes(id)) this.#lost[account]!.add(id)
      })
    }
    const last = fates.lastIndexOf('committed')
    const expected = last >= this.#checked ? last + 1 : this.#offset
    if (!lossAllowed && offset !== expected) {
      throw new Error(`the group's offset is ${offset}; by the transfers it should be ${expected}`)
    }
    this.#offset = offset
    this.#checked = fates.length
  }

  #checkAccount(account: number, ids: readonly number[], lossAllowed: boolean): void {
    let last = -1
    for (const id of ids) {
      if (id <= last) throw new Error(`account ${account}: transfer ${id} comes after ${last}`)
      last = id
      const fate = this.#fates[id]
      if (fate !== 'committed' && fate !== 'unknown')
        throw new Error(`account ${account} shows ${id}, which is ${fate}`)
      if (this.#lost[account]!.has(id))
        throw new Error(`account ${account}: the lost transfer ${id} came back`)
    }
    const present = new Set(ids)
    this.#fates.forEach((fate, id) => {
      if (fate !== 'committed' || present.has(id) || this.#lost[account]!.has(id)) return
      if (!lossAllowed || id < last) throw new Error(`account ${account} lost transfer ${id}`)
    })
  }
}
