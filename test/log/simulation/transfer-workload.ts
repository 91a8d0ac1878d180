import type { Consumer, Log, Producer } from '../../../src/log/index.js'
import { at, readAll, text } from '../reading.js'
import { balanceOf, TransferModel } from './transfer-model.js'
import { type Circumstances, COMPACTED, SMALL, type Workload, type World } from './workload.js'

/** A transfer writes one record to each of these, one to the balances, and the group's offset, in one transaction. */
const ACCOUNTS = [at('debits'), at('credits', 0), at('credits', 1)]
const OUTSIDE = { groupId: 'transfers', generationId: -1, memberId: '' }

/** Transactions over several topics: committed, aborted, abandoned, taken over; and a reader that follows them. */
export class TransferWorkload implements Workload {
  static readonly topics = [
    { topic: 'debits', configs: SMALL },
    { topic: 'credits', partitions: 2, configs: SMALL },
    { topic: 'balances', configs: COMPACTED },
  ]
  readonly #world: World
  readonly #model = new TransferModel(ACCOUNTS.length)
  #log!: Log
  #producer!: Producer<string, string>
  #follower!: Consumer<string, string>
  /** The producer left a transaction open. */
  #abandoned = false

  constructor(world: World) {
    this.#world = world
  }

  async open(log: Log): Promise<void> {
    this.#log = log
    await this.#register()
    this.#follower = log.consumer({ ...text, isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
    this.#follower.assign([...ACCOUNTS, at('balances')])
  }

  async #register(): Promise<void> {
    this.#producer = this.#log.producer({ ...text, transactionalId: 'bank', lingerMs: 0 })
    await this.#producer.initTransactions()
    this.#abandoned = false
  }

  async step(): Promise<void> {
    const { dice } = this.#world
    if (dice.oneIn(4)) await this.#follow()
    else if (this.#abandoned || dice.oneIn(12)) await this.#takeOver()
    else await this.#transfer()
  }

  async #transfer(): Promise<void> {
    const { dice, tell } = this.#world
    const id = this.#model.begin()
    const end = (['commit', 'commit', 'commit', 'abort', 'abort', 'abandon'] as const)[dice.below(6)]!
    tell(`transfer ${id}, to ${end}`)
    if (end !== 'commit') this.#model.aborted(id)
    try {
      await this.#write(id)
      if (end === 'commit') {
        await this.#producer.commitTransaction()
        this.#model.committed(id)
      } else if (end === 'abort') await this.#producer.abortTransaction()
      else this.#abandoned = true
    } catch (error) {
      await this.#giveUp(id)
      throw error
    }
  }

  async #write(id: number): Promise<void> {
    const { dice } = this.#world
    const producer = this.#producer
    producer.beginTransaction()
    for (const { topic, partition } of ACCOUNTS) {
      producer.write({ topic, partition, value: `${id}` })
      if (dice.oneIn(3)) await producer.flush()
    }
    producer.write({ topic: 'balances', key: balanceOf(id), value: `${id}` })
    await producer.sendOffsetsToTransaction([{ ...at('input'), offset: id + 1 }], OUTSIDE)
    if (dice.oneIn(6)) await producer.flush()
  }

  /** As an application would: abort; where that is refused, a new producer has to find out what became of it. */
  async #giveUp(id: number): Promise<void> {
    try {
      await this.#producer.abortTransaction()
      this.#model.aborted(id)
    } catch {
      this.#abandoned = true
    }
  }

  /** A second producer registers the id: the first must not be able to end what it began. */
  async #takeOver(): Promise<void> {
    this.#world.tell('take over')
    const zombie = this.#producer
    await this.#register()
    const late = await zombie.commitTransaction().then(
      () => true,
      () => false,
    )
    if (late) throw new Error('a fenced producer committed')
  }

  /** What a reader of committed data is shown must never be undone. */
  async #follow(): Promise<void> {
    this.#world.tell('follow')
    for (const { topic, partition, value } of await this.#follower.poll(0)) {
      this.#model.observed(Number(value), `${topic}-${partition}`)
    }
  }

  async check(after: Circumstances): Promise<void> {
    const committed = (place: (typeof ACCOUNTS)[number]) => readAll(this.#log, [place], 'read_committed')
    const accounts = await Promise.all(ACCOUNTS.map(committed))
    const balances = await committed(at('balances'))
    const [offset] = await this.#log.admin.groupOffsets(OUTSIDE.groupId)
    this.#model.check(
      {
        accounts: accounts.map((records) => records.map((record) => Number(record.value))),
        balances: balances.map(({ key, value }) => ({ key: key!, id: Number(value) })),
        offset: offset?.offset ?? 0,
      },
      after,
    )
  }
}
