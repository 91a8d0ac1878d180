import { writeSync } from 'node:fs'
import { Log } from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'

/*
 * A process of its own that produces until it is killed: numbered records to `plain`; numbered transactions over both
 * partitions of `pair` and the offsets of a group; numbers under a few keys to `keyed`, which is compacted meanwhile.
 * Each acknowledgement is a line on the standard output. Argument: the data directory. It goes on where an
 * earlier process was killed: in `plain`, numbers are offsets.
 */

writeSync(1, 'opening\n')
const log = await Log.open({
  dataDirectory: process.argv[2]!,
  compactionIntervalMs: 20,
  checkpointIntervalMs: 30,
})
const small = { 'internal.segment.bytes': '3000', 'index.interval.bytes': '300' }
await log.admin.createTopics(
  [
    { topic: 'plain', configs: small },
    { topic: 'pair', partitions: 2, configs: small },
    {
      topic: 'keyed',
      configs: { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.2' },
    },
  ],
  { ifNotExists: true },
)
const plain = log.producer({ keySerde: stringSerde, valueSerde: stringSerde, lingerMs: 0 })
const pair = log.producer({ valueSerde: stringSerde, transactionalId: 'tx' })
await pair.initTransactions()
writeSync(1, 'ready\n')

const [described] = await log.admin.describeTopics(['plain'])
for (let i = described!.partitions[0]!.endOffset; ; i++) {
  const value = String(i)
  await Promise.all([
    plain.send({ topic: 'plain', value }),
    ...[0, 1, 2].map((k) => plain.send({ topic: 'keyed', key: `k${(i + k) % 7}`, value })),
  ])
  writeSync(1, `plain ${i}\n`)
  pair.beginTransaction()
  for (const partition of [0, 1]) pair.write({ topic: 'pair', partition, value })
  const offsets = [{ topic: 'plain', partition: 0, offset: i }]
  await pair.sendOffsetsToTransaction(offsets, { groupId: 'g', generationId: -1, memberId: '' })
  await pair.commitTransaction()
  writeSync(1, `pair ${i}\n`)
}
