import { Observable } from 'rxjs'
import type { ConsumerRecord, Log } from '../../log/index.js'
import type { Serde } from '../../serde/index.js'

export interface ObserveOptions<K, V> {
  /** Default: the serde of the topology's sink or source of this topic, or the application's. */
  readonly keySerde?: Serde<K>
  readonly valueSerde?: Serde<V>
  /** Where to begin. Default 'latest': with what is written from now on. */
  readonly from?: 'earliest' | 'latest'
}

export interface ToObservableOptions<K, V> {
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Where to begin. Default 'latest': with what is written from now on. */
  readonly from?: 'earliest' | 'latest'
}

/** The other way round from `fromObservable`: the committed records of a topic; see `KafkaStreams.observe`. */
export function toObservable<K, V>(
  log: Log,
  topic: string,
  { keySerde, valueSerde, from = 'latest' }: ToObservableOptions<K, V>,
): Observable<ConsumerRecord<K, V>> {
  return observeTopic(log, topic, { keySerde, valueSerde, from })
}

/**
 * The committed records of a topic, for ever. Each subscription reads on its own, and no faster than its subscribers
 * take records; unsubscribing closes it. Errors with what the log throws.
 */
export function observeTopic<K, V>(
  log: Log,
  topic: string,
  options: Required<ObserveOptions<K, V>> & {
    /** Called once it stands where it begins: everything that is committed from then on will come. */
    readonly onBegin?: () => void
  },
): Observable<ConsumerRecord<K, V>> {
  return new Observable((subscriber) => {
    const consumer = log.consumer<K, V>({
      keySerde: options.keySerde,
      valueSerde: options.valueSerde,
      isolationLevel: 'read_committed',
      autoOffsetReset: options.from,
    })
    subscriber.add(() => {
      consumer.close().catch(() => {})
    })
    const begin = async () => {
      const [description] = await log.admin.describeTopics([topic])
      if (subscriber.closed) return
      const partitions = description!.partitions.map(({ partition }) => ({ topic, partition }))
      consumer.assign(partitions)
      for (const partition of partitions) await consumer.position(partition)
      if (subscriber.closed) return
      options.onBegin?.()
      subscriber.add(consumer.records().subscribe(subscriber))
    }
    begin().catch((error: unknown) => subscriber.error(error))
  })
}
