/** Merges sequences that are in order each: a binary heap of their heads. Of equal items any may come first. */
export function* mergeInOrder<T>(
  sequences: readonly Iterator<T>[],
  compare: (a: T, b: T) => number,
): Generator<T, undefined> {
  const heap: { item: T; rest: Iterator<T> }[] = []
  const sink = (from: number): void => {
    const moved = heap[from]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && compare(heap[child + 1]!.item, heap[child]!.item) < 0) child++
      if (compare(moved.item, heap[child]!.item) <= 0) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = moved
  }
  for (const rest of sequences) {
    const step = rest.next()
    if (step.done !== true) heap.push({ item: step.value, rest })
  }
  for (let at = (heap.length >>> 1) - 1; at >= 0; at--) sink(at)
  while (heap.length > 0) {
    const head = heap[0]!
    yield head.item
    const step = head.rest.next()
    if (step.done !== true) {
      head.item = step.value
    } else {
      const last = heap.pop()!
      if (heap.length === 0) return
      heap[0] = last
    }
    sink(0)
  }
}
