import { Serdes } from '../../../src/serde/index.js'
import { type StoreSpec, Stores } from '../../../src/state/index.js'
import * as streams from '../../../src/streams/index.js'
import { type CatalogueEntry, serdeOfType } from './catalogue.js'
import { translate } from './notation.js'
import { type ProcessorDefinition, ProcessorScope, supplierOf } from './processors.js'

type AnyFunction = (...values: unknown[]) => unknown
type Options = Record<string, unknown>

/** Builds the topology of a catalogue entry from its definition. */
export function buildTopology(entry: CatalogueEntry): streams.Topology {
  const binding = new Binding(entry)
  return binding.build()
}

class Binding {
  readonly #entry: CatalogueEntry
  readonly #builder = new streams.StreamsBuilder()
  readonly #names: Record<string, unknown>
  readonly #stores = new Set<string>()
  readonly #wrapped = new WeakMap<object, object>()

  constructor(entry: CatalogueEntry) {
    this.#entry = entry
    const {
      BufferConfig,
      EmitStrategy,
      JoinWindows,
      SessionWindows,
      SlidingWindows,
      Suppressed,
      TimeWindows,
    } = streams
    this.#names = {
      ...{ EmitStrategy, JoinWindows, SessionWindows, SlidingWindows, Suppressed, TimeWindows },
      unbounded: () => BufferConfig.unbounded(),
      maxRecords: (count: number) => BufferConfig.maxRecords(count),
      stream: (topics: string | string[], options: Options = {}) =>
        this.#wrap(this.#builder.stream(topics, this.#consumed(topics, options))),
      table: (topic: string, options: Options = {}) =>
        this.#wrap(this.#builder.table(topic, this.#tableOptions(topic, options))),
      globalTable: (topic: string, options: Options = {}) =>
        this.#wrap(this.#builder.globalTable(topic, this.#tableOptions(topic, options))),
      store: (name: string, spec: string) => this.#builder.addStateStore(this.#storeSpec(name, spec)),
      globalStore: (name: string, spec: string, topic: string, processor: ProcessorDefinition) =>
        this.#builder.addGlobalStore(
          this.#storeSpec(name, spec),
          topic,
          supplierOf(processor),
          this.#consumed(topic, {}),
        ),
      STREAM_TIME: 'STREAM_TIME',
      WALL_CLOCK_TIME: 'WALL_CLOCK_TIME',
      noop: () => {},
      range: (n: number) => Array.from({ length: n }, (_, i) => i),
      sizeOf: (of: { length?: number; size?: number }) => of.size ?? of.length,
      deleteAll: (store: { all(): [unknown, unknown][]; delete(key: unknown): void }) => {
        for (const [key] of store.all()) store.delete(key)
      },
      recordWith: (record: object, fields: object) => ({ ...record, ...fields }),
    }
    for (const type of ['string', 'long', 'integer', 'double', 'json', 'bytes'])
      this.#names[type] = serdeOfType(type)
  }

  build(): streams.Topology {
    const { code, functions } = translate(this.#entry.definition)
    for (const [name, source] of functions) this.#names[name] = new Function(`return ${source}`)()
    // Undeclared names of the notation are looked up, and assigned, here.
    new Function('scope', `with (scope) {\n${code}\n}`)(this.#scope())
    return this.#builder.build({
      optimize: this.#entry.config['topology.optimization'] ?? 'none',
      defaultKeySerde: Serdes.string() as streams.BuildOptions['defaultKeySerde'],
      defaultValueSerde: Serdes.string() as streams.BuildOptions['defaultValueSerde'],
    } as streams.BuildOptions)
  }

  #scope(): object {
    const globals = globalThis as unknown as Record<string, unknown>
    return new Proxy(this.#names, {
      has: (_, name) => typeof name === 'string',
      get: (names, name) => {
        if (typeof name !== 'string') return undefined
        const running = ProcessorScope.current
        if (running !== null) {
          if (name === 'context' || name === 'forward') return running[name]
          if (this.#stores.has(name)) return running.store(name)
        }
        if (name in names) return names[name]
        if (name in globals) return globals[name]
        throw new Error(`the notation does not define ${name}`)
      },
    })
  }

  // ---------------------------------------------------------------------------------------------- options

  #consumed(topics: string | string[], options: Options): Options {
    const topic = Array.isArray(topics) ? topics[0] : topics
    const input = this.#entry.inputs.find((i) => i.topic === topic)
    const serdes =
      input === undefined ? {} : { keySerde: serdeOfType(input.key), valueSerde: serdeOfType(input.value) }
    return { ...serdes, ...this.#options(options) }
  }

  #tableOptions(topic: string, options: Options): Options {
    const { store, versioned, retentionMs, ...consumed } = options
    if (store === undefined && versioned === undefined) return this.#consumed(topic, consumed)
    const serdes = this.#consumed(topic, {})
    return {
      ...this.#consumed(topic, consumed),
      materialized: { ...serdes, ...this.#options({ store, versioned, retentionMs }) },
    }
  }

  /** Options of the notation under the names of the DSL; a store's serdes are those the catalogue lists. */
  #options(options: Options): Options {
    const mapped: Options = {}
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined) continue
      if (name === 'key') mapped.keySerde = value
      else if (name === 'value' || name === 'left') mapped.valueSerde = value
      else if (name === 'right') mapped.otherValueSerde = value
      else mapped[name] = value
    }
    const listed = this.#entry.stores.find((s) => s.name === options.store)
    if (listed !== undefined) {
      mapped.keySerde ??= serdeOfType(listed.key)
      mapped.valueSerde ??= serdeOfType(listed.value)
    }
    return mapped
  }

  #storeSpec(name: string, text: string): StoreSpec {
    this.#stores.add(name)
    const types = /(\w+) -> (\w+)/.exec(text)
    if (types === null) throw new Error(`cannot read the types of store ${name}: ${text}`)
    const number = (label: string) => Number(new RegExp(`${label} (\\d+)`).exec(text)?.[1] ?? 0)
    const options = {
      name,
      keySerde: serdeOfType(types[1]!),
      valueSerde: serdeOfType(types[2]!),
      timestamped: text.includes('timestamped'),
      logging: !text.includes('no changelog'),
    }
    if (text.includes('versioned')) {
      return Stores.versioned({ ...options, historyRetentionMs: number('historyRetention') })
    }
    if (text.includes('session')) return Stores.session({ ...options, retentionMs: number('retention') })
    if (text.includes('window')) {
      return Stores.window({
        ...options,
        retentionMs: number('retention'),
        windowSizeMs: number('window size'),
        retainDuplicates: text.includes('retainDuplicates true'),
      })
    }
    return Stores.keyValue(options)
  }

  // --------------------------------------------------------------------------------------- objects of the DSL

  /** The object with methods that take and give what the notation does. */
  #wrap(raw: object): object {
    const known = this.#wrapped.get(raw)
    if (known !== undefined) return known
    const wrapper = new Proxy(raw, {
      get: (_, name) => {
        if (name === unwrapped) return raw
        if (typeof name !== 'string') return undefined
        const method = (raw as Record<string, unknown>)[name] as AnyFunction
        return (...values: unknown[]) => this.#result(method.call(raw, ...this.#arguments(raw, name, values)))
      },
    })
    this.#wrapped.set(raw, wrapper)
    return wrapper
  }

  #result(value: unknown): unknown {
    if (value instanceof Map) return new Map([...value].map(([key, v]) => [key, this.#wrap(v)]))
    return typeof value === 'object' && value !== null ? this.#wrap(value) : value
  }

  #arguments(raw: object, method: string, values: unknown[]): unknown[] {
    const plain = values.map((value, at) => this.#argument(method, value, at, values))
    const [first, second, third, ...rest] = plain
    switch (method) {
      case 'mapValues':
      case 'flatMapValues':
        return [valueMapper(first as AnyFunction), ...plain.slice(1)]
      case 'process':
      case 'processValues':
        return [supplierOf(values[0] as ProcessorDefinition), ...plain.slice(1)]
      case 'transformValues':
        return [transformer(values[0] as AnyFunction), ...plain.slice(1)]
      case 'join':
      case 'leftJoin':
      case 'outerJoin':
        if (typeof third !== 'function') return [first, joiner(second as AnyFunction), ...plain.slice(2)]
        return raw instanceof streams.KTable
          ? [first, valueMapper(second as AnyFunction), third, ...rest]
          : [first, second, joiner(third as AnyFunction), ...rest]
      case 'to':
        return [first, { ...this.#produced(first), ...(second as object) }]
      default:
        return plain
    }
  }

  #argument(method: string, value: unknown, at: number, all: unknown[]): unknown {
    if (
      typeof value === 'function' &&
      value.length === 1 &&
      (method === 'branch' || method === 'defaultBranch')
    ) {
      return value
    }
    if (typeof value !== 'object' || value === null) return value
    const raw = (value as Record<symbol, unknown>)[unwrapped]
    if (raw !== undefined) return raw
    if (method === 'suppress') return at === 0 ? { ...value, ...(all[1] as object) } : undefined
    if (Object.getPrototypeOf(value) !== Object.prototype || 'type' in value) return value
    return this.#branchFunctions(this.#options(value as Options))
  }

  /** Functions of a branch get, and give, wrapped streams. */
  #branchFunctions(options: Options): Options {
    for (const name of ['consumer', 'function']) {
      const given = options[name] as AnyFunction | undefined
      if (given === undefined) continue
      options[name] = (branch: object) => {
        const result = given(this.#wrap(branch)) as Record<symbol, unknown> | undefined
        return result?.[unwrapped]
      }
    }
    return options
  }

  #produced(topic: unknown): Options {
    const output = this.#entry.outputs.find((o) => o.topic === topic) ?? this.#entry.outputs[0]!
    return { keySerde: serdeOfType(output.key), valueSerde: serdeOfType(output.value) }
  }
}

const unwrapped = Symbol('unwrapped')

/** `v => …` or `(k, v) => …` to the DSL's `(value, key) => …`. */
function valueMapper(mapper: AnyFunction): AnyFunction {
  return mapper.length < 2 ? (value) => mapper(value) : (value, key) => mapper(key, value)
}

/** `(l, r) => …` or `(k, l, r) => …` to the DSL's `(left, right, key) => …`. */
function joiner(join: AnyFunction): AnyFunction {
  return join.length < 3 ? (left, right) => join(left, right) : (left, right, key) => join(key, left, right)
}

function transformer(transform: AnyFunction) {
  const suppliers = supplierOf((call) => {
    const { key, value, give } = call as { key: unknown; value: unknown; give: (result: unknown) => void }
    give(transform(key, value))
  })
  return () => {
    const processor = suppliers()
    return {
      init: (context: unknown) => processor.init(context),
      transform(key: unknown, value: unknown) {
        let result: unknown
        const give = (given: unknown) => {
          result = given
        }
        processor.process({ key, value, give, timestamp: 0, headers: [] } as never)
        return result
      },
    }
  }
}
