import type { MessagePort } from 'node:worker_threads'
import { type Clock, MessageEndpoint, type Random, systemClock, systemRandom } from '../../common/index.js'
import { LogClosedError } from '../client-errors.js'
import type { Admin, Consumer, ConsumerOptions, Log, Producer, ProducerOptions } from '../log.js'
import { asLogError, restoreLogError } from './carried-log-error.js'
import { MirroredTopics } from './mirrored-topics.js'
import { PortConsumer } from './port-consumer.js'
import { adminMethods, LOG_TARGET } from './port-messages.js'
import { PortProducer } from './port-producer.js'

export interface ConnectLogOptions {
  /** Of the timestamps of records without one, and of `lingerMs`. Default: the clock of the machine. */
  readonly clock?: Clock
  /** Default: the randomness of the machine. */
  readonly random?: Random
}

/** How producers and consumers reach their counterparts on the other side. */
export interface LogConnection {
  readonly endpoint: MessageEndpoint
  /** The number of this producer or consumer. */
  readonly target: number
  readonly clock: Clock
  readonly random: Random
  readonly onClose: (client: { close(): Promise<void> }) => void
  /** As the endpoint's; a closed port throws LogClosedError. */
  call(method: string, args: readonly unknown[], memory?: readonly ArrayBuffer[]): Promise<unknown>
}

/**
 * A log that lives in another thread, which gave it to `serveLog` with the other end of the port. Batches move between
 * the threads as a whole; records are encoded and decoded on this side.
 *
 * Two things differ from a log of this thread. `beginTransaction`, `subscribe`, `seek` and their like return before the
 * other side has heard of them: what it refuses fails the next call that is awaited. And `currentLag` is as of the last
 * answer. `close` closes the producers and consumers made here, and the port; the log itself stays open.
 */
export function connectLog(port: MessagePort, options: ConnectLogOptions = {}): Log {
  return new PortLog(port, options)
}

class PortLog implements Log {
  readonly admin: Admin
  readonly #endpoint: MessageEndpoint
  readonly #topics = new MirroredTopics()
  readonly #clock: Clock
  readonly #random: Random
  readonly #clients = new Set<{ close(): Promise<void> }>()
  #nextTarget = LOG_TARGET + 1
  #closing: Promise<void> | null = null

  constructor(port: MessagePort, { clock = systemClock, random = systemRandom }: ConnectLogOptions) {
    this.#endpoint = new MessageEndpoint(port, { restore: restoreLogError })
    this.#clock = clock
    this.#random = random
    const methods = Object.keys(adminMethods).map((method) => [
      method,
      (...args: readonly unknown[]) => this.#call(LOG_TARGET, method, args),
    ])
    this.admin = Object.fromEntries(methods) as Admin
  }

  producer<K = Uint8Array, V = Uint8Array>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    return this.#add((connection) => new PortProducer(connection, this.#topics, options))
  }

  consumer<K = Uint8Array, V = Uint8Array>(options: ConsumerOptions<K, V> = {}): Consumer<K, V> {
    return this.#add((connection) => new PortConsumer(connection, options))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await Promise.all([...this.#clients].map((client) => client.close()))
    } finally {
      this.#endpoint.close()
    }
  }

  #add<C extends { close(): Promise<void> }>(make: (connection: LogConnection) => C): C {
    if (this.#closing !== null) throw new LogClosedError('the log is closed')
    const target = this.#nextTarget++
    const client = make({
      endpoint: this.#endpoint,
      target,
      clock: this.#clock,
      random: this.#random,
      onClose: (closed) => {
        this.#clients.delete(closed)
        this.#endpoint.forget(target)
      },
      call: (method, args, memory) => this.#call(target, method, args, memory),
    })
    this.#clients.add(client)
    return client
  }

  async #call(
    target: number,
    method: string,
    args: readonly unknown[],
    memory: readonly ArrayBuffer[] = [],
  ): Promise<unknown> {
    try {
      return await this.#endpoint.call(target, method, args, memory)
    } catch (error) {
      throw asLogError(error)
    }
  }
}
