import { ForebayError } from '../common/index.js'

/**
 * Why a state database refused:
 * - `STATE_CORRUPT`: the file is damaged, or not a SQLite database. Delete it; the changelogs rebuild it.
 * - `STATE_SCHEMA`: the file holds another schema under this store's name. Wipe the state, or rename the store.
 * - `STATE_IO`: the disk is full, the file is locked or unreadable. What was not committed is lost; open it again.
 * - `STATE_USAGE`: a call that makes no sense now, such as a read from a closed store.
 */
export type StateErrorCode = 'STATE_CORRUPT' | 'STATE_SCHEMA' | 'STATE_IO' | 'STATE_USAGE'

/** A state store or its database file failed. `path` is the file, or `:memory:`. */
export class StateError extends ForebayError {
  readonly path: string

  constructor(code: StateErrorCode, path: string, message: string, options: { cause?: unknown } = {}) {
    super(code, `${message} (state database ${path})`, options)
    this.path = path
  }
}
