import type { Header, Headers } from '../../../src/log/index.js'
import type { ProcessorContext, StreamRecord } from '../../../src/streams/index.js'

/** What the names `context`, `forward` and those of stores mean while a processor of the notation runs. */
export interface RunningProcessor {
  readonly context: object
  readonly forward: (record: Partial<StreamRecord<unknown, unknown>>, child?: string) => void
  readonly store: (name: string) => unknown
}

/** A processor of the notation: a function of the record, or an object with `init` and `process`. */
export type ProcessorDefinition =
  | ((record: object) => void)
  | { readonly init?: (context: object) => void; readonly process: (record: object) => void }

/** Headers as processors of the notation see them: a copy that can be changed. */
export class HeaderList {
  readonly list: Header[]

  constructor(headers: Headers) {
    this.list = [...headers]
  }

  get size(): number {
    return this.list.length
  }

  add(key: string, value: string): void {
    this.list.push({ key, value: Buffer.from(value) })
  }

  remove(key: string): void {
    for (let i = this.list.length - 1; i >= 0; i--) if (this.list[i]!.key === key) this.list.splice(i, 1)
  }
}

type AnyContext = ProcessorContext<unknown, unknown> & {
  forward(record: object, child?: string): void
}

/** Runs the functions of one processor with its own meaning of the free names. */
export class ProcessorScope {
  static #current: RunningProcessor | null = null

  static get current(): RunningProcessor | null {
    return ProcessorScope.#current
  }

  static run<T>(processor: RunningProcessor, action: () => T): T {
    const outer = ProcessorScope.#current
    ProcessorScope.#current = processor
    try {
      return action()
    } finally {
      ProcessorScope.#current = outer
    }
  }
}

export function runningProcessor(context: AnyContext): RunningProcessor {
  const processor: RunningProcessor = {
    forward: (record, child) => {
      const headers = (record.headers as unknown as HeaderList | undefined)?.list
      context.forward({ ...record, headers: headers ?? [] }, child)
    },
    store: (name) => storeView(context.getStateStore(name)),
    context: {
      schedule: (
        ms: number,
        type: 'STREAM_TIME' | 'WALL_CLOCK_TIME',
        callback: (timestamp: number) => void,
      ) =>
        context.schedule(ms, type, (timestamp) => ProcessorScope.run(processor, () => callback(timestamp))),
      currentStreamTimeMs: () => context.currentStreamTimeMs(),
      currentSystemTimeMs: () => context.currentSystemTimeMs(),
      get recordMetadata() {
        return context.recordMetadata
      },
    },
  }
  return processor
}

/** A supplier for `process` or `processValues`. */
export function supplierOf(definition: ProcessorDefinition) {
  return () => {
    let processor: RunningProcessor
    const { init, process } = typeof definition === 'function' ? { process: definition } : definition
    return {
      init(context: unknown) {
        processor = runningProcessor(context as AnyContext)
        if (init !== undefined) ProcessorScope.run(processor, () => init(processor.context))
      },
      process(record: StreamRecord<unknown, unknown>) {
        ProcessorScope.run(processor, () => process({ ...record, headers: new HeaderList(record.headers) }))
      },
    }
  }
}

interface AnyStore {
  get(key: unknown): unknown
  getAsOf(key: unknown, asOf: number): unknown
  put(...values: unknown[]): unknown
  delete(key: unknown): unknown
  all(): Iterable<{ key: unknown; value: unknown }>
  fetch(key: unknown, start: number): unknown
  fetchRange(key: unknown, from: number, to: number): Iterable<{ value: unknown }>
}

/** Until when a version holds, as the notation has it: -1 for the newest, the smallest long where it was not put. */
function validUntil(result: number | null): number | bigint {
  if (result === null) return -(2n ** 63n)
  return result === Number.POSITIVE_INFINITY ? -1 : result
}

/** A store as the notation uses it: null for what is missing, pairs for entries. */
function storeView(raw: object): object {
  const store = raw as AnyStore
  return {
    get: (key: unknown, asOf?: number) =>
      (asOf === undefined ? store.get(key) : store.getAsOf(key, asOf)) ?? null,
    put: (...values: unknown[]) => {
      const result = store.put(...values)
      return 'getAsOf' in store ? validUntil(result as number | null) : result
    },
    delete: (key: unknown) => store.delete(key) ?? null,
    all: () => [...store.all()].map(({ key, value }) => [key, value]),
    fetch: (key: unknown, from: number, to?: number) =>
      to === undefined
        ? (store.fetch(key, from) ?? null)
        : [...store.fetchRange(key, from, to)].map(({ value }) => value),
  }
}
