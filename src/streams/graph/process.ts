import {
  connectedStores,
  type FixedKeyProcessorSupplier,
  type ProcessOptions,
  type Processor,
  type ProcessorContext,
  type ProcessorSupplier,
  supply,
} from '../processor-api.js'
import { processRecords } from '../processors/process.js'
import { checkName } from './graph.js'
import type { StreamHandle } from './handles.js'
import { attach } from './stateless.js'

export function attachProcessor(
  stream: StreamHandle,
  supplier: ProcessorSupplier<unknown, unknown, unknown, unknown>,
  options: ProcessOptions,
): StreamHandle {
  const name = nameOf(stream, options, 'KSTREAM-PROCESSOR-')
  return attach(stream, name, processRecords(supplier), {
    key: 'changed',
    value: 'changed',
    stores: connectedStores(supplier, options),
    recordAtATime: true,
  })
}

export function attachValueProcessor(
  stream: StreamHandle,
  supplier: FixedKeyProcessorSupplier<unknown, unknown, unknown>,
  options: ProcessOptions,
): StreamHandle {
  const name = nameOf(stream, options, 'KSTREAM-PROCESSVALUES-')
  return attach(
    stream,
    name,
    processRecords(() => withFixedKey(supplier)),
    {
      value: 'changed',
      stores: connectedStores(supplier, options),
      recordAtATime: true,
    },
  )
}

/** Unlike other operators, a named processor takes no number. */
function nameOf(stream: StreamHandle, options: ProcessOptions, prefix: string): string {
  return options.name === undefined ? stream.graph.newName(prefix) : checkName(options.name)
}

/** Forwards every record under the key of the one being processed. */
function withFixedKey(
  supplier: FixedKeyProcessorSupplier<unknown, unknown, unknown>,
): Processor<unknown, unknown, unknown, unknown> {
  const inner = supply(supplier)
  let key: unknown = null
  return {
    init(context: ProcessorContext<unknown, unknown>) {
      inner.init?.({
        ...context,
        get recordMetadata() {
          return context.recordMetadata
        },
        forward: (record, child) => context.forward({ ...record, key }, child),
      })
    },
    process(record) {
      key = record.key
      inner.process(record)
    },
    close: () => inner.close?.(),
  }
}
