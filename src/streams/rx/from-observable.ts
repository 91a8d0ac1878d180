import { type Observable, Subject, takeUntil } from 'rxjs'
import type { Headers, Log, Producer, ProducerOptions } from '../../log/index.js'
import type { Serde } from '../../serde/index.js'
import { StreamsError } from '../errors.js'

/** A record on its way into a topic. What is left out: no key, the time of writing, the partition of the key. */
export interface TopicRecord<K, V> {
  readonly key?: K | null
  readonly value: V | null
  /** ms since the epoch. */
  readonly timestamp?: number
  readonly headers?: Headers
  readonly partition?: number
}

/** What becomes of a record that finds the buffer full. An Observable cannot be asked to wait. */
export type Overflow = 'error' | 'dropOldest' | 'dropNewest'

export interface FromObservableOptions<K, V> {
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Records that wait while the producer has no room. Default 10,000. */
  readonly bufferMax?: number
  /** Default 'error'. */
  readonly overflow?: Overflow
  /** Ends the writing; what has come before is still written. */
  readonly signal?: AbortSignal
  readonly producer?: Omit<ProducerOptions<K, V>, 'keySerde' | 'valueSerde' | 'transactionalId'>
}

export interface WrittenToTopic {
  readonly written: number
  readonly dropped: number
}

/**
 * Writes what an Observable emits into a topic, until it completes, and resolves once all of it is acknowledged.
 * An async iterable is read no faster than the log takes records: where the source can wait, that is the way.
 *
 * Rejects with the error of the source (what came before it is written), with what the log says, or with a StreamsError
 * of code STREAMS_OVERFLOW when the buffer is full and `overflow` is 'error'.
 */
export async function fromObservable<K, V>(
  log: Log,
  topic: string,
  source: Observable<TopicRecord<K, V>> | AsyncIterable<TopicRecord<K, V>>,
  options: FromObservableOptions<K, V>,
): Promise<WrittenToTopic> {
  const { keySerde, valueSerde } = options
  const producer = log.producer<K, V>({ ...options.producer, keySerde, valueSerde })
  try {
    const result =
      'subscribe' in source
        ? await writePushed(producer, topic, source, options)
        : await writePulled(producer, topic, source, options.signal)
    await producer.flush()
    return result
  } catch (error) {
    // The first error counts; what came before it is still written.
    await producer.flush().catch(() => {})
    throw error
  } finally {
    await producer.close()
  }
}

async function writePulled<K, V>(
  producer: Producer<K, V>,
  topic: string,
  source: AsyncIterable<TopicRecord<K, V>>,
  signal: AbortSignal | undefined,
): Promise<WrittenToTopic> {
  let written = 0
  for await (const record of source) {
    if (signal?.aborted) break
    await producer.write({ ...record, topic })
    written++
  }
  return { written, dropped: 0 }
}

function writePushed<K, V>(
  producer: Producer<K, V>,
  topic: string,
  source: Observable<TopicRecord<K, V>>,
  options: FromObservableOptions<K, V>,
): Promise<WrittenToTopic> {
  const { bufferMax = 10_000, overflow = 'error', signal } = options
  return new Promise((resolve, reject) => {
    const waiting: TopicRecord<K, V>[] = []
    let full = false
    let written = 0
    let dropped = 0
    /** Set once no more records come. */
    let end: { error?: unknown } | null = null
    const ended = new Subject<void>()

    const settle = () => {
      if (end === null || full) return
      if ('error' in end) reject(end.error)
      else resolve({ written, dropped })
    }
    const finish = (how: { error?: unknown }) => {
      if (end === null) {
        end = how
        ended.next()
      }
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => finish({})
    const write = (record: TopicRecord<K, V>) => {
      written++
      const room = producer.write({ ...record, topic })
      if (room === undefined) return
      full = true
      room.then(writeWaiting, (error: unknown) => {
        full = false
        waiting.length = 0
        end = { error }
        ended.next()
        settle()
      })
    }
    const writeWaiting = () => {
      full = false
      try {
        while (!full && waiting.length > 0) write(waiting.shift()!)
      } catch (error) {
        finish({ error })
      }
      settle()
    }
    const take = (record: TopicRecord<K, V>) => {
      if (end !== null) return
      if (!full) {
        write(record)
      } else if (waiting.length < bufferMax) {
        waiting.push(record)
      } else if (overflow === 'error') {
        throw overflowError(topic, bufferMax)
      } else {
        dropped++
        if (overflow === 'dropNewest' || bufferMax === 0) return
        waiting.shift()
        waiting.push(record)
      }
    }
    source.pipe(takeUntil(ended)).subscribe({
      next(record) {
        try {
          take(record)
        } catch (error) {
          finish({ error })
        }
      },
      error: (error: unknown) => finish({ error }),
      complete: () => finish({}),
    })
    if (signal?.aborted) finish({})
    else if (end === null) signal?.addEventListener('abort', onAbort)
  })
}

function overflowError(topic: string, bufferMax: number): StreamsError {
  return new StreamsError(
    'STREAMS_OVERFLOW',
    `the Observable emits faster than topic ${topic} takes records, and ${bufferMax} are waiting; give more room, ` +
      `let records be dropped (overflow), or write an async iterable, which can wait`,
  )
}
