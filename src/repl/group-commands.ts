import type { Log, OffsetCommit, TopicPartition } from '../log/index.js'
import {
  actionOf,
  type CommandContext,
  type CommandOptions,
  partitionsNamed,
  printDone,
  printJson,
  printTable,
  timeOf,
  UsageError,
  wholeNumber,
} from './command-context.js'

const ACTIONS = ['list', 'describe', 'reset-offsets', 'delete'] as const

export async function groupCommand(context: CommandContext, log: Log, words: string[]): Promise<number> {
  const action = actionOf('group', words[0], ACTIONS)
  const groups = words.slice(1)
  if (action === 'list') {
    if (groups.length > 0) throw new UsageError('group list takes no names')
    const found = await log.admin.listGroups()
    if (context.options.json === true) printJson(context, found)
    else for (const line of found.length === 0 ? ['no groups'] : found) context.out(line)
    return 0
  }
  if (groups.length === 0) throw new UsageError(`group ${action} needs the name of a group`)
  switch (action) {
    case 'describe':
      await describe(context, log, groups)
      return 0
    case 'reset-offsets':
      if (groups.length > 1) throw new UsageError('group reset-offsets takes one group')
      await resetOffsets(context, log, groups[0]!)
      return 0
    case 'delete':
      await log.admin.deleteGroups(groups)
      printDone(context, `deleted ${groups.join(', ')}`, { deleted: groups })
      return 0
  }
}

async function describe(context: CommandContext, log: Log, groups: string[]): Promise<void> {
  const known = new Set(await log.admin.listGroups())
  for (const group of groups) if (!known.has(group)) throw new Error(`there is no group '${group}'`)
  const described = []
  for (const { groupId, state, partitionAssignor, members } of await log.admin.describeGroups(groups)) {
    const offsets = await log.admin.groupOffsets(groupId)
    const ends = await endOffsets(log, offsets)
    const lags = offsets.map(({ topic, partition, offset, metadata }, i) => {
      const end = ends[i] ?? null
      return {
        topic,
        partition,
        offset,
        endOffset: end,
        lag: end === null ? null : Math.max(0, end - offset),
        metadata,
      }
    })
    described.push({ groupId, state, partitionAssignor, members, offsets: lags })
  }
  if (context.options.json === true) {
    printJson(context, described)
    return
  }
  for (const { groupId, state, members, offsets } of described) {
    context.out(`${groupId} (${state}, ${members.length} member${members.length === 1 ? '' : 's'})`)
    if (members.length > 0) {
      printTable(
        context,
        ['MEMBER', 'CLIENT', 'INSTANCE', 'PARTITIONS'],
        members.map((m) => [
          m.memberId,
          m.clientId,
          m.groupInstanceId,
          m.assignment.map(({ topic, partition }) => `${topic}-${partition}`).join(' '),
        ]),
      )
    }
    printTable(
      context,
      ['TOPIC', 'PARTITION', 'OFFSET', 'END', 'LAG'],
      offsets.map((o) => [o.topic, o.partition, o.offset, o.endOffset, o.lag]),
    )
  }
}

/** Null where the topic is gone. */
async function endOffsets(log: Log, partitions: readonly TopicPartition[]): Promise<(number | null)[]> {
  const ends = new Map<string, number>()
  const topics = new Set(await log.admin.listTopics())
  const wanted = [...new Set(partitions.map((p) => p.topic))].filter((topic) => topics.has(topic))
  for (const { topic, partitions: all } of await log.admin.describeTopics(wanted)) {
    for (const { partition, endOffset } of all) ends.set(`${topic}-${partition}`, endOffset)
  }
  return partitions.map(({ topic, partition }) => ends.get(`${topic}-${partition}`) ?? null)
}

async function resetOffsets(context: CommandContext, log: Log, groupId: string): Promise<void> {
  const partitions = await chosenPartitions(context.options, log, groupId)
  const current = await log.admin.groupOffsets(groupId)
  const consumer = log.consumer()
  const target = targetOf(context.options)
  const changes: (OffsetCommit & { readonly before: number | null })[] = []
  try {
    const starts = await consumer.beginningOffsets(partitions)
    const ends = await consumer.endOffsets(partitions)
    for (const [i, place] of partitions.entries()) {
      const before =
        current.find((c) => c.topic === place.topic && c.partition === place.partition)?.offset ?? null
      const [start, end] = [starts[i]!, ends[i]!]
      const wanted = await target({ place, before, start, end, consumer })
      if (wanted !== null) changes.push({ ...place, before, offset: Math.min(Math.max(wanted, start), end) })
    }
  } finally {
    await consumer.close()
  }
  const dryRun = context.options['dry-run'] === true
  if (!dryRun) await log.admin.alterGroupOffsets(groupId, changes)
  if (context.options.json === true) printJson(context, { groupId, dryRun, changes })
  else {
    printTable(
      context,
      ['TOPIC', 'PARTITION', 'BEFORE', 'AFTER'],
      changes.map((c) => [c.topic, c.partition, c.before, c.offset]),
    )
    if (dryRun) context.out('nothing was changed (--dry-run)')
  }
}

async function chosenPartitions(
  options: CommandOptions,
  log: Log,
  groupId: string,
): Promise<TopicPartition[]> {
  const { topic: names = [] } = options
  if (names.length > 0 === (options['all-topics'] === true)) {
    throw new UsageError('group reset-offsets needs --topic, once or more, or --all-topics')
  }
  if (options['all-topics'] === true) {
    const committed = await log.admin.groupOffsets(groupId)
    return committed.map(({ topic, partition }) => ({ topic, partition }))
  }
  return partitionsNamed(log, names)
}

interface Situation {
  readonly place: TopicPartition
  readonly before: number | null
  readonly start: number
  readonly end: number
  readonly consumer: ReturnType<Log['consumer']>
}

/** Where a partition's offset goes, before it is brought into the range there is; null: it stays as it is. */
type Target = (situation: Situation) => number | null | Promise<number | null>

function targetOf(options: CommandOptions): Target {
  const given: Target[] = []
  if (options['to-earliest'] === true) given.push(({ start }) => start)
  if (options['to-latest'] === true) given.push(({ end }) => end)
  const offset = wholeNumber(options['to-offset'], 'to-offset')
  if (offset !== undefined) given.push(() => offset)
  const shift = wholeNumber(options['shift-by'], 'shift-by', Number.MIN_SAFE_INTEGER)
  if (shift !== undefined) given.push(({ before }) => (before === null ? null : before + shift))
  if (options['to-datetime'] !== undefined) {
    const timestamp = timeOf(options['to-datetime'])
    given.push(async ({ place, end, consumer }) => {
      const [found] = await consumer.offsetsForTimes([{ partition: place, timestamp }])
      return found?.offset ?? end
    })
  }
  const [target] = given
  if (target !== undefined && given.length === 1) return target
  throw new UsageError(
    'group reset-offsets needs one of --to-earliest, --to-latest, --to-offset, --shift-by, --to-datetime',
  )
}
