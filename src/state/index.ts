/** State stores on SQLite, with a write-back cache and changelog ports. */
export * from './store.js'
export * from './store-spec.js'
