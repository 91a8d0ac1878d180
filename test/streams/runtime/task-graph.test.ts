import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/common/index.js'
import { Serdes } from '../../../src/serde/index.js'
import {
  type AnyBatch,
  type NodeContext,
  resolveConfig,
  type TopologyNode,
} from '../../../src/streams/index.js'
import { TaskGraph, type TaskHost } from '../../../src/streams/runtime/task-graph.js'
import { TopologyTestDriver } from '../../../src/testing/index.js'
import { identity, mapping, model, processor, sink, source, watching } from './topology-kit.js'

function host(sent: string[] = [], more: Partial<TaskHost> = {}): TaskHost {
  return {
    applicationId: 'app',
    taskId: '0_0',
    partition: 0,
    clock: new ManualClock(),
    config: resolveConfig({ applicationId: 'app' }),
    emitEveryUpdate: true,
    stateStore: () => undefined,
    globalStore: () => undefined,
    send(node, batch) {
      for (const value of batch.values) sent.push(`${node.name}:${value}`)
    },
    dropped() {},
    processingError(node, error) {
      throw error instanceof Error ? error : new Error(node)
    },
    keptTime: () => ({ ms: -1 }),
    requestCommit() {},
    processingFailure: (_node, error) => error as Error,
    deadLetter() {},
    asyncActivity() {},
    ...more,
  }
}

function records(...values: string[]): AnyBatch {
  const times = values.map((value) => Number(/\d+$/.exec(value)?.[0] ?? 0))
  let streamTime = -1
  return {
    size: values.length,
    keys: values.map(() => 'k'),
    values,
    timestamps: times,
    oldValues: null,
    headers: null,
    origin: {
      topic: 'in',
      partition: 0,
      offsets: values.map((_, i) => i),
      headers: null,
      streamTimes: times.map((t) => (streamTime = Math.max(streamTime, t))),
    },
    rows: null,
  }
}

describe('a task graph', () => {
  it('feeds children in the order in which they were attached', () => {
    const sent: string[] = []
    const graph = new TaskGraph(
      [
        source('s', ['in']),
        sink('first', ['s'], 'x'),
        processor('p', ['s'], identity),
        sink('second', ['s'], 'y'),
        sink('below', ['p'], 'z'),
      ],
      host(sent),
    )
    graph.process('s', records('a1'))
    expect(sent).toEqual(['first:a1', 'below:a1', 'second:a1'])
  })

  it('gives whole batches where order cannot be seen, and single records where it can', () => {
    const sizes: Record<string, number[]> = { plain: [], merged: [] }
    const plain: TopologyNode[] = [
      source('s', ['in']),
      processor(
        'p',
        ['s'],
        watching((b) => sizes.plain!.push(b.size)),
      ),
    ]
    new TaskGraph(plain, host()).process('s', records('a1', 'a2', 'a3'))
    const sent: string[] = []
    const diamond = [
      source('s', ['in']),
      processor(
        'loud',
        ['s'],
        mapping((value) => value.toUpperCase()),
      ),
      processor(
        'merge',
        ['s', 'loud'],
        watching((b) => sizes.merged!.push(b.size)),
      ),
      sink('out', ['merge'], 'out'),
    ]
    new TaskGraph(diamond, host(sent)).process('s', records('a1', 'b2'))
    expect(sizes).toEqual({ plain: [3], merged: [1, 1, 1, 1] })
    expect(sent).toEqual(['out:A1', 'out:a1', 'out:B2', 'out:b2'])
  })

  it('cuts a batch behind the record that makes a stream-time punctuator due', () => {
    const seen: string[] = []
    const operator = (context: NodeContext) => {
      context.schedule(10, 'STREAM_TIME', (at) => seen.push(`fires ${at}`))
      return map((batch: AnyBatch) => {
        seen.push(batch.values.join(' '))
        return batch
      })
    }
    const graph = new TaskGraph([source('s', ['in']), processor('p', ['s'], operator)], host())
    graph.process('s', records('t5', 't9', 't15', 't47', 't60'))
    graph.process('s', records('t3', 't61'))
    expect(seen).toEqual([
      't5',
      'fires 5',
      't9 t15',
      'fires 15',
      't47',
      'fires 47',
      't60',
      'fires 60',
      't3 t61',
    ])
  })

  it('fires wall-clock punctuators once, however many intervals have passed, until they are cancelled', () => {
    const fired: number[] = []
    const clock = new ManualClock(1000)
    const operator = (context: NodeContext) => {
      const handle = context.schedule(100, 'WALL_CLOCK_TIME', (at) => {
        fired.push(at)
        if (fired.length === 3) handle.cancel()
      })
      return map((batch: AnyBatch) => batch)
    }
    const graph = new TaskGraph([source('s', ['in']), processor('p', ['s'], operator)], host([], { clock }))
    for (const step of [99, 1, 250, 49, 1, 500]) {
      clock.advance(step)
      graph.punctuateWallClock()
    }
    expect(fired).toEqual([1100, 1350, 1400])
  })

  it('flushes parents before children, and what they send passes through nodes that are flushed later', () => {
    const sent: string[] = []
    const holding = (context: NodeContext) => {
      let held: AnyBatch | null = null
      context.onFlush(() => {
        if (held !== null) context.forward(held)
        held = null
      })
      return map((batch: AnyBatch) => {
        held = batch
        return { ...batch, size: 0 }
      })
    }
    const graph = new TaskGraph(
      [
        source('s', ['in']),
        processor('a', ['s'], holding),
        processor('b', ['a'], holding),
        sink('out', ['b'], 'out'),
      ],
      host(sent),
    )
    graph.process('s', records('x1'))
    expect(sent).toEqual([])
    graph.flush()
    expect(sent).toEqual(['out:x1'])
  })

  it('stops at the first error, names the node, and refuses to go on', () => {
    const sent: string[] = []
    const failing = mapping((value) => {
      if (value === 'b2') throw new Error('no b')
      return value
    })
    const graph = new TaskGraph(
      [
        source('s', ['in']),
        processor('p', ['s'], failing),
        sink('out', ['p'], 'out'),
        sink('late', ['s'], 'late'),
      ],
      host(sent),
    )
    graph.process('s', records('a1'))
    expect(() => graph.process('s', records('b2'))).toThrow(/no b.*task 0_0, node p/)
    expect(() => graph.process('s', records('c3'))).toThrow('no b')
    expect(() => graph.flush()).toThrow('no b')
    expect(sent).toEqual(['out:a1', 'late:a1'])
  })

  it('forwards to a named child alone, and knows its children', () => {
    const sent: string[] = []
    const routing = (context: NodeContext) =>
      map((batch: AnyBatch) => {
        context.forward(batch, 'right')
        return { ...batch, size: 0 }
      })
    const nodes = [
      source('s', ['in']),
      processor('p', ['s'], routing),
      sink('left', ['p'], 'x'),
      sink('right', ['p'], 'y'),
    ]
    new TaskGraph(nodes, host(sent)).process('s', records('a1'))
    expect(sent).toEqual(['right:a1'])
    const lost = new TaskGraph(nodes.slice(0, 3), host())
    expect(() => lost.process('s', records('a1'))).toThrow(
      /forwards to right, which is not one of its children/,
    )
  })

  it('keeps stores from nodes that are not connected to them', () => {
    const operator = (context: NodeContext) => {
      context.stateStore('secret')
      return map((batch: AnyBatch) => batch)
    }
    const nodes = [source('s', ['in']), processor('p', ['s'], operator)]
    expect(() => new TaskGraph(nodes, host())).toThrow(/store secret is not connected.*node p/)
  })

  it('tells its owner when a node sends on its own account', () => {
    const sent: string[] = []
    let activity = 0
    let context!: NodeContext
    const operator = (given: NodeContext) => {
      context = given
      return map((batch: AnyBatch) => batch)
    }
    const graph = new TaskGraph(
      [source('s', ['in']), processor('p', ['s'], operator), sink('out', ['p'], 'out')],
      host(sent, { asyncActivity: () => activity++ }),
    )
    graph.process('s', records('a1'))
    expect(activity).toBe(0)
    context.forward(records('later'))
    expect(activity).toBe(1)
    expect(sent).toEqual(['out:a1', 'out:later'])
    graph.hold()
    context.forward(records('held'))
    expect(sent).toEqual(['out:a1', 'out:later'])
    graph.release()
    expect(sent).toEqual(['out:a1', 'out:later', 'out:held'])
  })
})

