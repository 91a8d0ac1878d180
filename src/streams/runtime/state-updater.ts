import { type Clock, nextEventLoopTurn } from '../../common/index.js'
import type { Consumer, DecodedBatch, FetchedBatch, Log, TopicPartition } from '../../log/index.js'
import type { ResolvedConfig } from '../config.js'
import { agreesWithState, ChangelogFollower, type StateRestoreListener } from './changelog-reader.js'
import type { TaskState } from './task-state.js'

/** Wall-clock time of one slice of restoring, ms, before the event loop and running tasks get their turn. */
const sliceMs = 10
/** How long a reader that waits for records sleeps at most, ms. Appends wake it. */
const idleMs = 3_600_000
/** How often to look again for the end of a transaction that holds a restore up, ms. */
const openTransactionMs = 50
/** How often a standby of a source topic asks how far its active task has committed, ms. */
const sourceLimitMs = 1_000

interface Following {
  readonly state: TaskState
  readonly followers: readonly ChangelogFollower[]
  /** Null: a standby, which never ends. */
  readonly onRestored: (() => void) | null
}

export interface StateUpdaterOptions {
  readonly log: Log
  readonly config: ResolvedConfig
  readonly listener: StateRestoreListener
  readonly onFailure: (error: unknown) => void
}

/**
 * Brings the stores of tasks up to date with their changelogs, beside the tasks that run: of active tasks up to the end
 * of the changelog, of standbys for ever.
 *
 * The end is the log's, not the last stable offset: an owner before may have left a transaction open there, and only
 * when it is over is the state known.
 */
export class StateUpdater {
  readonly #options: StateUpdaterOptions
  readonly #clock: Clock
  /** Knows the ends of the log and, in the group's name, committed offsets; reads nothing. */
  readonly #offsets: Consumer
  readonly #following = new Map<string, Following>()
  /** Made with the first changelog there is something to read of. */
  #reader: Consumer | null = null
  /** What the reader reads, by the name of the partition. */
  #reading = new Map<string, readonly ChangelogFollower[]>()
  /** The reader shall read other partitions. */
  #changed = false
  #closed = false
  #loop: Promise<void> = Promise.resolve()
  #nextSourceLimits = 0

