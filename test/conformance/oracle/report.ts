/** One case: an id and what was wrong, or null. */
export interface CaseResult {
  readonly id: string
  readonly difference: string | null
}

/** Runs a check; an error counts as a difference. */
export async function runCase(
  id: string,
  check: () => string | null | Promise<string | null>,
): Promise<CaseResult> {
  try {
    return { id, difference: await check() }
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return { id, difference: `threw ${text}` }
  }
}

export interface Judgement {
  /** Failed, and not listed as a known gap. */
  readonly unexpected: readonly CaseResult[]
  /** Listed as a known gap, and passed. */
  readonly closed: readonly string[]
  /** Listed, but there is no such case. */
  readonly unknown: readonly string[]
}

export function judge(results: readonly CaseResult[], gaps: Readonly<Record<string, string>>): Judgement {
  const byId = new Map(results.map((result) => [result.id, result]))
  const listed = Object.keys(gaps)
  return {
    unexpected: results.filter((result) => result.difference !== null && !(result.id in gaps)),
    closed: listed.filter((id) => byId.get(id)?.difference === null),
    unknown: listed.filter((id) => !byId.has(id)),
  }
}

/** The gaps as they are now; reasons of those that stay are kept. */
export function updatedGaps(
  results: readonly CaseResult[],
  gaps: Readonly<Record<string, string>>,
): Record<string, string> {
  const updated: Record<string, string> = {}
  for (const { id, difference } of results) {
    if (difference !== null) updated[id] = gaps[id] ?? 'not looked at yet'
  }
  return updated
}
