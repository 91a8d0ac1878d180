export interface SeededSchedule {
  /** What happened, for the message of a failure. */
  readonly story: readonly string[]
  run(): Promise<void>
}

/**
 * Runs schedules of the seeds 1 to `count`, or of those that FOREBAY_SEEDS names: 5000 for that many, 17-17 for one with
 * its story. Returns what failed, at most five.
 */
export async function runSchedules(
  schedule: (seed: number) => SeededSchedule,
  count: number,
): Promise<string[]> {
  const [first, last] = seeds(process.env['FOREBAY_SEEDS'] ?? String(count))
  const failures: string[] = []
  for (let seed = first; seed <= last && failures.length < 5; seed++) {
    const played = schedule(seed)
    await played.run().catch((error: unknown) => {
      const told = first === last ? `\n  ${played.story.join('\n  ')}` : ''
      const reason = error instanceof Error ? (first === last ? error.stack : error.message) : error
      failures.push(`seed ${seed}: ${reason}${told}`)
    })
  }
  return failures
}

function seeds(text: string): [number, number] {
  const [from, to] = text.split('-').map(Number)
  return to === undefined ? [1, from!] : [from!, to]
}
