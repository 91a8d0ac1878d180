import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStateDatabase } from '../../src/state/index.js'
import { storeSuite } from '../../src/testing/store-suite.js'
import { temporaryDirectory, typedLayout } from './fixtures.js'

function openInFile() {
  const directory = temporaryDirectory()
  const path = join(directory.path, 'state.db')
  let database = openStateDatabase({ path })
  return {
    database,
    reopen() {
      database.close()
      database = openStateDatabase({ path })
      return database
    },
    remove: directory.remove,
  }
}

for (const persistent of [true, false]) {
  for (const layout of [undefined, typedLayout]) {
    for (const cacheEntriesMax of [0, 1, 10, undefined]) {
      const kind = `${persistent ? 'persistent' : 'memory'}, ${layout === undefined ? 'blob' : 'typed'} layout`
      describe(`state stores: ${kind}, cache of ${cacheEntriesMax ?? 'default size'}`, () => {
        storeSuite({
          test,
          expect,
          open: openInFile,
          persistent,
          ...(layout === undefined ? {} : { layout }),
          ...(cacheEntriesMax === undefined ? {} : { cacheEntriesMax }),
        })
      })
    }
  }
}
