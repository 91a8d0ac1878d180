import { describe, expect, it } from 'vitest'
import { type FileSystem, MemoryFiles } from '../../src/common/index.js'
import { Log } from '../../src/log/index.js'
import { runLogCommand } from '../../src/repl/log-commands.js'
import { isLogCommand } from '../../src/repl/log-usage.js'

interface Result {
  readonly code: number
  readonly out: string[]
  readonly error: string
}

/** Commands one after the other on the same files, each as a process of its own would run them. */
function shell(files: FileSystem = new MemoryFiles()) {
  return async (command: string, lines: readonly string[] = []): Promise<Result> => {
    const out: string[] = []
    const errors: string[] = []
    const code = await runLogCommand(command.split(' '), {
      out: (line) => out.push(...line.split('\n')),
      error: (line) => errors.push(line),
      input: async function* () {
        yield* lines
      },
      signal: new AbortController().signal,
      files,
    })
    return { code, out, error: errors.join('\n') }
  }
}

const json = ({ out }: Result): unknown => JSON.parse(out.join('\n'))

describe('topic commands', () => {
  it('create, list, describe, alter and delete topics', async () => {
    const run = shell()
    expect((await run('topic create a b --partitions 2 --config retention.ms=5000')).out).toEqual([
      'created a, b',
    ])
    expect(json(await run('topic list --json'))).toEqual(
      ['a', 'b'].map((topic) => ({ topic, partitions: 2, records: 0, bytes: 0 })),
    )
    expect(
      (await run('topic alter a --partitions 3 --config retention.ms= --config segment.bytes=2000000')).code,
    ).toBe(0)
    const [a] = json(await run('topic describe a --json')) as [{ partitions: unknown[]; configs: object }]
    expect(a.partitions).toHaveLength(3)
    expect(a.configs).toMatchObject({ 'retention.ms': '604800000', 'segment.bytes': '2000000' })
    expect((await run('topic describe a')).out.slice(1, 4)).toEqual([
      ' PARTITION │ START │ END │ BYTES',
      '───────────┼───────┼─────┼───────',
      '         0 │     0 │   0 │     0',
    ])
    expect((await run('topic delete a')).code).toBe(0)
    expect((await run('topic list')).out.slice(2)).toEqual([' b     │          2 │       0 │     0'])
  })

  it('tell what is refused, with exit code 1', async () => {
    const run = shell()
    expect(await run('topic list')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/there is no log at/),
    })
    await run('topic create a')
    expect(await run('topic create a')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/exists already/),
    })
    expect((await run('topic create a --if-not-exists')).code).toBe(0)
    expect(await run('topic delete other')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/no topic 'other'/),
    })
    expect((await run('topic create b --config retention.ms=soon')).code).toBe(1)
  })
})

