import type { MessagePort, Transferable } from 'node:worker_threads'
import { type CarriedError, carryError, restoreError } from './carried-error.js'
import { ForebayError } from './errors.js'

/** The other side is gone, or this side closed the port: what was asked gets no answer. */
export class PortClosedError extends ForebayError {
  constructor() {
    super('PORT_CLOSED', 'the port is closed: the other side has ended, or was closed')
  }
}

/** An answer some of whose memory moves instead of being copied. */
export class Transferred {
  readonly value: unknown
  readonly memory: readonly Transferable[]

  constructor(value: unknown, memory: readonly Transferable[]) {
    this.value = value
    this.memory = memory
  }
}

type Message =
  | { readonly kind: 'call'; id: number; target: number; method: string; args: readonly unknown[] }
  | { readonly kind: 'tell'; target: number; method: string; args: readonly unknown[] }
  | { readonly kind: 'answer'; id: number; value: unknown }
  | { readonly kind: 'failure'; id: number; error: CarriedError }

/** Who answers for one target. Called in the order of the messages; an answer, where one is `awaited`, may come later. */
export type MessageHandler = (method: string, args: readonly unknown[], awaited: boolean) => unknown

export interface MessageEndpointOptions {
  /** Makes the typed error out of what was carried; null: any ForebayError or Error will do. */
  readonly restore?: (carried: CarriedError) => Error | null
  /** The port is closed, by whichever side. */
  readonly onClose?: () => void
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/**
 * One side of a conversation over a MessagePort, in which both sides call each other. Messages arrive in the order in
 * which they were sent; calls are answered in whichever order they are done.
 *
 *     call  {id, target, method, args} ──▶      tell {target, method, args} ──▶   (no answer)
 *           ◀── answer {id, value} or failure {id, error}
 */
export class MessageEndpoint {
  readonly #port: MessagePort
  readonly #options: MessageEndpointOptions
  readonly #handlers = new Map<number, MessageHandler>()
  readonly #waiting = new Map<number, Waiting>()
  #nextCall = 0
  #closed = false

  constructor(port: MessagePort, options: MessageEndpointOptions = {}) {
    this.#port = port
    this.#options = options
    port.on('message', (message: Message) => this.#receive(message))
    port.on('close', () => this.#end())
  }

  get closed(): boolean {
    return this.#closed
  }

  handle(target: number, handler: MessageHandler): void {
    this.#handlers.set(target, handler)
  }

  forget(target: number): void {
    this.#handlers.delete(target)
  }

  /** Rejects with what the other side threw, or PortClosedError. */
  call(
    target: number,
    method: string,
    args: readonly unknown[],
    memory: readonly Transferable[] = [],
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(new PortClosedError())
    const id = this.#nextCall++
    return new Promise((resolve, reject) => {
      this.#port.postMessage({ kind: 'call', id, target, method, args } satisfies Message, memory)
      this.#waiting.set(id, { resolve, reject })
    })
  }

  /** Says something that needs no answer. Nothing happens once the port is closed. */
  tell(target: number, method: string, args: readonly unknown[]): void {
    if (!this.#closed) this.#port.postMessage({ kind: 'tell', target, method, args } satisfies Message)
  }

  close(): void {
    this.#port.close()
    this.#end()
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case 'call':
        void this.#answer(message.id, message.target, message.method, message.args)
        break
      case 'tell':
        this.#handlers.get(message.target)?.(message.method, message.args, false)
        break
      case 'answer':
        this.#settle(message.id)?.resolve(message.value)
        break
      case 'failure':
        this.#settle(message.id)?.reject(restoreError(message.error, this.#options.restore))
        break
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  async #answer(id: number, target: number, method: string, args: readonly unknown[]): Promise<void> {
    try {
      const handler = this.#handlers.get(target)
      if (handler === undefined) throw new PortClosedError()
      const found = await handler(method, args, true)
      const { value, memory } = found instanceof Transferred ? found : { value: found, memory: [] }
      if (!this.#closed) this.#port.postMessage({ kind: 'answer', id, value } satisfies Message, memory)
    } catch (error) {
      if (this.#closed) return
      this.#port.postMessage({ kind: 'failure', id, error: carryError(error) } satisfies Message)
    }
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { reject } of this.#waiting.values()) reject(new PortClosedError())
    this.#waiting.clear()
    this.#options.onClose?.()
  }
}

/** The bytes in memory of their own, which can be transferred. */
export function ownMemory(bytes: Uint8Array): ArrayBuffer {
  const memory = new ArrayBuffer(bytes.length)
  new Uint8Array(memory).set(bytes)
  return memory
}
