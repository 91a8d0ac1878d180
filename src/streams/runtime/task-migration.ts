import { isKafkaError } from '../../log/index.js'
import { StreamsError } from '../errors.js'

/** This instance was taken for dead, and its tasks are with others: what it has not committed is undone. */
export class TaskMigratedError extends StreamsError {
  constructor(message: string) {
    super('STREAMS_TASK_MIGRATED', message)
  }
}

/** How the log tells a producer or a member of a group that its place is taken. */
const refusals = [
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
] as const

/** Whether the instance lost its tasks, and nothing else is wrong: it joins again. */
export function isMigration(error: unknown): boolean {
  if (error instanceof TaskMigratedError || refusals.some((name) => isKafkaError(error, name))) return true
  return error instanceof Error && error.cause !== undefined && isMigration(error.cause)
}
