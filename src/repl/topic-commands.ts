import type { Log, TopicDescription } from '../log/index.js'
import {
  actionOf,
  type CommandContext,
  partitionsNamed,
  printDone,
  printJson,
  printTable,
  UsageError,
  wholeNumber,
} from './command-context.js'

const ACTIONS = ['list', 'create', 'describe', 'alter', 'delete', 'delete-records'] as const

export async function topicCommand(context: CommandContext, log: Log, words: string[]): Promise<number> {
  const action = actionOf('topic', words[0], ACTIONS)
  const topics = words.slice(1)
  const { admin } = log
  if (action === 'list') {
    if (topics.length > 0) throw new UsageError('topic list takes no names')
    await list(context, log)
    return 0
  }
  if (topics.length === 0) throw new UsageError(`topic ${action} needs the name of a topic`)
  switch (action) {
    case 'create':
      await create(context, log, topics)
      return 0
    case 'describe':
      describe(context, await admin.describeTopics(topics))
      return 0
    case 'alter':
      await alter(context, log, topics)
      return 0
    case 'delete':
      await admin.deleteTopics(topics)
      printDone(context, `deleted ${topics.join(', ')}`, { deleted: topics })
      return 0
    case 'delete-records':
      await deleteRecords(context, log, topics)
      return 0
  }
}

async function list(context: CommandContext, { admin }: Log): Promise<void> {
  const topics = await admin.describeTopics(await admin.listTopics())
  const rows = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.length,
    records: partitions.reduce((sum, p) => sum + p.endOffset - p.startOffset, 0),
    bytes: partitions.reduce((sum, p) => sum + p.sizeBytes, 0),
  }))
  if (context.options.json === true) {
    printJson(context, rows)
    return
  }
  if (rows.length === 0) context.out('no topics')
  else printTable(context, ['TOPIC', 'PARTITIONS', 'OFFSETS', 'BYTES'], rows.map(Object.values))
}

async function create(context: CommandContext, { admin }: Log, topics: string[]): Promise<void> {
  const { options } = context
  const partitions = wholeNumber(options.partitions, 'partitions', 1)
  const configs: Record<string, string> = {}
  for (const [name, value] of configChanges(options.config)) {
    if (value === null) throw new UsageError(`--config ${name}= needs a value`)
    configs[name] = value
  }
  await admin.createTopics(
    topics.map((topic) => ({ topic, configs, ...(partitions === undefined ? {} : { partitions }) })),
    { ifNotExists: options['if-not-exists'] ?? false },
  )
  printDone(context, `created ${topics.join(', ')}`, { created: topics })
}

async function alter(context: CommandContext, { admin }: Log, topics: string[]): Promise<void> {
  const { options } = context
  const partitions = wholeNumber(options.partitions, 'partitions', 1)
  const configs = Object.fromEntries(configChanges(options.config))
  if (partitions === undefined && Object.keys(configs).length === 0) {
    throw new UsageError('topic alter needs --partitions or --config')
  }
  for (const topic of topics) {
    if (Object.keys(configs).length > 0) await admin.alterConfigs(topic, configs)
    if (partitions !== undefined) await admin.createPartitions(topic, partitions)
  }
  printDone(context, `altered ${topics.join(', ')}`, { altered: topics })
}

async function deleteRecords(context: CommandContext, log: Log, names: string[]): Promise<void> {
  const { before } = context.options
  if (before === undefined)
    throw new UsageError('topic delete-records needs --before OFFSET, or --before end')
  const offset = before === 'end' ? -1 : wholeNumber(before, 'before')!
  const partitions = await partitionsNamed(log, names)
  await log.admin.deleteRecords(partitions.map((partition) => ({ partition, offset })))
  const starts = await log.admin.listOffsets(partitions.map((p) => ({ ...p, at: 'earliest' })))
  const rows = starts.map(({ topic, partition, offset }) => ({ topic, partition, startOffset: offset }))
  if (context.options.json === true) printJson(context, rows)
  else printTable(context, ['TOPIC', 'PARTITION', 'START'], rows.map(Object.values))
}

/** `NAME=VALUE`, or `NAME=` for null. */
function configChanges(texts: readonly string[] = []): [string, string | null][] {
  return texts.map((text) => {
    const at = text.indexOf('=')
    if (at < 1) throw new UsageError(`--config is NAME=VALUE, not '${text}'`)
    return [text.slice(0, at), at === text.length - 1 ? null : text.slice(at + 1)]
  })
}

function describe(context: CommandContext, topics: readonly TopicDescription[]): void {
  if (context.options.json === true) {
    printJson(context, topics)
    return
  }
  for (const { topic, topicId, partitions, configs } of topics) {
    context.out(`${topic} (id ${topicId})`)
    printTable(
      context,
      ['PARTITION', 'START', 'END', 'BYTES'],
      partitions.map((p) => [p.partition, p.startOffset, p.endOffset, p.sizeBytes]),
    )
    for (const [name, value] of Object.entries(configs).sort()) context.out(`  ${name}=${value}`)
  }
}