describe('produce and consume', () => {
  it('carry lines in and out', async () => {
    const run = shell()
    await run('topic create t')
    const produced = await run('produce t --key-separator : --compression zstd', ['k:a', 'l:b:c', ':'])
    expect(produced).toMatchObject({ code: 0, error: '3 records written to t' })
    expect((await run('consume t')).out).toEqual(['a', 'b:c', ''])
    expect((await run('consume t --format %t/%p@%o=%k,%s%%')).out).toEqual([
      't/0@0=k,a%',
      't/0@1=l,b:c%',
      't/0@2=,%',
    ])
    expect(JSON.parse((await run('consume t --json --max 1')).out[0]!)).toMatchObject({
      topic: 't',
      partition: 0,
      offset: 0,
      key: 'k',
      value: 'a',
    })
  })

  it('write what came before a bad line, and say which it was', async () => {
    const run = shell()
    await run('topic create t')
    const produced = await run('produce t --key-separator :', ['k:a', 'no key'])
    expect(produced).toMatchObject({
      code: 1,
      error: expect.stringMatching(/line 2: there is no key separator/),
    })
    expect((await run('consume t')).out).toEqual(['a'])
  })

  it('carry keys, headers and tombstones, and read their own JSON', async () => {
    const run = shell()
    await run('topic create t u')
    await run('produce t -k fixed -H source=shell -H empty -Z', ['a', ''])
    await run('produce t -K = -p 0 -z lz4', ['k=v=w'])
    const lines = (await run('consume t --json')).out
    const { timestamp } = JSON.parse(lines[0]!) as { timestamp: number }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        key: 'fixed',
        value: 'a',
        headers: [
          { key: 'source', value: 'shell' },
          { key: 'empty', value: null },
        ],
      },
      { key: 'fixed', value: null },
      { key: 'k', value: 'v=w' },
    ])
    expect((await run('produce u --from-json', lines)).code).toBe(0)
    const copied = (await run('consume u --json')).out.map((line) => ({ ...JSON.parse(line), topic: 't' }))
    expect(copied).toEqual(lines.map((line) => JSON.parse(line)))
    expect(
      (await run('produce u --from-json', ['{"value":{"base64":"/wA="}}', '{"value":{"n":1}}'])).code,
    ).toBe(0)
    expect((await run('consume u -o -2')).out).toEqual(['0xff00', '{"n":1}'])
    expect((await run('consume t -f %k|%K|%s|%S|%h|%T -c 2')).out).toEqual([
      `fixed|5|a|1|source=shell,empty=NULL|${timestamp}`,
      expect.stringMatching(/^fixed\|5\|NULL\|-1\|source=shell,empty=NULL\|\d+$/),
    ])
    expect((await run('consume t --key-separator /')).out).toEqual(['fixed/a', 'fixed/NULL', 'k/v=w'])
  })

  it.each([
    ['beginning', ['0', '1', '2', '3', '4']],
    ['end', []],
    ['3', ['3', '4']],
    ['-2', ['3', '4']],
    ['-99', ['0', '1', '2', '3', '4']],
    ['99', []],
    ['s@1500', ['2', '3', '4']],
    ['s@1970-01-01T00:00:03Z', ['3', '4']],
    ['s@9999', []],
  ])('begin at --offset %s', async (offset, expected) => {
    const run = shell()
    await run('topic create t')
    const records = [0, 1000, 2000, 3000, 4000].map(
      (timestamp, i) => `{"value":"${i}","timestamp":${timestamp}}`,
    )
    await run('produce t --from-json', records)
    expect((await run(`consume t --offset ${offset}`)).out).toEqual(expected)
    expect((await run(`consume t -o ${offset}`)).out).toEqual(expected)
  })

  it.each([
    ['produce t --from-json', 'nothing', /line 1: .*JSON/],
    ['produce t --from-json', '{"key":"k"}', /line 1: not a JSON object with a value/],
    [
      'produce t --from-json',
      '{"value":"v","partition":"first"}',
      /line 1: partition is a whole number, not "first"/,
    ],
    ['produce t --from-json -k x', '', /leave --key and --key-separator out/],
    ['produce t -k x -K :', '', /exclude each other/],
    ['produce t -H =x', '', /--header is NAME=VALUE/],
    ['produce t -p 5', 'v', /partitions 0 to 0, not 5/],
    ['consume t -o soon', '', /--offset is N, -N, beginning, end or s@TIME, not 'soon'/],
    ['consume t -o s@soon', '', /'soon' is no date/],
    ['consume t -o 1 --from-beginning', '', /exclude each other/],
    ['consume t -f %x', '', /--format does not know %x/],
    ['consume t -f %k -K :', '', /exclude each other/],
    ['consume t -p 3', '', /has no partition 3/],
  ])('refuse %s', async (command, line, message) => {
    const run = shell()
    await run('topic create t')
    const { code, error } = await run(command, [line])
    expect(error).toMatch(message)
    expect(code).toBeGreaterThan(0)
  })

  it('copy records to a topic with fewer partitions', async () => {
    const run = shell()
    await run('topic create many --partitions 3')
    await run('topic create one')
    await run('produce many -p 2', ['a'])
    const { out } = await run('consume many --json')
    expect((await run('produce one --from-json', out)).code).toBe(0)
    expect((await run('produce many --from-json', out)).code).toBe(0)
    expect((await run('consume one')).out).toEqual(['a'])
    expect((await run('consume many -p 2')).out).toEqual(['a', 'a'])
  })

  it('go on where the group stopped, and start over when told to', async () => {
    const run = shell()
    await run('topic create t --partitions 2')
    for (const partition of [0, 1]) await run(`produce t --partition ${partition}`, ['a', 'b', 'c'])
    const first = await run('consume t --group g --max 4')
    const rest = await run('consume t --group g')
    expect([...first.out, ...rest.out].sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
    expect((await run('consume t --group g')).out).toEqual([])
    expect((await run('consume t --group g --from-beginning --partition 1')).out).toEqual(['a', 'b', 'c'])
  })
})

