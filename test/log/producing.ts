import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

/** Compiles `producing-process.ts` and what it imports, once, so that processes start fast. Returns the script's path. */
export function compileProducingProcess(): { readonly script: string; readonly remove: () => void } {
  // Within the project, so that packages are found from there.
  const cache = join(ROOT, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const directory = mkdtempSync(join(cache, 'producing-'))
  const fromHere = (path: string) => relative(directory, join(ROOT, path))
  const config = {
    extends: fromHere('tsconfig.json'),
    compilerOptions: {
      rootDir: fromHere('.') || '.',
      outDir: 'out',
      declaration: false,
      sourceMap: false,
      noCheck: true,
    },
    files: [fromHere('test/log/producing-process.ts')],
    include: [],
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', directory])
  return {
    script: join(directory, 'out/test/log/producing-process.js'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export interface ProducingProcess {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly lines: readonly string[]
  /** Resolves once `enough` says so of the lines. */
  until(enough: (lines: readonly string[]) => boolean): Promise<void>
  kill(): Promise<void>
}

export function startProducing(script: string, dataDirectory: string): ProducingProcess {
  const child = spawn(process.execPath, [script, dataDirectory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let look = () => {}
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line)
    look()
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  onTestFinished(kill)
  return {
    child,
    lines,
    kill,
    until: (enough) =>
      new Promise((resolve, reject) => {
        child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
        look = () => {
          if (enough(lines)) resolve()
        }
        look()
      }),
  }
}
