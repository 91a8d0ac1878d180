import { writeSync } from 'node:fs'
import { Log } from '../../src/log/index.js'
import { stringSerde } from '../../src/serde/index.js'

/*
 * A process of its own that produces until it is killed: numbered records to `plain`, and numbered transactions
 * over the two partitions of `pair`. Each acknowledgement is a line on the standard output.
 */

const log = await Log.open({ dataDirectory: process.argv[2]! })
await log.admin.createTopics([{ topic: 'plain' }, { topic: 'pair', partitions: 2 }], { ifNotExists: true })
const plain = log.producer({ valueSerde: stringSerde, lingerMs: 0 })
const pair = log.producer({ valueSerde: stringSerde, transactionalId: 'tx' })
await pair.initTransactions()
writeSync(1, 'ready\n')

for (let i = 0; ; i++) {
  const sent = Array.from({ length: 10 }, (_, j) => plain.send({ topic: 'plain', value: String(i * 10 + j) }))
  await Promise.all(sent)
  writeSync(1, `plain ${i * 10 + 9}\n`)
  pair.beginTransaction()
  for (const partition of [0, 1]) pair.write({ topic: 'pair', partition, value: String(i) })
  await pair.sendOffsetsToTransaction([{ topic: 'plain', partition: 0, offset: i }], {
    groupId: 'g',
    generationId: -1,
    memberId: '',
  })
  await pair.commitTransaction()
  writeSync(1, `pair ${i}\n`)
}