it.each([
  ['topic lst', "topic is followed by list, create, describe, alter, delete or delete-records, not by 'lst'"],
  ['group', 'group is followed by list, describe, reset-offsets or delete'],
  ['transaction commit x', "transaction is followed by list, describe or abort, not by 'commit'"],
])('%s: says what there is', async (command, message) => {
  const run = shell()
  await run('topic create t')
  expect(await run(command)).toMatchObject({ code: 2, error: expect.stringContaining(message) })
})

describe('more on topics, sizes and transactions', () => {
  it('delete records up to an offset, in one partition or in all', async () => {
    const run = shell()
    await run('topic create t --partitions 2')
    for (const partition of [0, 1]) await run(`produce t -p ${partition}`, ['a', 'b', 'c'])
    expect(json(await run('topic delete-records t:1 --before 2 --json'))).toEqual([
      { topic: 't', partition: 1, startOffset: 2 },
    ])
    expect((await run('consume t -p 1')).out).toEqual(['c'])
    expect((await run('topic delete-records t --before end')).code).toBe(0)
    expect((await run('consume t')).out).toEqual([])
    expect(await run('topic delete-records t --before 9')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/ends at 3; cannot delete up to 9/),
    })
    expect((await run('topic delete-records t')).code).toBe(2)
  })

  it('say as JSON what was done', async () => {
    const run = shell()
    expect(json(await run('topic create a --json'))).toEqual({ created: ['a'] })
    expect(json(await run('topic alter a --partitions 2 --json'))).toEqual({ altered: ['a'] })
    expect(json(await run('topic delete a --json'))).toEqual({ deleted: ['a'] })
    expect(json(await run('transaction list --json'))).toEqual([])
  })

  it('show how large partitions are', async () => {
    const run = shell()
    await run('topic create t --partitions 2')
    await run('produce t -p 1', ['a'])
    const sizes = json(await run('log sizes --json')) as { sizeBytes: number; partitions: unknown[] }
    expect(sizes.partitions).toHaveLength(2)
    expect(sizes.sizeBytes).toBeGreaterThan(60)
    const { out } = await run('log sizes')
    expect(out[0]).toBe(' TOPIC │ PARTITION │ SEGMENTS │ BYTES')
    expect(out.at(-1)).toBe(`${sizes.sizeBytes} bytes in forebay-data/log`)
  })

  it('list, describe and abort transactions', async () => {
    const files = new MemoryFiles()
    const run = shell(files)
    await run('topic create t')
    const log = await Log.open({ dataDirectory: 'forebay-data/log', fileSystem: files })
    const producer = log.producer({ transactionalId: 'bank' })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.write({ topic: 't', value: Buffer.from('v') })
    await producer.commitTransaction()
    await log.close()
    expect((await run('transaction list')).out.at(-1)).toMatch(/ bank +│ +\d+ │ CompleteCommit/)
    expect(json(await run('transaction describe bank --json'))).toMatchObject([
      { transactionalId: 'bank', state: 'CompleteCommit', topicPartitions: [], transactionStartTimeMs: null },
    ])
    expect((await run('transaction describe bank')).out[0]).toMatch(/TRANSACTIONAL ID .* TIMEOUT MS/)
    expect((await run('transaction abort bank')).out[0]).toMatch(/fenced/)
    expect(await run('transaction abort nobody')).toMatchObject({
      code: 1,
      error: expect.stringMatching(/no transactional id 'nobody'/),
    })
    expect((await run('transaction forget bank')).code).toBe(2)
    expect((await run('transaction describe')).code).toBe(2)
  })
})

