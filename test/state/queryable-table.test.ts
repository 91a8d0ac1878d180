import { expect, test } from 'vitest'
import { Serdes } from '../../src/serde/index.js'
import {
  type KeyValueStore,
  Stores,
  type TableIndex,
  type TableLayout,
  type TableStore,
} from '../../src/state/index.js'
import { typedLayout, withDatabaseFile } from './fixtures.js'

function counts(layout: Partial<TableLayout<string, number>> = {}) {
  return Stores.keyValue<string, number>({
    name: 'counts',
    keySerde: Serdes.string(),
    valueSerde: Serdes.integer(),
    layout: { ...typedLayout, ...layout },
  })
}

type Store = KeyValueStore<string, number> & TableStore
const value = 'a "value"'

test('a query sees what was put and not yet flushed', () => {
  withDatabaseFile((open) => {
    const store = open().openStore<Store>(counts())
    store.put('x', 1)
    store.put('y', 2)
    store.delete('x')
    const table = store.queryable()
    expect([...table.select(`SELECT * FROM "${table.name}"`, [])]).toEqual([['y', 2]])
  })
})

test('a table has the indexes it is told to have, and no others', () => {
  withDatabaseFile((open) => {
    const usedBy = (store: Store) => {
      const table = store.queryable()
      return table.explain(`SELECT ID FROM "${table.name}" WHERE "a ""value""" = ?`, [1])
    }
    const opened = (...indexes: TableIndex[]) => {
      const database = open()
      return { database, store: database.openStore<Store>(counts({ indexes: () => indexes })) }
    }
    const byValue = { name: 'i', columns: [value] }
    let { database, store } = opened(byValue)
    expect(usedBy(store)).toEqual(['SEARCH counts USING COVERING INDEX counts.index.i (a "value"=?)'])
    store.queryable().setIndexes([])
    expect(usedBy(store)).toEqual(['SCAN counts'])
    store.queryable().setIndexes([byValue])
    database.commit()
    database.close()
    // Under the same name, over other columns.
    ;({ database, store } = opened({ name: 'i', columns: ['ID', value] }))
    expect(usedBy(store)).toEqual(['SCAN counts USING COVERING INDEX counts.index.i'])
    database.commit()
    database.close()
    ;({ store } = opened())
    expect(usedBy(store)).toEqual(['SCAN counts'])
  })
})

test('where its layout says so, a store of another schema is emptied, to be rebuilt', () => {
  withDatabaseFile((open) => {
    let database = open()
    let store = database.openStore<Store>(counts())
    store.put('x', 1)
    store.flush()
    database.setChangelogOffset('counts', 7)
    database.commit()
    database.close()
    const valueColumns = [{ name: 'other', type: 'INTEGER' as const }]
    database = open()
    expect(() => database.openStore(counts({ valueColumns }))).toThrow('another schema')
    database.close()
    database = open()
    store = database.openStore(counts({ valueColumns, rebuildsOnChange: true, tableName: 'readable' }))
    expect(database.changelogOffset('counts')).toBeNull()
    expect([...store.all()]).toEqual([])
    expect(store.queryable().name).toBe('readable')
    store.put('x', 2)
    store.flush()
    database.commit()
    database.close()
    store = open().openStore(counts({ valueColumns, rebuildsOnChange: true, tableName: 'readable' }))
    expect(store.get('x')).toBe(2)
  })
})
