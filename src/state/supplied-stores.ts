import { StateError } from './errors.js'
import type { ManagedStore } from './state-database.js'
import type { ChangelogWriter } from './store.js'
import type { StoreSpec } from './store-spec.js'
import { SuppliedKeyValueStore } from './supplied-key-value-store.js'
import { SuppliedSessionStore } from './supplied-session-store.js'
import { SuppliedWindowStore } from './supplied-window-store.js'

/** The store that a spec's supplier gives, as processors see it; null where the spec has none. */
export function suppliedStore(
  spec: StoreSpec,
  options: { readonly changelog: ChangelogWriter | undefined; readonly cacheEntriesMax: number },
): ManagedStore | null {
  if (spec.kind === 'versioned' || spec.supplier === undefined) return null
  switch (spec.kind) {
    case 'key-value':
      return new SuppliedKeyValueStore(
        spec,
        checked(spec, spec.supplier(spec), ['get', 'put', 'range']),
        options,
      )
    case 'window': {
      const methods = ['fetch', 'put', 'fetchRange', 'fetchAll', 'expire']
      return new SuppliedWindowStore(spec, checked(spec, spec.supplier(spec), methods), options)
    }
    case 'session': {
      const methods = ['fetch', 'put', 'findSessions', 'findSessionsByEnd', 'expire']
      return new SuppliedSessionStore(spec, checked(spec, spec.supplier(spec), methods), options)
    }
  }
}

function checked<S extends object>(spec: StoreSpec, store: S, methods: readonly string[]): S {
  const missing = methods.filter((name) => typeof (store as Record<string, unknown>)[name] !== 'function')
  if (missing.length === 0) return store
  throw new StateError(
    'STATE_USAGE',
    ':memory:',
    `the supplier of store ${spec.name} gave no ${spec.kind} store: it has no ${missing.join(', ')}`,
  )
}
