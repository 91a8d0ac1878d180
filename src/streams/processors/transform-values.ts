import type { NodeContext } from '../node.js'
import { supply, type ValueTransformerSupplier } from '../processor-api.js'

/** A running transformer, as a function from key and value to the new value. */
export function openTransformer(
  supplier: ValueTransformerSupplier<unknown, unknown, unknown>,
  context: NodeContext,
): (key: unknown, value: unknown) => unknown {
  const transformer = supply(supplier)
  transformer.init?.({
    applicationId: context.applicationId,
    taskId: context.taskId,
    appConfigs: context.appConfigs,
    getStateStore: (name) => context.stateStore(name),
    schedule: (...schedule) => context.schedule(...schedule),
    currentStreamTimeMs: () => context.currentStreamTimeMs(),
    currentSystemTimeMs: () => context.currentSystemTimeMs(),
    commit: () => context.requestCommit(),
    recordMetadata: null,
  })
  context.onClose(() => transformer.close?.())
  return (key, value) => transformer.transform(key, value) ?? null
}
