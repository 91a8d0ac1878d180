import type { Log } from '../../../src/log/index.js'
import { at } from '../reading.js'
import type { Circumstances, Workload, World } from './workload.js'

/** A group that commits one offset after the other, outside of transactions. */
export class CommitWorkload implements Workload {
  readonly #world: World
  /** Offsets 1, 2, 3 …; which of them were acknowledged. */
  readonly #acknowledged: boolean[] = []
  #log!: Log

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
  }

  async step(): Promise<void> {
    const offset = this.#acknowledged.push(false)
    this.#world.tell(`commit offset ${offset}`)
    const consumer = this.#log.consumer({ groupId: 'reader', enableAutoCommit: false })
    await consumer.commit([{ ...at('plain'), offset }])
    this.#acknowledged[offset - 1] = true
  }

  async check({ lossAllowed, reopened }: Circumstances): Promise<void> {
    const found = (await this.#log.admin.groupOffsets('reader'))[0]?.offset ?? 0
    const least = lossAllowed ? 0 : this.#acknowledged.lastIndexOf(true) + 1
    if (found < least) throw new Error(`the committed offset is ${found}, although ${least} was acknowledged`)
    if (found > this.#acknowledged.length)
      throw new Error(`the committed offset is ${found}, which nobody committed`)
    if (!reopened) return
    // What is there now stays; what is not never comes back.
    for (let i = 0; i < this.#acknowledged.length; i++) this.#acknowledged[i] = i + 1 === found
  }
}
