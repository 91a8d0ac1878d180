import { describe, expect, it } from 'vitest'
import { SimulatedCrash, SimulatedFiles } from '../../src/testing/index.js'

const seeds = Array.from({ length: 40 }, (_, seed) => seed)

function withFile(seed: number): SimulatedFiles {
  const files = new SimulatedFiles({ seed })
  files.makeDirectory('/d')
  files.syncDirectory('/')
  const file = files.open('/d/f', 'a+')
  file.write(Buffer.from('stable'), 0)
  file.sync()
  files.syncDirectory('/d')
  file.write(Buffer.alloc(2000, 'x'), 6)
  return files
}

describe('simulated files', () => {
  it('lose nothing when the process is killed', () => {
    const files = withFile(1)
    files.kill()
    expect(files.readFile('/d/f').toString()).toBe(`stable${'x'.repeat(2000)}`)
  })

  it('keep what was synced over a power cut, and any part of the rest, by sectors', () => {
    const sizes = new Set<number>()
    for (const seed of seeds) {
      const files = withFile(seed)
      files.powerCut()
      const content = files.readFile('/d/f')
      expect(content.toString()).toMatch(/^stablex*$/)
      sizes.add(content.length)
    }
    expect([...sizes].sort((a, b) => a - b)).toEqual(expect.arrayContaining([6, 2006]))
    for (const size of sizes) expect((size - 6) % 512 === 0 || size === 2006).toBe(true)
    expect(sizes.size).toBeGreaterThan(2)
  })

  it('may lose a file, a removal or a renaming whose directory was not synced', () => {
    const outcomes = new Set<string>()
    for (const seed of seeds) {
      const files = withFile(seed)
      files.rename('/d/f', '/d/g')
      files.open('/d/new', 'a+')
      files.remove('/d/g')
      files.powerCut()
      outcomes.add(files.list('/d').join())
    }
    expect([...outcomes].sort()).toEqual(['f', 'g', 'g,new', 'new'])
  })

  it('stop the process before a chosen change, and its handles for good', async () => {
    const files = withFile(1)
    const file = files.open('/d/f', 'r+')
    files.crashAfter(1)
    file.truncate(3)
    expect(() => file.write(Buffer.from('y'), 3)).toThrow(SimulatedCrash)
    expect(files.crashed).toBe(true)
    expect(() => files.list('/d')).toThrow(SimulatedCrash)
    files.kill()
    expect(() => file.size()).toThrow(SimulatedCrash)
    await expect(file.syncAsync()).rejects.toThrow(SimulatedCrash)
    expect(files.readFile('/d/f').toString()).toMatch(/^stay?$|^stay?$|^sta$|^stay$/)
    expect(files.lock('/d')).toHaveProperty('release')
  })

  it('fail writes and syncs as often as told', () => {
    const files = withFile(1)
    const file = files.open('/d/f', 'r+')
    files.faults = { writeError: 1, syncError: 1 }
    expect(() => file.write(Buffer.from('z'), 0)).toThrow(/ENOSPC/)
    expect(() => file.sync()).toThrow(/EIO/)
    files.faults = {}
    file.write(Buffer.from('z'), 0)
    file.sync()
    files.powerCut()
    expect(files.readFile('/d/f').subarray(0, 6).toString()).toBe('ztable')
  })

  it('do the same for the same seed', () => {
    const content = (seed: number) => {
      const files = withFile(seed)
      files.powerCut()
      return files.readFile('/d/f').length
    }
    expect(seeds.map(content)).toEqual(seeds.map(content))
  })
})
