import { Subject } from 'rxjs'
import { openStateDatabase, type StateStore } from '../../src/state/index.js'
import {
  type AnyBatch,
  type DroppedReason,
  type KeptTime,
  type NodeContext,
  type ProcessorNode,
  type PunctuationType,
  resolveConfig,
  type Topology,
} from '../../src/streams/index.js'

export interface Row {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
  readonly oldValue?: unknown
}

export interface RunnerOptions {
  readonly emitEveryUpdate?: boolean
  /** What the processing exception handler says. Default fail: the error is thrown. */
  readonly onError?: 'continue' | 'fail'
  /** Stores of an earlier run, to run on. */
  readonly stores?: ReadonlyMap<string, StateStore>
  /** The node's own times at the end of an earlier run. */
  readonly keptTimes?: ReadonlyMap<string, KeptTime>
  /** Bound of each store's cache. */
  readonly cacheEntriesMax?: number
}

/** Runs one node of a topology with real stores and nothing else. */
export class NodeRunner {
  readonly dropped: DroppedReason[] = []
  readonly failedRows: number[] = []
  readonly emitted: AnyBatch[] = []
  readonly stores: ReadonlyMap<string, StateStore>
  readonly keptTimes = new Map<string, KeptTime>()
  readonly #input = new Subject<AnyBatch>()
  readonly #flush: (() => void)[] = []
  readonly #close: (() => void)[] = []
  #failure: unknown = null
  #offset = 0

  constructor(topology: Topology, name: string, options: RunnerOptions = {}) {
    const node = topology.nodes.get(name) as ProcessorNode
    this.stores = options.stores ?? openStores(topology, node, options.cacheEntriesMax)
    for (const [part, kept] of options.keptTimes ?? []) this.keptTimes.set(part, { ...kept })
    const context: NodeContext = {
      applicationId: 'test',
      taskId: '0_0',
      nodeName: name,
      partition: 0,
      appConfigs: resolveConfig({ applicationId: 'test' }),
      emitEveryUpdate: options.emitEveryUpdate ?? true,
      stateStore: <S extends StateStore>(store: string) => this.stores.get(store) as S,
      currentStreamTimeMs: () => -1,
      currentSystemTimeMs: () => 0,
      forward: (batch) => this.emitted.push(batch),
      schedule: (_interval: number, _type: PunctuationType) => ({ cancel() {} }),
      onFlush: (callback) => this.#flush.push(callback),
      onClose: (callback) => this.#close.push(callback),
      dropped: (reason) => this.dropped.push(reason),
      processingError: (error, _batch, row) => {
        if (options.onError !== 'continue') throw error
        this.failedRows.push(row)
      },
      keptTime: (part = '') => {
        const kept = this.keptTimes.get(part) ?? { ms: -1 }
        this.keptTimes.set(part, kept)
        return kept
      },
      requestCommit() {},
    }
    this.#input.pipe(node.operator(context)).subscribe({
      next: (batch) => this.emitted.push(batch),
      error: (error) => {
        this.#failure = error
      },
    })
  }

  /** Sends the rows as one batch; returns what came out. */
  send(rows: readonly Row[]): Row[] {
    const from = this.emitted.length
    this.#input.next(this.batchOf(rows))
    if (this.#failure !== null) throw this.#failure
    return rowsOf(this.emitted.slice(from))
  }

  /** Sends the rows in batches of `size`. */
  sendInBatches(rows: readonly Row[], size: number): Row[] {
    const out: Row[] = []
    for (let i = 0; i < rows.length; i += size) out.push(...this.send(rows.slice(i, i + size)))
    return out
  }

  flush(): Row[] {
    const from = this.emitted.length
    for (const callback of this.#flush) callback()
    return rowsOf(this.emitted.slice(from))
  }

  close(): void {
    for (const callback of this.#close) callback()
  }

  batchOf(rows: readonly Row[]): AnyBatch {
    const start = this.#offset
    this.#offset += rows.length
    return {
      size: rows.length,
      keys: rows.map((row) => row.key),
      values: rows.map((row) => row.value),
      timestamps: rows.map((row) => row.timestamp),
      oldValues: rows.some((row) => row.oldValue !== undefined)
        ? rows.map((row) => row.oldValue ?? null)
        : null,
      headers: null,
      origin: {
        topic: 'in',
        partition: 0,
        offsets: rows.map((_, i) => start + i),
        headers: rows.map((_, i) => [{ key: 'n', value: Buffer.from([start + i]) }]),
        streamTimes: rows.map((row) => row.timestamp),
      },
      rows: null,
    }
  }
}

function openStores(
  topology: Topology,
  node: ProcessorNode,
  cacheEntriesMax: number | undefined,
): Map<string, StateStore> {
  const database = openStateDatabase({ path: ':memory:' })
  const options = cacheEntriesMax === undefined ? {} : { cacheEntriesMax }
  return new Map(
    node.stores.map((name) => [name, database.openStore(topology.stores.get(name)!.spec, options)]),
  )
}

export function rowsOf(batches: readonly AnyBatch[]): Row[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.size }, (_, i) => ({
      key: batch.keys[i],
      value: batch.values[i],
      timestamp: batch.timestamps[i]!,
      ...(batch.oldValues === null ? {} : { oldValue: batch.oldValues[i] }),
    })),
  )
}

export function row(key: unknown, value: unknown, timestamp: number): Row {
  return { key, value, timestamp }
}
