/** Characters packed into one sort prefix, 7 bits each; characters from `CHARACTER_MAX` on are told apart by `compare`. */
const PREFIX_CHARACTERS = 5
const CHARACTER_MAX = 0x7f
/** Bits of the item's place, below the prefix: together they stay in the range where doubles count by ones. */
const PLACE_BITS = 18
const CHUNK = 1 << PLACE_BITS
/** Below this, packing costs more than it saves. */
const SMALL = 32

/**
 * Sorts by `compare`, which must order items as the characters of their texts are ordered while those are below U+007F.
 *
 * Comparing two keys means fetching both from all over the heap. So the characters after the common beginning are packed
 * into one number per item, its place behind them, and the numbers are sorted without a call per comparison; keys are
 * compared only where these characters are equal.
 *
 *     53 bits:  5 characters │ place
 */
export function sortByText<T>(
  items: readonly T[],
  textOf: (item: T) => string,
  compare: (a: T, b: T) => number,
): T[] {
  if (items.length < SMALL || items.length > CHUNK) return [...items].sort(compare)
  const skip = commonLength(items, textOf)
  const packed = new Float64Array(items.length)
  for (let i = 0; i < items.length; i++) packed[i] = prefixOf(textOf(items[i]!), skip) * CHUNK + i
  packed.sort()
  const sorted: T[] = new Array(items.length)
  let equalFrom = 0
  let lastPrefix = -1
  for (let i = 0; i < sorted.length; i++) {
    const prefix = Math.floor(packed[i]! / CHUNK)
    sorted[i] = items[packed[i]! - prefix * CHUNK]!
    if (prefix === lastPrefix) continue
    if (i - equalFrom > 1) sortSlice(sorted, equalFrom, i, compare)
    equalFrom = i
    lastPrefix = prefix
  }
  if (sorted.length - equalFrom > 1) sortSlice(sorted, equalFrom, sorted.length, compare)
  return sorted
}

function sortSlice<T>(items: T[], from: number, to: number, compare: (a: T, b: T) => number): void {
  if (to - from === 2) {
    const first = items[from]!
    if (compare(first, items[from + 1]!) <= 0) return
    items[from] = items[from + 1]!
    items[from + 1] = first
    return
  }
  const slice = items.slice(from, to).sort(compare)
  for (let i = 0; i < slice.length; i++) items[from + i] = slice[i]!
}

function commonLength<T>(items: readonly T[], textOf: (item: T) => string): number {
  const first = textOf(items[0]!)
  let length = first.length
  for (let i = 1; i < items.length && length > 0; i++) {
    const text = textOf(items[i]!)
    if (text.length < length) length = text.length
    for (let at = 0; at < length; at++) if (text.charCodeAt(at) !== first.charCodeAt(at)) length = at
  }
  return length
}

/** Never decreases from a text to a greater one. A missing character counts as U+0000: `compare` decides. */
function prefixOf(text: string, skip: number): number {
  let prefix = 0
  let isCapped = false
  for (let at = skip; at < skip + PREFIX_CHARACTERS; at++) {
    let code = isCapped || at >= text.length ? 0 : text.charCodeAt(at)
    if (code >= CHARACTER_MAX) {
      code = CHARACTER_MAX
      isCapped = true
    }
    prefix = prefix * 128 + code
  }
  return prefix
}
