import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Case, readCaseFiles } from './cases.js'
import { readKnownGaps, writeKnownGaps } from './known-gaps.js'
import { runQttCase } from './run-qtt-case.js'
import { runRestCase } from './run-rest-case.js'
import { runSqlCase } from './run-sql-case.js'

/*
 * ksqlDB's functional cases against this engine.
 *
 *     npm run conformance:qtt -- [DIRECTORY] [--only TEXT] [--verbose] [--update-gaps]
 *
 * A line for each file, then `N passed, N failed`. Fails when a case fails that is not in known-gaps.json, or one passes
 * that is. What failed, with its first difference, goes to conformance-report.json.
 */

const runners = { qtt: runQttCase, sql: runSqlCase, rest: runRestCase }

async function outcomeOf(c: Case): Promise<string | null> {
  try {
    return await runners[c.suite](c)
  } catch (error) {
    return `the runner failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
}

const args = process.argv.slice(2)
const only = args.includes('--only') ? args[args.indexOf('--only') + 1]! : null
const verbose = args.includes('--verbose')
const plain = args.filter((a, i) => !a.startsWith('--') && args[i - 1] !== '--only')
const directory = resolve(plain[0] ?? '../shared/qtt')

if (!existsSync(directory)) {
  console.log(`no cases in ${directory}: nothing to run`)
  process.exit(0)
}

const known = readKnownGaps()
const failures = new Map<string, string>()
const surprises: string[] = []
let passed = 0
for (const file of readCaseFiles(directory)) {
  const cases = file.cases.filter((c) => only === null || c.id.includes(only))
  let passedHere = 0
  for (const c of cases) {
    const difference = await outcomeOf(c)
    if (difference === null) passedHere++
    else failures.set(c.id, difference)
    if (difference === null && c.id in known.gaps) surprises.push(`passes, but is a known gap: ${c.id}`)
    if (difference !== null && !(c.id in known.gaps))
      surprises.push(`fails: ${c.id}: ${difference.slice(0, 300)}`)
    if (difference !== null && verbose) console.log(`  ${c.id}\n    ${difference.replaceAll('\n', '\n    ')}`)
  }
  passed += passedHere
  if (cases.length > 0) console.log(`${file.name}: ${passedHere} of ${cases.length}`)
}
writeFileSync('conformance-report.json', `${JSON.stringify(Object.fromEntries(failures), null, 2)}\n`)
if (args.includes('--update-gaps') && only === null) writeKnownGaps(known, failures)
else for (const line of surprises) console.log(line)
console.log(`${passed} passed, ${failures.size} failed`)
process.exit(surprises.length > 0 && !args.includes('--update-gaps') ? 1 : 0)