describe('the test driver', () => {
  it('brings back what goes to a source topic, the smallest timestamp first', () => {
    const s = Serdes.string()
    const driver = new TopologyTestDriver(
      model([
        source('start', ['in']),
        processor(
          'expand',
          ['start'],
          mapping((value) => value),
        ),
        sink('loop', ['expand'], 'again'),
        source('more', ['again']),
        processor(
          'mark',
          ['more'],
          mapping((value) => `${value}!`),
        ),
        sink('out', ['mark'], 'out'),
      ]),
    )
    const out = driver.createOutputTopic('out', s, s)
    driver.createInputTopic('in', s, s).pipeInput('k', 'v', 7)
    expect(out.readRecordsToList()).toEqual([{ key: 'k', value: 'v!', timestamp: 7, headers: [] }])
    expect([...driver.producedTopicNames()]).toEqual(['again', 'out'])
    driver.close()
    expect(() => driver.createInputTopic('in', s, s).pipeInput('k', 'v')).toThrow('closed')
  })

  it('refuses a topic that nothing reads, and an output topic that is empty', () => {
    const s = Serdes.string()
    const driver = new TopologyTestDriver(model([source('start', ['in']), sink('out', ['start'], 'out')]))
    expect(() => driver.createInputTopic('else', s, s).pipeInput('k', 'v')).toThrow(/no source.*else/)
    expect(() => driver.createOutputTopic('out', s, s).readValue()).toThrow(/no record is left in topic out/)
    driver.close()
  })

  it('stamps records without a timestamp as its topic says', () => {
    const s = Serdes.string()
    const driver = new TopologyTestDriver(model([source('start', ['in']), sink('out', ['start'], 'out')]), {
      initialWallClockTimeMs: 50,
    })
    const input = driver.createInputTopic('in', s, s, { startTimestampMs: 100, autoAdvanceMs: 10 })
    input.pipeValueList(['a', 'b'])
    input.advanceTime(5)
    input.pipeInput('k', 'c')
    driver.createInputTopic('in', s, s).pipeInput('k', 'd')
    const times = driver
      .createOutputTopic('out', s, s)
      .readRecordsToList()
      .map((record) => record.timestamp)
    expect(times).toEqual([100, 110, 125, 50])
    driver.close()
  })
})
