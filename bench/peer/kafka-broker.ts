import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaClassPath, kafkaTools } from '../../test/peer/kafka-tools.js'

const START_MS = 60_000
const STOP_MS = 15_000
/** Any: Kafka wants one. */
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg'

/** A Kafka broker of one node (KRaft), on the loopback interface alone, with its data in a temporary directory. */
export class KafkaBroker {
  readonly address: string
  readonly #home: string
  readonly #process: ChildProcess
  readonly #output: string

  private constructor(address: string, home: string) {
    this.address = address
    this.#home = home
    this.#output = join(home, 'output')
    const output = openSync(this.#output, 'w')
    const java = ['-Xms1g', '-Xmx1g', '-XX:+UseG1GC', '-cp', kafkaClassPath()]
    this.#process = spawn('java', [...java, 'kafka.Kafka', join(home, 'server.properties')], {
      stdio: ['ignore', output, output],
    })
    closeSync(output)
  }

  /** Throws where it does not answer within a minute, with what it printed. */
  static async start(): Promise<KafkaBroker> {
    const home = mkdtempSync(join(tmpdir(), 'forebay-peer-broker-'))
    const [port, controllerPort] = [await freePort(), await freePort()]
    const properties = join(home, 'server.properties')
    writeFileSync(properties, settings(home, port, controllerPort))
    const { failure, stderr } = kafkaTools()('kafka.tools.StorageTool', [
      ...['format', '--cluster-id', CLUSTER_ID, '--config', properties],
    ])
    if (failure !== null) throw new Error(`cannot format the broker's directory: ${failure}\n${stderr}`)
    const broker = new KafkaBroker(`127.0.0.1:${port}`, home)
    try {
      await broker.#answers(port)
    } catch (error) {
      await broker.stop()
      throw error
    }
    return broker
  }

  async #answers(port: number): Promise<void> {
    for (let waited = 0; !(await canConnect(port)); waited += 250) {
      if (this.#process.exitCode !== null || waited > START_MS) {
        throw new Error(`the broker does not answer:\n${readFileSync(this.#output, 'utf8').slice(-5000)}`)
      }
      await sleep(250)
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const exited = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      const inTime = await Promise.race([exited.then(() => true), sleep(STOP_MS, false)])
      if (!inTime) {
        this.#process.kill('SIGKILL')
        await exited
      }
    }
    rmSync(this.#home, { recursive: true, force: true })
  }
}

function settings(home: string, port: number, controllerPort: number): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
log.dirs=${join(home, 'data')}
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
