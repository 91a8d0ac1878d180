/** Characters packed into one sort prefix: 6 of 8 bits stay below 2^53. */
const PREFIX_CHARACTERS = 6
/** Characters from here on are told apart by `compare` only. */
const CHARACTER_MAX = 0xff
/** Below this, packing costs more than it saves. */
const SMALL = 32

/**
 * Sorts by `compare`, which must order items as the characters of their texts are ordered while those are below U+00FF.
 *
 * Comparing two keys means fetching both from all over the heap. So the characters after the common beginning are packed
 * into one number per item, numbers are sorted, and keys are compared only where these are equal.
 */
export function sortByText<T>(
  items: readonly T[],
  textOf: (item: T) => string,
  compare: (a: T, b: T) => number,
): T[] {
  if (items.length < SMALL) return [...items].sort(compare)
  const texts = items.map(textOf)
  const skip = commonLength(texts)
  const prefixes = new Float64Array(items.length)
  const order = new Uint32Array(items.length)
  for (let i = 0; i < texts.length; i++) {
    prefixes[i] = prefixOf(texts[i]!, skip)
    order[i] = i
  }
  order.sort((a, b) => prefixes[a]! - prefixes[b]! || compare(items[a]!, items[b]!))
  const sorted: T[] = new Array(items.length)
  for (let i = 0; i < sorted.length; i++) sorted[i] = items[order[i]!]!
  return sorted
}

function commonLength(texts: readonly string[]): number {
  const first = texts[0]!
  let length = first.length
  for (let i = 1; i < texts.length && length > 0; i++) {
    const text = texts[i]!
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
    prefix = prefix * 256 + code
  }
  return prefix
}
