import type { DataSource, Metastore } from '../metastore.js'
import type { QueryApps } from './query-apps.js'

/**
 * Read your writes: before a pull query reads, the queries that lead from what this session has inserted to what is read
 * are let catch up. Others' records are read as they come (ksqlDB's pull queries are eventually consistent).
 */
export class SessionWrites {
  readonly #metastore: () => Metastore
  readonly #apps: QueryApps
  /** Counts insertions; a query that has caught up with a count has seen all up to it. */
  #count = 0
  readonly #insertedAt = new Map<string, number>()
  readonly #seenBy = new Map<string, number>()

  constructor(metastore: () => Metastore, apps: QueryApps) {
    this.#metastore = metastore
    this.#apps = apps
  }

  inserted({ topic }: DataSource): void {
    this.#insertedAt.set(topic, ++this.#count)
  }

  /** Resolves once everything inserted so far is in `source`; does not wait for queries that are paused or have failed. */
  async visibleIn(source: DataSource): Promise<void> {
    if (this.#count === 0) return
    await this.#follow(source, new Set())
  }

  /** Catches up upstream first; gives the newest insertion that `source` depends on. */
  async #follow(source: DataSource, visited: Set<string>): Promise<number> {
    const metastore = this.#metastore()
    let newest = this.#insertedAt.get(source.topic) ?? 0
    for (const { id, sources, sink } of metastore.queries) {
      const writes =
        source.createdBy === id || (sink !== null && metastore.find(sink)?.topic === source.topic)
      if (!writes || visited.has(id)) continue
      visited.add(id)
      let wanted = 0
      for (const name of sources) {
        const upstream = metastore.find(name)
        if (upstream !== undefined) wanted = Math.max(wanted, await this.#follow(upstream, visited))
      }
      if (wanted > (this.#seenBy.get(id) ?? 0)) await this.#catchUp(id, wanted)
      newest = Math.max(newest, wanted)
    }
    return newest
  }

  async #catchUp(id: string, count: number): Promise<void> {
    const streams = this.#apps.running.get(id)?.streams
    if (streams === undefined || streams.isPaused) return
    try {
      await streams.caughtUp()
      this.#seenBy.set(id, count)
    } catch {
      // The query has failed; its table answers with what it has, as it does to everybody.
    }
  }
}
