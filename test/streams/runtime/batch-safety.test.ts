import { describe, expect, it } from 'vitest'
import { recordAtATimeSources } from '../../../src/streams/runtime/batch-safety.js'
import { identity, processor, sink, source } from './topology-kit.js'

function singles(...nodes: Parameters<typeof recordAtATimeSources>[0]): string[] {
  return [...recordAtATimeSources(nodes)]
}

describe('whole batches go through a graph', () => {
  it('where there is one path to every node', () => {
    expect(
      singles(
        source('s', ['in']),
        processor('a', ['s'], identity),
        processor('b', ['a'], identity),
        processor('c', ['a'], identity),
        sink('x', ['b'], 'x'),
        sink('y', ['c'], 'y'),
      ),
    ).toEqual([])
  })

  it('where two sources meet: a run comes from one of them', () => {
    expect(
      singles(
        source('s', ['left']),
        source('t', ['right']),
        processor('join', ['s', 't'], identity, { stores: ['l', 'r'] }),
      ),
    ).toEqual([])
  })
})

describe('records go one by one', () => {
  it('where two paths from one source meet again', () => {
    expect(
      singles(
        source('s', ['in']),
        source('other', ['elsewhere']),
        processor('a', ['s'], identity),
        processor('merge', ['s', 'a'], identity),
        processor('o', ['other'], identity),
      ),
    ).toEqual(['s'])
  })

  it('where the paths meet far below', () => {
    expect(
      singles(
        source('s', ['in']),
        processor('a', ['s'], identity),
        processor('b', ['s'], identity),
        processor('a2', ['a'], identity),
        processor('merge', ['a2', 'b'], identity),
      ),
    ).toEqual(['s'])
  })

  it('where two nodes share a store', () => {
    expect(
      singles(
        source('s', ['in']),
        processor('write', ['s'], identity, { stores: ['shared'] }),
        processor('read', ['s'], identity, { stores: ['shared'] }),
      ),
    ).toEqual(['s'])
  })

  it('where two sinks write one topic, or may', () => {
    const fork = [source('s', ['in']), processor('a', ['s'], identity)]
    expect(singles(...fork, sink('x', ['s'], 'out'), sink('y', ['a'], 'out'))).toEqual(['s'])
    expect(
      singles(
        ...fork,
        sink('x', ['s'], () => 'out'),
        sink('y', ['a'], 'other'),
      ),
    ).toEqual(['s'])
    expect(
      singles(
        ...fork,
        sink('x', ['s'], () => 'out'),
      ),
    ).toEqual([])
  })

  it('where a node asks for it', () => {
    expect(singles(source('s', ['in']), processor('p', ['s'], identity, { recordAtATime: true }))).toEqual([
      's',
    ])
  })
})
