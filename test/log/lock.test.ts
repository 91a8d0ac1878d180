import { afterAll, describe, expect, it } from 'vitest'
import { DirectoryLockedError, Log } from '../../src/log/index.js'
import { dataDirectory, storages } from './log-fixture.js'
import { compileProducingProcess, startProducing } from './producing.js'

const { script, remove } = compileProducingProcess()
afterAll(remove)

describe('a data directory', () => {
  it.each(storages)('has one owner at a time on %s', async (storage) => {
    const fixture = dataDirectory(storage)
    const log = await fixture.open()
    await expect(fixture.open()).rejects.toBeInstanceOf(DirectoryLockedError)
    await expect(fixture.open()).rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
      message: expect.stringContaining('this process'),
    })
    await log.close()
    await (await fixture.open()).close()
  })

  it('is refused to a second process, naming the owner and since when', async () => {
    const fixture = dataDirectory('files')
    const owner = startProducing(script, fixture.path)
    await owner.until((lines) => lines.includes('ready'))
    await expect(Log.open({ dataDirectory: fixture.path })).rejects.toThrow(
      new RegExp(`in use by process ${owner.child.pid}.* since 20\\d\\d-.*; close it`),
    )
    await owner.kill()
  })
})