describe('group commands', () => {
  async function withGroup() {
    const run = shell()
    await run('topic create t')
    await run('produce t', ['a', 'b', 'c', 'd'])
    await run('consume t --group g --max 3')
    const offset = async () =>
      (json(await run('group describe g --json')) as [{ offsets: { offset: number }[] }])[0].offsets[0]!
        .offset
    return { run, offset }
  }

  it('list and describe groups with their lag', async () => {
    const { run } = await withGroup()
    expect((await run('group list')).out).toEqual(['g'])
    expect((await run('group describe g')).out).toEqual([
      'g (Empty, 0 members)',
      ' TOPIC │ PARTITION │ OFFSET │ END │ LAG',
      '───────┼───────────┼────────┼─────┼─────',
      ' t     │         0 │      3 │   4 │   1',
    ])
    expect((await run('group describe x')).code).toBe(1)
    await run('group delete g')
    expect((await run('group list')).out).toEqual(['no groups'])
  })

  it.each([
    ['--to-earliest', 0],
    ['--to-latest', 4],
    ['--to-offset 2', 2],
    ['--to-offset 99', 4],
    ['--shift-by -2', 1],
    ['--shift-by 9', 4],
    ['--to-datetime 2000-01-01T00:00:00Z', 0],
    ['--to-datetime 99999999999999', 4],
  ])('reset offsets %s', async (how, expected) => {
    const { run, offset } = await withGroup()
    const planned = json(await run(`group reset-offsets g --topic t:0 ${how} --dry-run --json`))
    expect(planned).toEqual({
      groupId: 'g',
      dryRun: true,
      changes: [{ topic: 't', partition: 0, before: 3, offset: expected }],
    })
    expect(await offset()).toBe(3)
    expect((await run(`group reset-offsets g --all-topics ${how}`)).code).toBe(0)
    expect(await offset()).toBe(expected)
  })
})

describe('log commands', () => {
  it('verify and dump', async () => {
    const files = new MemoryFiles()
    const run = shell(files)
    await run('topic create t')
    await run('produce t', ['a'])
    expect(await run('log verify')).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/1 records.*no damage$/)],
    })
    expect((await run('log dump t-0 --records')).out[2]).toMatch(/record offset=0 .*value=a/)
    const path = 'forebay-data/log/t-0/00000000000000000000.log'
    const file = files.open(path, 'r+')
    file.write(Buffer.from('X'), 60)
    file.close()
    const report = await run('log verify')
    expect(report.code).toBe(1)
    expect(report.out[0]).toMatch(/^damage: forebay-data\/log\/t-0\/0+\.log at 0: stored CRC/)
    expect(JSON.parse((await run(`log dump ${path} --json`)).out[2]!)).toMatchObject({
      kind: 'damage',
      position: 0,
    })
  })
})

describe('wrong usage', () => {
  it.each([
    'topic',
    'topic rename a',
    'topic create a --partitions none',
    'topic alter a',
    'group reset-offsets g --to-latest',
    'group reset-offsets g --all-topics',
    'group reset-offsets g --all-topics --to-latest --to-earliest',
    'consume t --format %x',
    'consume',
    'produce t --compression zip',
    'log',
    'topic list --unknown',
  ])('%s: exit code 2 and a hint', async (command) => {
    const run = shell()
    await run('topic create t')
    await run('consume t --group g')
    expect(await run(command)).toMatchObject({ code: 2, error: expect.stringMatching(/--help tells more/) })
  })

  it('knows the commands of the log from those of the SQL terminal', () => {
    const commands = ['topic list', '--data d log verify', '--data=d --json consume t', 'produce t']
    expect(commands.map((c) => isLogCommand(c.split(' ')))).toEqual([true, true, true, true])
    const others = ['', 'demo', '-e topic', '-f log', '--data topic demo', '--format json topic']
    expect(others.map((c) => isLogCommand(c.split(' ')))).toEqual(others.map(() => false))
  })
})
