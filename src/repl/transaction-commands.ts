import type { Log } from '../log/index.js'
import {
  actionOf,
  type CommandContext,
  printDone,
  printJson,
  printTable,
  UsageError,
} from './command-context.js'

const ACTIONS = ['list', 'describe', 'abort'] as const

export async function transactionCommand(
  context: CommandContext,
  log: Log,
  words: string[],
): Promise<number> {
  const action = actionOf('transaction', words[0], ACTIONS)
  const ids = words.slice(1)
  if (action === 'list') {
    if (ids.length > 0) throw new UsageError('transaction list takes no names')
    await list(context, log)
    return 0
  }
  if (ids.length === 0) throw new UsageError(`transaction ${action} needs a transactional id`)
  switch (action) {
    case 'describe':
      await describe(context, log, ids)
      return 0
    case 'abort':
      await log.admin.fenceProducers(ids)
      printDone(context, `aborted what ${ids.join(', ')} had open, and fenced the producers`, { fenced: ids })
      return 0
  }
}

async function list(context: CommandContext, { admin }: Log): Promise<void> {
  const found = await admin.listTransactions()
  if (context.options.json === true) printJson(context, found)
  else if (found.length === 0) context.out('no transactional ids')
  else {
    printTable(
      context,
      ['TRANSACTIONAL ID', 'PRODUCER', 'STATE'],
      found.map((t) => [t.transactionalId, t.producerId, t.state]),
    )
  }
}

async function describe(context: CommandContext, { admin }: Log, ids: string[]): Promise<void> {
  const described = await admin.describeTransactions(ids)
  if (context.options.json === true) {
    printJson(context, described)
    return
  }
  printTable(
    context,
    ['TRANSACTIONAL ID', 'PRODUCER', 'EPOCH', 'STATE', 'TIMEOUT MS', 'SINCE', 'PARTITIONS'],
    described.map((t) => [
      t.transactionalId,
      t.producerId,
      t.producerEpoch,
      t.state,
      t.transactionTimeoutMs,
      t.transactionStartTimeMs === null ? null : new Date(t.transactionStartTimeMs).toISOString(),
      t.topicPartitions.map(({ topic, partition }) => `${topic}-${partition}`).join(' '),
    ]),
  )
}
