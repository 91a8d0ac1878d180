import { describe, expect, it } from 'vitest'
import { type FileSystem, MemoryFiles } from '../../src/common/index.js'
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
    expect(produced).toMatchObject({ code: 1, error: expect.stringMatching(/line 2 has no key separator/) })
    expect((await run('consume t')).out).toEqual(['a'])
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
  ])('%s: exit code 2 and the usage', async (command) => {
    const run = shell()
    await run('topic create t')
    await run('consume t --group g')
    expect(await run(command)).toMatchObject({ code: 2, error: expect.stringMatching(/forebay topic list/) })
  })

  it('knows the commands of the log from those of the SQL terminal', () => {
    const commands = ['topic list', '--data d log verify', '--data=d --json consume t', 'produce t']
    expect(commands.map((c) => isLogCommand(c.split(' ')))).toEqual([true, true, true, true])
    const others = ['', 'demo', '-e topic', '-f log', '--data topic demo', '--format json topic']
    expect(others.map((c) => isLogCommand(c.split(' ')))).toEqual(others.map(() => false))
  })
})
