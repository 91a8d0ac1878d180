import type { Log } from '../../log/index.js'
import type { ResolvedConfig } from '../config.js'
import { StreamsPartitionAssignor } from './streams-partition-assignor.js'

/**
 * Stops all instances of an application (KIP-671): joins their group as a member that asks for no tasks but for the end,
 * which the leader passes on to everybody.
 */
export async function requestApplicationShutdown(
  log: Log,
  config: ResolvedConfig,
  processId: string,
): Promise<void> {
  let told = false
  const consumer = log.consumer({
    clientId: `${config.applicationId}-${processId}-shutdown`,
    groupId: config.applicationId,
    enableAutoCommit: false,
    maxPollIntervalMs: config.maxPollIntervalMs,
    sessionTimeoutMs: config.sessionTimeoutMs,
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    assignors: [
      new StreamsPartitionAssignor({
        tasks: [],
        numStandbyReplicas: 0,
        subscription: () => ({ processId, slot: null, tasks: {}, applicationServer: null, shutdown: true }),
        onAssignment: () => {
          told = true
        },
        onDeparted: async () => {},
      }),
    ],
  })
  try {
    // Reads nothing: a name no topic has.
    consumer.subscribe([`${config.applicationId}-shutdown`])
    while (!told) await consumer.poll(config.heartbeatIntervalMs)
  } finally {
    await consumer.close()
  }
}
