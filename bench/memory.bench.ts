/*
 * The peak of resident memory of each workload as SQL, each in a process of its own: this file runs itself as a child.
 * It includes Node itself and writing the input.
 */
import { spawnSync } from 'node:child_process'
import { runQuery, withSources } from './sql-workloads.js'
import { TITLES, WORKLOADS, type Workload } from './workloads.js'

export function benchMemory(): void {
  console.log(
    `\n${'peak of resident memory'.padEnd(58)}${'input only'.padStart(12)}${'with query'.padStart(12)}`,
  )
  for (const workload of WORKLOADS) {
    const [input, query] = ['input', 'query'].map((part) =>
      `${peakMegabytes(workload, part)} MB`.padStart(12),
    )
    console.log(`${`${TITLES[workload]}, SQL`.padEnd(58)}${input}${query}`)
  }
}

function peakMegabytes(workload: Workload, part: string): number {
  const command = ['--import', 'tsx', import.meta.filename, workload, part]
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${workload} failed: ${stderr}`)
  return Math.round(Number(stdout))
}

if (process.argv[1] === import.meta.filename) {
  const [workload, part] = process.argv.slice(2) as [Workload, string]
  await withSources(workload, async (engine) => {
    if (part === 'query') await runQuery(engine, workload)
  })
  // maxRSS is in KiB.
  console.log((process.resourceUsage().maxRSS * 1024) / 1e6)
}
