/** Resolves in a later turn of the event loop, after waiting timers and I/O had their chance. */
export function nextEventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