  constructor(options: StateUpdaterOptions) {
    const { log, config } = options
    this.#options = options
    this.#clock = config.clock
    this.#offsets = log.consumer({
      groupId: config.applicationId,
      enableAutoCommit: false,
      isolationLevel: 'read_uncommitted',
    })
  }

  /**
   * Restores an active task; `sourceEnds` gives, by topic, how far source topics that serve as changelogs have been
   * processed: the rest is input. A standby goes on from where it is.
   */
  async restore(
    state: TaskState,
    sourceEnds: ReadonlyMap<string, number>,
    onRestored: () => void,
  ): Promise<void> {
    const standby = this.#following.get(state.taskId)
    const followers = standby?.followers ?? (await this.#open(state, sourceEnds))
    const ends = await this.#offsets.endOffsets(followers.map(({ changelog }) => changelog))
    if (this.#closed || state.closed) return
    for (const [i, follower] of followers.entries()) {
      const { fromSource } = follower.store
      follower.restartAt(
        fromSource ? Math.min(ends[i]!, sourceEnds.get(follower.changelog.topic) ?? 0) : ends[i]!,
      )
      this.#options.listener.onRestoreStart?.(follower.restore)
    }
    this.#follow({ state, followers, onRestored })
  }

  async addStandby(state: TaskState): Promise<void> {
    const topics = state.manager.stores.filter(({ fromSource }) => fromSource)
    const at = topics.map(({ changelogTopic }) => ({ topic: changelogTopic!, partition: state.partition }))
    const committed = await this.#offsets.committed(at)
    const ends = new Map(at.map(({ topic }, i) => [topic, committed[i]?.offset ?? 0]))
    const followers = await this.#open(state, ends)
    if (this.#closed || state.closed || this.#following.has(state.taskId)) return
    for (const follower of followers) {
      if (!follower.store.fromSource) follower.limit = Number.POSITIVE_INFINITY
    }
    this.#follow({ state, followers, onRestored: null })
  }

  /** Where each store with a changelog begins. */
  async #open(state: TaskState, sourceEnds: ReadonlyMap<string, number>): Promise<ChangelogFollower[]> {
    const logged = state.manager.stores.filter(({ changelogTopic }) => changelogTopic !== null)
    const at = logged.map(({ changelogTopic }) => ({ topic: changelogTopic!, partition: state.partition }))
    const begins = await this.#offsets.beginningOffsets(at)
    const ends = await this.#offsets.endOffsets(at)
    const followers: ChangelogFollower[] = []
    for (const [i, store] of logged.entries()) {
      if (this.#closed || state.closed) return []
      const { topic } = at[i]!
      const begin = begins[i]!
      const end = store.fromSource ? Math.min(ends[i]!, sourceEnds.get(topic) ?? 0) : ends[i]!
      const recorded = store.spec.persistent ? state.manager.database.changelogOffset(store.spec.name) : null
      const within = recorded !== null && recorded <= end
      const agrees = !within || (await agreesWithState(() => this.#newReader(), state, store, at[i]!, begin))
      if (this.#closed || state.closed) return []
      followers.push(ChangelogFollower.at(state, store, { topic, begin, end, agrees }))
    }
    return followers
  }

  #follow(following: Following): void {
    this.#following.set(following.state.taskId, following)
    this.#finish()
    if (this.#following.size > 0) this.#read()
  }

  /** Lets go of a task; what has been restored so far is kept. The state stays open. */
  remove(state: TaskState): void {
    const following = this.#following.get(state.taskId)
    if (following?.state !== state) return
    this.#following.delete(state.taskId)
    this.#changed = true
    for (const follower of following.followers) {
      follower.commit()
      if (following.onRestored !== null) this.#options.listener.onRestoreSuspended?.(follower.restore)
    }
  }

  /** Records that the copy of a standby is behind its changelogs, as far as is known here; null: no such standby. */
  lag(taskId: string): number | null {
    const following = this.#following.get(taskId)
    if (following === undefined) return null
    return following.followers.reduce((sum, follower) => sum + follower.behind, 0)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { state } of [...this.#following.values()]) this.remove(state)
    this.#reader?.wakeup()
    await this.#loop
    await this.#reader?.close()
    await this.#offsets.close()
  }

  // ------------------------------------------------------------------------------------------------- reading

  /** Starts the reader with the first task there is something to read for. */
  #read(): void {
    this.#changed = true
    if (this.#reader !== null) {
      this.#reader.wakeup()
      return
    }
    this.#reader = this.#newReader()
    this.#loop = this.#run(this.#reader)
  }

  #newReader(): Consumer {
    const { log, config } = this.#options
    return log.consumer({
      isolationLevel:
        config.processingGuarantee === 'exactly_once_v2' ? 'read_committed' : 'read_uncommitted',
      autoOffsetReset: 'earliest',
    })
  }

  async #run(reader: Consumer): Promise<void> {
    let waitMs = 0
    try {
      while (!this.#closed) {
        if (this.#changed) waitMs = 0
        this.#assign(reader)
        const batches = await reader.pollBatches(waitMs)
        await this.#apply(batches)
        await this.#skipMarkers(reader)
        if (batches.length === 0) this.#atEnd()
        await this.#moveSourceLimits()
        this.#finish()
        waitMs = batches.length > 0 ? 0 : this.#pauseMs()
      }
    } catch (error) {
      if (!this.#closed) this.#options.onFailure(error)
    }
  }

  /** Only here, between two polls, so that a batch never meets a follower that stands elsewhere. */
  #assign(reader: Consumer): void {
    if (!this.#changed) return
    this.#changed = false
    const before = this.#reading
    this.#reading = new Map()
    for (const { followers } of this.#following.values()) {
      for (const follower of followers) {
        if (follower.done) continue
        const name = nameOf(follower.changelog)
        this.#reading.set(name, [...(this.#reading.get(name) ?? []), follower])
      }
    }
    const partitions = [...this.#reading.values()].map(([first]) => first!.changelog)
    reader.assign(partitions)
    for (const at of partitions) {
      const followers = this.#reading.get(nameOf(at))!
      const known = before.get(nameOf(at))
      if (known !== undefined && followers.every((follower) => known.includes(follower))) continue
      reader.seek(at, Math.min(...followers.map(({ position }) => position)))
    }
  }

  async #apply(batches: readonly FetchedBatch[]): Promise<void> {
    let sliceEnd = this.#clock.now() + sliceMs
    for (const batch of batches) {
      const raw = batch.decode()
      for (const follower of this.#reading.get(nameOf(batch)) ?? []) this.#applyTo(follower, raw)
      if (this.#clock.now() < sliceEnd) continue
      await nextEventLoopTurn()
      sliceEnd = this.#clock.now() + sliceMs
    }
  }

  #applyTo(follower: ChangelogFollower, raw: DecodedBatch): void {
    const following = this.#following.get(follower.state.taskId)
    // Taken away while its batch was on the way.
    if (following === undefined || !following.followers.includes(follower)) return
    const records = follower.apply(raw)
    if (records === 0 || following.onRestored === null) return
    this.#options.listener.onBatchRestored?.({ ...follower.restore, batchEndOffset: follower.position - 1 })
  }

  /** Over what is in the log but is no record: markers, and records of aborted transactions. */
  async #skipMarkers(reader: Consumer): Promise<void> {
    for (const followers of this.#reading.values()) {
      const position = await reader.position(followers[0]!.changelog)
      for (const follower of followers) follower.skipTo(position)
    }
  }

  /** Everything there is has been read: a good moment for standbys to write down how far they are. */
  #atEnd(): void {
    for (const { followers, onRestored } of this.#following.values()) {
      if (onRestored !== null) continue
      for (const follower of followers) if (!follower.done) follower.reachedEnd()
    }
  }

  /** A standby must not pass what its active task has committed of a source topic: that is still input. */
  async #moveSourceLimits(): Promise<void> {
    const followers = this.#standbysOfSources()
    if (followers.length === 0 || this.#clock.now() < this.#nextSourceLimits) return
    this.#nextSourceLimits = this.#clock.now() + sourceLimitMs
    const committed = await this.#offsets.committed(followers.map(({ changelog }) => changelog))
    for (const [i, follower] of followers.entries()) {
      const offset = committed[i]?.offset ?? 0
      if (offset <= follower.limit) continue
      follower.limit = offset
      this.#changed = true
    }
  }

  #standbysOfSources(): ChangelogFollower[] {
    return [...this.#following.values()].flatMap(({ followers, onRestored }) =>
      onRestored === null ? followers.filter(({ store }) => store.fromSource) : [],
    )
  }

  #pauseMs(): number {
    for (const { onRestored } of this.#following.values()) if (onRestored !== null) return openTransactionMs
    return this.#standbysOfSources().length > 0 ? sourceLimitMs : idleMs
  }

  /** Hands over the active tasks that are done. */
  #finish(): void {
    for (const { state, followers, onRestored } of [...this.#following.values()]) {
      if (onRestored === null || followers.some((follower) => !follower.done)) continue
      this.#following.delete(state.taskId)
      this.#changed = true
      for (const follower of followers) {
        follower.commit()
        this.#options.listener.onRestoreEnd?.(follower.restore)
      }
      onRestored()
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
