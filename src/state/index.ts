/** State stores on SQLite, with a write-back cache and changelog ports. */
export { blobLayout } from './blob-layout.js'
export { StateError, type StateErrorCode } from './errors.js'
export { openStateDatabase, type StateDatabaseOptions } from './state-database.js'
export * from './store.js'
export * from './store-spec.js'
export * from './stores.js'
