import type { Clock } from '../../common/index.js'

const LOOK_AGAIN_MS = 100

/** Looks again and again until nothing is wrong, for `timeoutMs` at most; returns what is wrong at last, or null. */
export async function waitFor(
  clock: Clock,
  timeoutMs: number,
  problem: () => Promise<string | null>,
): Promise<string | null> {
  const deadline = clock.now() + timeoutMs
  for (;;) {
    const found = await problem()
    if (found === null) return null
    const left = deadline - clock.now()
    if (left <= 0) return found
    await new Promise<void>((wake) => clock.setTimer(Math.min(LOOK_AGAIN_MS, left), wake, true))
  }
}
