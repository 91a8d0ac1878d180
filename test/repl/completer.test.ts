import { describe, expect, it } from 'vitest'
import { commonPrefix, complete } from '../../src/repl/completer.js'
import type { Catalogue } from '../../src/repl/session.js'

const catalogue: Catalogue = {
  sources: [
    {
      name: 'FLIGHTS',
      kind: 'STREAM',
      columns: [
        { name: 'ORIGIN', type: 'STRING' },
        { name: 'DELAY', type: 'INTEGER' },
      ],
    },
    {
      name: 'AIRPORTS',
      kind: 'TABLE',
      columns: [
        { name: 'IATA', type: 'STRING' },
        { name: 'CITY', type: 'STRING' },
      ],
    },
  ],
  topics: ['flights', 'airports'],
  queries: ['CTAS_DELAYS_1'],
  functions: ['COUNT', 'CONCAT'],
  properties: ['auto.offset.reset'],
}

const items = (marked: string): readonly string[] => {
  const cursor = marked.indexOf('|')
  return complete(marked.replace('|', ''), cursor, catalogue).items
}

describe('completion', () => {
  it('names sources after FROM and JOIN, topics after PRINT, queries after TERMINATE', () => {
    expect(items('SELECT * FROM |')).toEqual(['FLIGHTS', 'AIRPORTS'])
    expect(items('SELECT * FROM flights f JOIN a|')).toEqual(['airports'])
    expect(items('PRINT fl|')).toEqual(['flights'])
    expect(items('TERMINATE |')).toEqual(['CTAS_DELAYS_1', 'ALL'])
  })

  it('names the columns of the sources in the statement, wherever the cursor stands', () => {
    expect(items('SELECT DEL| FROM FLIGHTS EMIT CHANGES;')).toContain('DELAY')
    expect(items('SELECT DEL| FROM AIRPORTS;')).not.toContain('DELAY')
    expect(items('SELECT a.| FROM FLIGHTS f JOIN AIRPORTS a ON f.origin = a.iata;')).toEqual(['IATA', 'CITY'])
  })

  it('answers in lower case to someone who types in lower case', () => {
    expect(items('select cou| from flights')).toEqual(['count('])
    expect(items('sel|')).toEqual(['select'])
    expect(items('SEL|')).toEqual(['SELECT'])
  })

  it('knows from the grammar which words can come next', () => {
    expect(items('|')).toContain('SELECT')
    expect(items('SHOW |')).toEqual(expect.arrayContaining(['STREAMS', 'TABLES', 'QUERIES']))
    expect(items('SHOW |')).not.toContain('SELECT')
    expect(items('SELECT * FROM FLIGHTS EMIT CH|')).toEqual(['CHANGES'])
    expect(items('SELECT * FROM FLIGHTS |')).not.toContain('ORIGIN')
  })

  it('names the columns of all sources while the statement names none', () => {
    expect(items('SELECT CI|')).toEqual(['CITY'])
  })

  it('names properties, with the points in them', () => {
    expect(items("SET 'auto.off|")).toEqual(['auto.offset.reset'])
    expect(items("CREATE STREAM x (a INT) WITH (FORMAT='JSON', PART|")).toEqual(['PARTITIONS'])
  })

  it('finds the longest common beginning, whatever the case', () => {
    expect(commonPrefix(['STREAM', 'STREAMS', 'STRING'])).toBe('STR')
    expect(commonPrefix([])).toBe('')
  })
})
