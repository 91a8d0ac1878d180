import { workerData } from 'node:worker_threads'
import { carryError, type FileSystem, MessageEndpoint, nodeFiles } from '../../common/index.js'
import { connectLog } from '../../log/index.js'
import { KafkaStreams } from '../runtime/kafka-streams.js'
import { StreamsBuilder } from '../streams-builder.js'
import type { TopologyModel } from '../topology-model.js'
import {
  CONTROL_TARGET,
  type StreamsWorkerModule,
  type ToldFailure,
  type ToldState,
  type WorkerSettings,
  type WorkerStarted,
} from './worker-messages.js'

/* What runs in a worker thread: one instance of the application, steered by `StreamsWorkers`. */

const settings = workerData as WorkerSettings
const control = new MessageEndpoint(settings.controlPort)

/**
 * The folder of the state belongs to this worker alone, and `StreamsWorkers` holds its lock: one that a thread held
 * would outlast the thread, since the process goes on.
 */
const files: FileSystem = { ...nodeFiles, lock: () => ({ release() {} }) }

async function load(): Promise<{ streams: KafkaStreams; started: WorkerStarted }> {
  const app = (await import(settings.module)) as StreamsWorkerModule
  const builder = new StreamsBuilder()
  const returned = await app.default(builder)
  const topology = isTopology(returned) ? returned : builder.build()
  const { stateListener, ...options } = app.options ?? {}
  const streams = new KafkaStreams(topology, {
    ...settings.config,
    ...options,
    log: connectLog(settings.logPort),
    files,
    stateListener: (state, before) => {
      stateListener?.(state, before)
      control.tell(CONTROL_TARGET, 'state', [state] satisfies ToldState)
    },
  })
  if (settings.paused) streams.pause()
  return { streams, started: { subtopologies: topology.subtopologies.length } }
}

function isTopology(returned: unknown): returned is TopologyModel {
  return typeof returned === 'object' && returned !== null && 'subtopologies' in returned
}

const loading = load()

async function start(): Promise<WorkerStarted> {
  const { streams, started } = await loading
  await streams.start()
  void streams.finished().then(() => {
    if (streams.state !== 'ERROR') return
    control.tell(CONTROL_TARGET, 'failed', [carryError(streams.failure)] satisfies ToldFailure)
  })
  return started
}

control.handle(CONTROL_TARGET, async (method) => {
  if (method === 'start') return await start()
  const { streams } = await loading
  switch (method) {
    case 'caughtUp':
      return await streams.caughtUp()
    case 'metrics':
      return streams.metrics()
    case 'pause':
      return streams.pause()
    case 'resume':
      return streams.resume()
    case 'close':
      return await streams.close()
  }
  return undefined
})
