/** The name with the smallest edit distance, when that is small enough to be a slip. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  let found: string | undefined
  // Names of one or two characters are all near each other.
  let limit = wanted.length < 3 ? 1 : Math.floor(wanted.length / 3) + 1
  for (const name of names) {
    const distance = editDistance(wanted, name, limit)
    if (distance < limit) {
      limit = distance
      found = name
    }
  }
  return found
}

/** Levenshtein distance with swapped neighbours counted as one; anything at or above `limit` may be reported as it. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1)
      }
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}
