import { performance } from 'node:perf_hooks'

export interface Measurement {
  readonly name: string
  /** Records (or rows) per second, one a run, in the order run. */
  readonly rates: readonly number[]
  /** CPU time of the process, µs a record, one a run: what a busy machine disturbs least. */
  readonly cpuMicros: readonly number[]
  readonly note: string
}

export const RUNS = Number(process.env['BENCH_RUNS'] ?? 5)

/**
 * Runs `work` once to warm up and then RUNS times. `work` prepares, and calls `timed` around what counts; `timed`
 * may be awaited. Garbage of one run is not charged to the next.
 */
export async function measure(
  name: string,
  records: number,
  work: (timed: (body: () => Promise<void> | void) => Promise<void>) => Promise<void>,
  note = '',
): Promise<Measurement> {
  const rates: number[] = []
  const cpuMicros: number[] = []
  for (let run = 0; run <= RUNS; run++) {
    globalThis.gc?.()
    let elapsedMs = 0
    let cpu = 0
    await work(async (body) => {
      const cpuBefore = process.cpuUsage()
      const start = performance.now()
      await body()
      elapsedMs += performance.now() - start
      const { user, system } = process.cpuUsage(cpuBefore)
      cpu += user + system
    })
    if (run === 0) continue
    rates.push((records / elapsedMs) * 1000)
    cpuMicros.push(cpu / records)
  }
  const measurement = { name, rates, cpuMicros, note }
  console.log(formatRow(measurement))
  return measurement
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function rate(perSecond: number): string {
  if (perSecond < 1e4) return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} /s`
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} M/s` : `${(perSecond / 1e3).toFixed(0)} k/s`
}

export function formatHeader(): string {
  return `${'workload'.padEnd(58)}${'median'.padStart(12)}${'min'.padStart(12)}${'max'.padStart(12)}${'CPU/record'.padStart(12)}  note`
}

export function formatRow({ name, rates, cpuMicros, note }: Measurement): string {
  const figures = [median(rates), Math.min(...rates), Math.max(...rates)]
    .map((r) => rate(r).padStart(12))
    .join('')
  const cpu = `${median(cpuMicros).toFixed(2)} µs`.padStart(12)
  return `${name.padEnd(58)}${figures}${cpu}  ${note}`
}
