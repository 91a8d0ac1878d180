import type { MessagePort } from 'node:worker_threads'
import { MessageEndpoint } from '../../common/index.js'
import { KafkaError } from '../errors.js'
import type { Admin, Log } from '../log.js'
import { restoreLogError } from './carried-log-error.js'
import { HostedConsumer } from './hosted-consumer.js'
import { HostedProducer } from './hosted-producer.js'
import {
  adminMethods,
  type CarriedConsumerOptions,
  type CarriedProducerOptions,
  LOG_TARGET,
} from './port-messages.js'

/** The side of a port where the log is. */
export interface LogServer {
  /** Closes the producers and consumers of the client, then the port. The log stays open. */
  close(): Promise<void>
}

interface HostedClient {
  close(): Promise<void>
  abandon?(): Promise<void>
}

/**
 * Gives whoever has the other end of the port, another thread as a rule, the log to use through `connectLog`. When that
 * thread ends, its consumers leave their groups and its open transactions are aborted; what it did not commit is read
 * again.
 */
export function serveLog(log: Log, port: MessagePort): LogServer {
  return new PortServer(log, port)
}

class PortServer implements LogServer {
  readonly #log: Log
  readonly #endpoint: MessageEndpoint
  readonly #clients = new Map<number, HostedClient>()

  constructor(log: Log, port: MessagePort) {
    this.#log = log
    this.#endpoint = new MessageEndpoint(port, {
      restore: restoreLogError,
      onClose: () => this.#abandonClients(),
    })
    this.#endpoint.handle(LOG_TARGET, (method, args) => this.#handle(method, args))
  }

  async close(): Promise<void> {
    await this.#closeClients()
    this.#endpoint.close()
  }

  #handle(method: string, args: readonly unknown[]): unknown {
    if (method === 'producer') return this.#addProducer(...(args as [number, CarriedProducerOptions]))
    if (method === 'consumer') return this.#addConsumer(...(args as [number, CarriedConsumerOptions]))
    if (method === 'close') return this.#closeClients()
    if (!(method in adminMethods)) throw new KafkaError('INVALID_REQUEST', `a log has no method ${method}`)
    const admin = this.#log.admin as unknown as Record<keyof Admin, (...args: readonly unknown[]) => unknown>
    return admin[method as keyof Admin](...args)
  }

  #addProducer(target: number, options: CarriedProducerOptions): void {
    this.#add(target, () => new HostedProducer(this.#log, options))
  }

  #addConsumer(target: number, options: CarriedConsumerOptions): void {
    this.#add(target, () => new HostedConsumer(this.#log, this.#endpoint, target, options))
  }

  /** What refuses to be made answers every call with the reason. */
  #add<C extends HostedProducer | HostedConsumer>(target: number, make: () => C): void {
    try {
      const client = make()
      this.#clients.set(target, client)
      this.#endpoint.handle(target, (method, args, awaited) => {
        if (!awaited) return client.tell(method, args)
        if (method === 'close') {
          this.#clients.delete(target)
          this.#endpoint.forget(target)
        }
        return client.call(method, args)
      })
    } catch (error) {
      this.#endpoint.handle(target, (_method, _args, awaited) => {
        if (awaited) throw error
      })
    }
  }

  async #closeClients(): Promise<void> {
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    await Promise.all(clients.map((client) => client.close()))
  }

  /** Nobody is there any more to be told of a failure. */
  #abandonClients(): void {
    for (const client of this.#clients.values()) {
      const gone = client.abandon?.() ?? client.close()
      gone.catch(() => {})
    }
    this.#clients.clear()
  }
}
