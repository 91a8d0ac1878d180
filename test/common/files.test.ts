import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileSystem, MemoryFiles, nodeFiles } from '../../src/common/index.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'forebay-files-'))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function withCode(code: string) {
  return expect.objectContaining({ code })
}

const systems: readonly (readonly [string, () => FileSystem])[] = [
  ['on disk', () => nodeFiles],
  [
    'in memory',
    () => {
      const files = new MemoryFiles()
      files.makeDirectory(root)
      return files
    },
  ],
]

describe.each(systems)('files %s', (_, make) => {
  it('are written and read at any position', () => {
    const files = make()
    const file = files.open(`${root}/a`, 'a+')
    file.write(Buffer.from('hello'), 0)
    file.write(Buffer.from('XY'), 1)
    file.write(Buffer.from('end'), 8)
    expect(file.size()).toBe(11)
    const into = Buffer.alloc(20, 0xee)
    expect(file.read(into, 2, 18, 0)).toBe(11)
    expect(into.subarray(2, 13).toString('latin1')).toBe('hXYlo\0\0\0end')
    expect(file.read(into, 0, 5, 11)).toBe(0)
    expect(file.read(into, 0, 5, 9)).toBe(2)
    file.truncate(3)
    file.write(Buffer.from('!'), 5)
    file.close()
    expect(files.readFile(`${root}/a`).toString('latin1')).toBe('hXY\0\0!')
  })

  it('hold large contents, across chunks', () => {
    const files = make()
    fc.assert(
      fc.property(
        fc.array(fc.record({ position: fc.nat(300_000), size: fc.nat(150_000), byte: fc.nat(255) }), {
          maxLength: 6,
        }),
        (writes) => {
          files.remove(`${root}/big`)
          const file = files.open(`${root}/big`, 'a+')
          const expected = Buffer.alloc(500_000)
          let size = 0
          for (const write of writes) {
            file.write(Buffer.alloc(write.size, write.byte), write.position)
            expected.fill(write.byte, write.position, write.position + write.size)
            if (write.size > 0) size = Math.max(size, write.position + write.size)
          }
          expect(file.size()).toBe(size)
          const middle = Math.floor(size / 3)
          const into = Buffer.alloc(size)
          expect(file.read(into, 0, size, middle)).toBe(size - middle)
          file.close()
          expect(into.subarray(0, size - middle).equals(expected.subarray(middle, size))).toBe(true)
          expect(files.readFile(`${root}/big`).equals(expected.subarray(0, size))).toBe(true)
        },
      ),
      { numRuns: 20 },
    )
  })

  it("are found, listed, renamed and removed, and fail with Node's codes", () => {
    const files = make()
    expect(() => files.open(`${root}/none`, 'r')).toThrow(withCode('ENOENT'))
    expect(() => files.open(`${root}/none`, 'r+')).toThrow(withCode('ENOENT'))
    expect(() => files.open(`${root}/no/such`, 'a+')).toThrow(withCode('ENOENT'))
    expect(() => files.readFile(`${root}/none`)).toThrow(withCode('ENOENT'))
    expect(() => files.rename(`${root}/none`, `${root}/b`)).toThrow(withCode('ENOENT'))
    expect(files.list(`${root}/none`)).toEqual([])
    files.remove(`${root}/none`)

    files.makeDirectory(`${root}/d/e`)
    files.makeDirectory(`${root}/d/e`)
    files.writeFileAtomic(`${root}/d/z`, Buffer.from('one'))
    files.writeFileAtomic(`${root}/d/z`, Buffer.from('two'))
    files.writeFileAtomic(`${root}/d/b`, Buffer.from('b'))
    expect(files.list(`${root}/d`)).toEqual(['b', 'e', 'z'])
    expect([files.isDirectory(`${root}/d/e`), files.isDirectory(`${root}/d/z`)]).toEqual([true, false])
    files.rename(`${root}/d/z`, `${root}/d/b`)
    expect(files.readFile(`${root}/d/b`).toString()).toBe('two')
    files.rename(`${root}/d`, `${root}/moved`)
    expect(files.exists(`${root}/d`)).toBe(false)
    expect(files.list(`${root}/moved`)).toEqual(['b', 'e'])
    files.syncDirectory(`${root}/moved`)
    files.remove(`${root}/moved`)
    expect(files.exists(`${root}/moved/b`)).toBe(false)
  })

  it('stay readable through a handle opened before they were removed', () => {
    const files = make()
    files.writeFileAtomic(`${root}/a`, Buffer.from('still here'))
    const file = files.open(`${root}/a`, 'r')
    files.remove(`${root}/a`)
    const into = Buffer.alloc(10)
    expect(file.read(into, 0, 10, 0)).toBe(10)
    expect(into.toString()).toBe('still here')
    expect(() => file.write(Buffer.from('x'), 0)).toThrow(withCode('EBADF'))
    file.close()
    file.close()
  })

  it('may be closed while a sync runs', async () => {
    const files = make()
    const file = files.open(`${root}/a`, 'a+')
    file.write(Buffer.from('x'), 0)
    const sync = file.syncAsync()
    file.close()
    await sync
  })

  it('are locked by one owner at a time', () => {
    const files = make()
    const first = files.lock(root)
    if ('owner' in first) throw new Error('the lock was free')
    expect(files.lock(root)).toEqual({ owner: 'this process' })
    first.release()
    const second = files.lock(root)
    expect('release' in second).toBe(true)
    // A second release must not take the lock from its new owner.
    first.release()
    if ('release' in second) second.release()
  })
})

describe('the lock of a directory on disk', () => {
  const lockFile = () => join(root, '.lock')
  const takeOver = () => {
    const taken = nodeFiles.lock(root)
    if ('owner' in taken) throw new Error(`held by ${taken.owner}`)
    expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
    taken.release()
    expect(existsSync(lockFile())).toBe(false)
  }
  const boot = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

  it('is refused while another process lives that holds it, and names that process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    try {
      const mine = nodeFiles.lock(root)
      const owner = JSON.parse(readFileSync(lockFile(), 'utf8')) as Record<string, string>
      if ('release' in mine) mine.release()
      const stat = process.platform === 'linux' ? readFileSync(`/proc/${child.pid}/stat`, 'utf8') : ''
      const processStart = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
      writeFileSync(lockFile(), JSON.stringify({ ...owner, pid: child.pid, processStart, nonce: 'theirs' }))
      expect(nodeFiles.lock(root)).toEqual({ owner: `process ${child.pid}` })
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await exited
      takeOver()
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('of another machine is believed', () => {
    writeFileSync(
      lockFile(),
      JSON.stringify({ pid: 1, processStart: '', boot: '', host: 'elsewhere.example', nonce: 'n' }),
    )
    expect(nodeFiles.lock(root)).toEqual({ owner: 'process 1 on elsewhere.example' })
  })

  it.runIf(process.platform === 'linux')(
    'is taken over when the process id was reused, or the machine restarted',
    () => {
      const dead = { pid: process.pid, host: hostname(), nonce: 'n' }
      writeFileSync(lockFile(), JSON.stringify({ ...dead, processStart: '1', boot: boot() }))
      takeOver()
      writeFileSync(lockFile(), JSON.stringify({ ...dead, processStart: '1', boot: 'an earlier one' }))
      takeOver()
    },
  )

  it('is taken over when its file is empty or nonsense', () => {
    writeFileSync(lockFile(), '')
    takeOver()
    writeFileSync(lockFile(), '{"pid":')
    takeOver()
  })

  it('leaves no other file behind', () => {
    takeOver()
    expect(nodeFiles.list(root)).toEqual([])
  })
})
