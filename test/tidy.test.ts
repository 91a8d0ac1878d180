import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/*
 * Style is a test. The dependency law, the one home of each injected thing and of each library, and limits that only
 * ever fall: raise none of them to get a change through.
 */

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')

const mayImport: Readonly<Record<string, readonly string[]>> = {
  common: [],
  serde: ['common'],
  log: ['common', 'serde'],
  state: ['common', 'serde'],
  streams: ['common', 'serde', 'log', 'state'],
  connect: ['common', 'serde', 'log'],
  testing: ['common', 'serde', 'log', 'state', 'streams'],
  sql: ['common', 'serde', 'log', 'state', 'streams'],
  repl: ['common', 'serde', 'log', 'state', 'streams', 'sql', 'connect'],
}

/** Libraries that have one home, so that a new major is a small change. */
const homes: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['state/sqlite-database.ts', 'connect/sqlite-sink.ts'],
  chevrotain: ['sql/chevrotain.ts'],
  rxjs: ['streams/', 'log/', 'sql/', 'repl/'],
  ink: ['repl/'],
  react: ['repl/'],
  'node:fs': ['common/node-files.ts', 'repl/'],
  'node:worker_threads': ['common/message-endpoint.ts', 'log/port/', 'streams/workers/'],
  'csv-parse': ['connect/read-rows.ts'],
  protobufjs: ['sql/schema-registry/protobuf-schema.ts'],
}

interface SourceFile {
  readonly path: string
  readonly text: string
}

function filesBelow(directory: string): SourceFile[] {
  return readdirSync(directory).flatMap((name): SourceFile[] => {
    const path = join(directory, name)
    if (statSync(path).isDirectory()) return filesBelow(path)
    return /\.tsx?$/.test(name) ? [{ path: relative(src, path), text: readFileSync(path, 'utf8') }] : []
  })
}

const files = filesBelow(src)

function importsOf({ text }: SourceFile): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((m) => m[1]!)
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

describe('the layout is the architecture', () => {
  it('finds the sources', () => {
    expect(files.length).toBeGreaterThan(20)
  })

  it('lets each layer import only the layers below it, through their index', () => {
    const violations: string[] = []
    for (const file of files) {
      const layer = file.path.split('/')[0]!
      if (layer.endsWith('.ts')) continue
      for (const specifier of importsOf(file).filter((s) => s.startsWith('.'))) {
        const target = relative(src, resolve(src, dirname(file.path), specifier))
        const targetLayer = target.split('/')[0]!
        if (targetLayer === layer) continue
        if (!mayImport[layer]?.includes(targetLayer)) violations.push(`${file.path} imports ${target}`)
        else if (target !== `${targetLayer}/index.js`)
          violations.push(`${file.path} reaches past ${targetLayer}/index.ts: ${target}`)
      }
    }
    expect(violations).toEqual([])
  })

  it('keeps each library in its home', () => {
    const violations: string[] = []
    for (const file of files) {
      for (const specifier of importsOf(file)) {
        const library = Object.keys(homes).find(
          (name) => specifier === name || specifier.startsWith(`${name}/`),
        )
        if (library !== undefined && !homes[library]!.some((home) => file.path.startsWith(home))) {
          violations.push(`${file.path} imports ${specifier}`)
        }
      }
    }
    expect(violations).toEqual([])
  })

  it('injects clock and randomness', () => {
    const banned: readonly (readonly [RegExp, readonly string[]])[] = [
      [/\bDate\.now\(|new Date\(\)/, ['common/clock.ts']],
      [/\bsetTimeout\(|\bsetInterval\(/, ['common/clock.ts']],
      [/\bMath\.random\(/, ['common/random.ts']],
    ]
    const violations: string[] = []
    for (const file of files) {
      if (file.path.startsWith('repl/')) continue
      const code = withoutComments(file.text)
      for (const [pattern, allowed] of banned) {
        if (pattern.test(code) && !allowed.includes(file.path))
          violations.push(`${file.path}: ${pattern.source}`)
      }
    }
    expect(violations).toEqual([])
  })

  it('keeps files readable: none over 700 lines', () => {
    const long = files
      .map((f) => ({ path: f.path, lines: f.text.split('\n').length }))
      .filter((f) => f.lines > 700)
    expect(long).toEqual([])
  })

  it('leaves no unfinished business and speaks of itself alone', () => {
    const banned = /\b(TODO|FIXME|XXX)\b|\/work\/|\/root\/|registry\.npmjs/
    expect(files.filter((f) => banned.test(f.text)).map((f) => f.path)).toEqual([])
  })
})
