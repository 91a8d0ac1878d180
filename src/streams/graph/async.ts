import { longSerde, type Serde } from '../../serde/index.js'
import { type StoreSpec, Stores } from '../../state/index.js'
import type {
  AsyncFlatMapper,
  AsyncKeyValueMapper,
  AsyncOptions,
  AsyncRetry,
  AsyncValueMapper,
} from '../async-options.js'
import { TopologyError } from '../errors.js'
import type { KeyValue } from '../functions.js'
import { keyIdentity } from '../key-identity.js'
import { type AsyncStep, asyncOperator, type ResolvedAsyncOptions } from '../processors/async.js'
import { inFlightSerde } from '../processors/in-flight-records.js'
import type { StreamHandle } from './handles.js'
import { attach, type Effect } from './stateless.js'

/* The asynchronous operators: what each calls, and what it makes of the answer. */

type AnyAsyncOptions = AsyncOptions<unknown, unknown>

export function mapValuesAsync(
  stream: StreamHandle,
  mapper: AsyncValueMapper<never, never, unknown>,
  options: AnyAsyncOptions,
): StreamHandle {
  const map = mapper as AsyncValueMapper<unknown, unknown, unknown>
  const step: AsyncStep = {
    call: (key, value, call) => map(value, key, call),
    emit: (out, answer, batch, row) => out.push(batch.keys[row], answer, batch.timestamps[row]!, batch, row),
  }
  return attachAsync(stream, 'KSTREAM-MAPVALUES-ASYNC-', step, options, { value: 'changed' })
}

export function flatMapAsync(
  stream: StreamHandle,
  mapper: AsyncFlatMapper<never, never, unknown, unknown>,
  options: AnyAsyncOptions,
): StreamHandle {
  const map = mapper as AsyncFlatMapper<unknown, unknown, unknown, unknown>
  const step: AsyncStep = {
    // A generator is user code that may throw: it runs to its end while the call can still be tried again.
    call: async (key, value, call) => [...(await map(key, value, call))],
    emit(out, answer, batch, row) {
      for (const pair of answer as KeyValue<unknown, unknown>[]) {
        out.push(pair[0], pair[1], batch.timestamps[row]!, batch, row)
      }
    },
  }
  return attachAsync(stream, 'KSTREAM-FLATMAP-ASYNC-', step, options, { key: 'changed', value: 'changed' })
}

export function filterAsync(
  stream: StreamHandle,
  predicate: AsyncKeyValueMapper<never, never, boolean>,
  options: AnyAsyncOptions,
): StreamHandle {
  return attachAsync(stream, 'KSTREAM-FILTER-ASYNC-', passing(predicate, false), options, {})
}

export function peekAsync(
  stream: StreamHandle,
  action: AsyncKeyValueMapper<never, never, unknown>,
  options: AnyAsyncOptions,
): StreamHandle {
  return attachAsync(stream, 'KSTREAM-PEEK-ASYNC-', passing(action, true), options, {})
}

/** Records go on as they are: all of them, or those with a true answer. */
function passing(asked: AsyncKeyValueMapper<never, never, unknown>, all: boolean): AsyncStep {
  const ask = asked as AsyncKeyValueMapper<unknown, unknown, unknown>
  return {
    call: (key, value, call) => ask(key, value, call),
    emit(out, answer, batch, row) {
      if (all || answer) out.push(batch.keys[row], batch.values[row], batch.timestamps[row]!, batch, row)
    },
  }
}

function attachAsync(
  stream: StreamHandle,
  prefix: string,
  step: AsyncStep,
  options: AnyAsyncOptions,
  effect: Effect,
): StreamHandle {
  const name = stream.graph.named(options.name, prefix)
  const { onError } = options
  const identity = keyIdentity(stream.keySerde ?? stream.graph.defaults.key)
  const kept = inFlightStore(stream, name, options)
  return attach(stream, name, asyncOperator(step, resolve(name, options), identity, kept?.name ?? null), {
    ...effect,
    stores: [...(options.stores ?? []), ...(kept === null ? [] : [kept])],
    ...(typeof onError === 'object' ? { deadLetterTopic: onError.deadLetterTopic } : {}),
  })
}

/** Where commits keep what is in flight; null where they wait for it. */
function inFlightStore(stream: StreamHandle, name: string, options: AnyAsyncOptions): StoreSpec | null {
  const keySerde = options.keySerde ?? stream.keySerde
  const valueSerde = options.valueSerde ?? stream.valueSerde
  if (options.atCommit === 'wait') return null
  if (keySerde === null || valueSerde === null) {
    if (options.atCommit === undefined) return null
    throw new TopologyError('records in flight can be stored only where their serdes are known; give them', {
      place: { node: name },
    })
  }
  return Stores.keyValue({
    name: `${name}-in-flight`,
    keySerde: longSerde as Serde<unknown>,
    valueSerde: inFlightSerde(keySerde, valueSerde),
    persistent: stream.graph.defaultStoreType === 'sqlite',
  })
}

function resolve(name: string, options: AnyAsyncOptions): ResolvedAsyncOptions {
  const { concurrency = 16, ordering = 'key', timeoutMs = 30_000, onError } = options
  const {
    attempts = 1,
    backoffMs = 100,
    maxBackoffMs = 10_000,
    jitter = 0,
  } = options.retry ?? ({} as AsyncRetry)
  atLeast(name, 'concurrency', concurrency, 1)
  atLeast(name, 'timeoutMs', timeoutMs, 1)
  atLeast(name, 'retry.attempts', attempts, 1)
  atLeast(name, 'retry.backoffMs', backoffMs, 0)
  atLeast(name, 'retry.maxBackoffMs', maxBackoffMs, 0)
  atLeast(name, 'retry.jitter', jitter, 0)
  atLeast(name, '1 - retry.jitter', 1 - jitter, 0)
  const retryIf = options.retry?.retryIf ?? (() => true)
  const retry = { attempts, backoffMs, maxBackoffMs, jitter, retryIf }
  return { concurrency, ordering, timeoutMs, retry, onError }
}

function atLeast(node: string, option: string, value: number, least: number): void {
  if (!(value >= least)) {
    throw new TopologyError(`${option} must be a number of at least ${least}, found ${value}`, {
      place: { node },
    })
  }
}
