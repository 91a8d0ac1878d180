import { MessageChannel, Worker } from 'node:worker_threads'
import { type CarriedError, MessageEndpoint, PortClosedError, restoreError } from '../../common/index.js'
import { type Log, serveLog } from '../../log/index.js'
import { StreamsError } from '../errors.js'
import type { StreamsMetrics, StreamsState } from '../runtime/kafka-streams.js'
import {
  CONTROL_TARGET,
  type ToldFailure,
  type ToldState,
  type WorkerSettings,
  type WorkerStarted,
} from './worker-messages.js'

export interface StreamsWorkerOptions extends Pick<WorkerSettings, 'module' | 'config' | 'paused'> {
  readonly index: number
  readonly log: Log
  /** Undefined: those of this process. */
  readonly execArgv: readonly string[] | undefined
  readonly onState: (worker: StreamsWorker) => void
  /** Called once, when the thread has ended; null: it was closed. */
  readonly onEnd: (worker: StreamsWorker, failure: unknown) => void
}

/** Beside this file, in the same language. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js',
  import.meta.url,
)

/** One worker thread, as the main thread sees it. */
export class StreamsWorker {
  readonly index: number
  state: StreamsState = 'CREATED'
  /** It has been RUNNING. */
  hasRun = false
  subtopologies = 1
  readonly #thread: Worker
  readonly #control: MessageEndpoint
  readonly #options: StreamsWorkerOptions
  readonly #ended: Promise<void>
  #closing = false
  #failure: unknown = null

  constructor(options: StreamsWorkerOptions) {
    this.#options = options
    this.index = options.index
    const logs = new MessageChannel()
    const control = new MessageChannel()
    // When the thread ends, however, its end of the port closes, and with it what it had of the log.
    serveLog(options.log, logs.port1)
    this.#control = new MessageEndpoint(control.port1)
    this.#control.handle(CONTROL_TARGET, (method, args) => this.#told(method, args))
    const { module, config, paused, execArgv } = options
    const settings: WorkerSettings = {
      module,
      config,
      paused,
      logPort: logs.port2,
      controlPort: control.port2,
    }
    this.#thread = new Worker(entry, {
      name: `${config.applicationId}-worker-${options.index}`,
      workerData: settings,
      transferList: [logs.port2, control.port2],
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    })
    this.#thread.on('error', (error) => {
      this.#failure ??= error
    })
    this.#ended = new Promise((resolve) => {
      this.#thread.on('exit', (code) => {
        this.#control.close()
        this.#end(code)
        resolve()
      })
    })
  }

  /** Of the thread, as Node counts them. */
  get threadId(): number {
    return this.#thread.threadId
  }

  /** Resolves when the instance is RUNNING. Throws what ended it before. */
  async start(): Promise<void> {
    try {
      const { subtopologies } = (await this.#call('start')) as WorkerStarted
      this.subtopologies = subtopologies
    } catch (error) {
      await this.#fail(error)
      throw this.#failure
    }
  }

  async caughtUp(): Promise<void> {
    await this.#call('caughtUp')
  }

  /** Null: the thread has ended. */
  async metrics(): Promise<StreamsMetrics | null> {
    try {
      return (await this.#call('metrics')) as StreamsMetrics
    } catch (error) {
      if (error instanceof PortClosedError) return null
      throw error
    }
  }

  pause(): void {
    this.#control.tell(CONTROL_TARGET, 'pause', [])
  }

  resume(): void {
    this.#control.tell(CONTROL_TARGET, 'resume', [])
  }

  /** Commits, and ends the thread. Throws when the last commit fails. */
  async close(): Promise<void> {
    this.#closing = true
    try {
      await this.#call('close')
    } catch (error) {
      if (!(error instanceof PortClosedError)) throw error
    } finally {
      await this.terminate()
    }
  }

  /** Ends the thread at once, as a crash would. */
  async terminate(): Promise<void> {
    await this.#thread.terminate()
    await this.#ended
  }

  #call(method: string): Promise<unknown> {
    return this.#control.call(CONTROL_TARGET, method, [])
  }

  #told(method: string, args: readonly unknown[]): void {
    if (method === 'state') {
      const [state] = args as unknown as ToldState
      this.state = state
      this.hasRun ||= state === 'RUNNING'
      this.#options.onState(this)
    } else if (method === 'failed') {
      const [error] = args as unknown as ToldFailure
      void this.#fail(restoreError(error as CarriedError))
    }
  }

  async #fail(error: unknown): Promise<void> {
    // A thread that has ended says why when it exits.
    if (!(error instanceof PortClosedError)) this.#failure ??= error
    await this.terminate()
  }

  #end(exitCode: number): void {
    this.state = this.#closing ? 'NOT_RUNNING' : 'ERROR'
    if (!this.#closing) {
      this.#failure ??= new StreamsError(
        'STREAMS_WORKER_ENDED',
        `worker ${this.index} of ${this.#options.config.applicationId} ended with exit code ${exitCode}`,
      )
    }
    this.#options.onEnd(this, this.#closing ? null : this.#failure)
  }
}
