import type { NodeContext } from '../node.js'
import type { ValueTransformerSupplier } from '../processor-api.js'

/** A running transformer, as a function from key and value to the new value. */
export function openTransformer(
  supplier: ValueTransformerSupplier<unknown, unknown, unknown>,
  context: NodeContext,
): (key: unknown, value: unknown) => unknown {
  const transformer = supplier()
  transformer.init?.({
    applicationId: context.applicationId,
    taskId: context.taskId,
    getStateStore: (name) => context.stateStore(name),
    schedule: (intervalMs, type, callback) => context.schedule(intervalMs, type, callback),
    currentStreamTimeMs: () => context.currentStreamTimeMs(),
    currentSystemTimeMs: () => context.currentSystemTimeMs(),
    commit: () => context.requestCommit(),
    recordMetadata: null,
  })
  context.onClose(() => transformer.close?.())
  return (key, value) => transformer.transform(key, value) ?? null
}
