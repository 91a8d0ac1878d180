import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CatalogueEntry, Scenario } from './catalogue.js'
import { checkDescription } from './describe.js'
import { canBeDisturbed, checkDisturbed } from './disturbed.js'
import { checkLogVectors } from './log-vectors.js'
import { type CaseResult, judge, runCase, updatedGaps } from './report.js'
import { checkScenario } from './scenario.js'

/*
 * npm run conformance:oracle -- [DIR] [--only TEXT] [--update-gaps] [--disturbed SEEDS]
 *
 * Runs what Apache Kafka did, as recorded in DIR, and compares. Prints a line for each file and the sum; details of
 * failing cases are in conformance-report.json. The exit code is 1 when a case outside known-gaps.json fails, or one
 * inside it passes.
 *
 * --disturbed: instead, each scenario is run that many times with random bundles, caches, crashes and restarts, and has to
 * come to the results of the plain run.
 */

const project = resolve(import.meta.dirname, '../../..')
const gapsFile = join(import.meta.dirname, 'known-gaps.json')

const args = process.argv.slice(2)
const onlyAt = args.indexOf('--only')
const only = onlyAt < 0 ? null : args.splice(onlyAt, 2)[1]!
const disturbedAt = args.indexOf('--disturbed')
const disturbed = disturbedAt < 0 ? null : Number(args.splice(disturbedAt, 2)[1])
const updateGaps = args.includes('--update-gaps')
const directory = resolve(args.find((arg) => !arg.startsWith('--')) ?? join(project, '../shared/oracle'))

if (!existsSync(join(directory, 'catalogue.json'))) {
  console.log(`no vectors at ${directory}: nothing to compare with`)
} else {
  const results = await runAll()
  writeFileSync(
    join(project, 'conformance-report.json'),
    `${JSON.stringify({ failed: results.filter((r) => r.difference !== null) }, null, 2)}\n`,
  )
  const gaps = readGaps()
  if (updateGaps) writeFileSync(gapsFile, `${JSON.stringify(updatedGaps(results, gaps), null, 2)}\n`)
  else if (only === null && disturbed === null) explain(results, gaps)
  const failed = results.filter((result) => result.difference !== null).length
  if (disturbed !== null && failed > 0) process.exitCode = 1
  console.log(`${results.length - failed} passed, ${failed} failed`)
}

function readGaps(): Record<string, string> {
  return JSON.parse(readFileSync(gapsFile, 'utf8')) as Record<string, string>
}

function explain(results: readonly CaseResult[], gaps: Readonly<Record<string, string>>): void {
  const { unexpected, closed, unknown } = judge(results, gaps)
  for (const { id, difference } of unexpected) console.log(`FAILED ${id}: ${difference}`)
  for (const id of closed) console.log(`PASSED, though listed in known-gaps.json: ${id}`)
  for (const id of unknown) console.log(`listed in known-gaps.json, but there is no such case: ${id}`)
  if (unexpected.length + closed.length + unknown.length > 0) process.exitCode = 1
}

async function runAll(): Promise<CaseResult[]> {
  const catalogue = read<CatalogueEntry[]>('catalogue.json')
  const results: CaseResult[] = []
  for (const entry of catalogue) {
    const file = `streams/${entry.name}.json`
    if (!wanted(file)) continue
    const cases: CaseResult[] = []
    for (const scenario of read<Scenario[]>(file)) {
      if (disturbed !== null && !canBeDisturbed(entry, scenario)) continue
      const check = () =>
        disturbed === null ? checkScenario(entry, scenario) : checkDisturbed(entry, scenario, disturbed)
      cases.push(await runCase(`streams/${entry.name}/${scenario.scenario}`, check))
    }
    results.push(...printed(file, cases))
  }
  if (disturbed !== null) return results
  for (const entry of catalogue) {
    const file = `describe/${entry.name}.txt`
    if (!wanted(file)) continue
    const expected = readFileSync(join(directory, file), 'utf8')
    results.push(
      ...printed(file, [await runCase(`describe/${entry.name}`, () => checkDescription(entry, expected))]),
    )
  }
  for (const name of existsSync(join(directory, 'log')) ? readdirSync(join(directory, 'log')).sort() : []) {
    if (!name.endsWith('.json') || !wanted(`log/${name}`)) continue
    results.push(
      ...printed(`log/${name}`, await checkLogVectors(name, read<Record<string, unknown>[]>(`log/${name}`))),
    )
  }
  return results
}

function wanted(file: string): boolean {
  return only === null || file.includes(only)
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(directory, name), 'utf8')) as T
}

function printed(file: string, cases: CaseResult[]): CaseResult[] {
  const failed = cases.filter((result) => result.difference !== null).length
  console.log(`${file}: ${cases.length - failed} passed, ${failed} failed`)
  return cases
}
