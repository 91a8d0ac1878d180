import type { FileSystem } from '../../common/index.js'
import { InvalidStateError } from '../errors.js'

/** The folder of a task's state, and this instance's right to it. */
export interface TaskDirectory {
  readonly path: string
  release(): void
}

/**
 * The local state of an application, which several instances may share.
 *
 *     <stateDir>/<applicationId>/0_1/state.db      the state of task 0_1; its folder is locked by who has the task
 */
export class StateDirectory {
  readonly #files: FileSystem
  readonly #path: string
  readonly #locks = new Map<string, { readonly release: () => void }>()

  constructor(files: FileSystem, stateDir: string, applicationId: string) {
    this.#files = files
    this.#path = `${stateDir}/${applicationId}`
  }

  /** Null while another instance has the task. */
  lockTask(taskId: string): TaskDirectory | null {
    const path = `${this.#path}/${taskId}`
    this.#files.makeDirectory(path)
    const lock = this.#files.lock(path)
    if ('owner' in lock) return null
    this.#locks.set(taskId, lock)
    return {
      path,
      release: () => {
        if (this.#locks.get(taskId) !== lock) return
        this.#locks.delete(taskId)
        lock.release()
      },
    }
  }

  /** Tasks with state here, whoever has them now. */
  tasks(): string[] {
    return this.#files.list(this.#path).filter((name) => /^\d+_\d+$/.test(name))
  }

  /** Deletes the state of every task. Throws InvalidStateError when another instance has one of them. */
  clean(): void {
    for (const name of this.#files.list(this.#path)) {
      const path = `${this.#path}/${name}`
      if (!this.#files.isDirectory(path)) continue
      const lock = this.#files.lock(path)
      if ('owner' in lock) {
        throw new InvalidStateError(`the state in ${path} is in use by ${lock.owner}`)
      }
      lock.release()
      this.#files.remove(path)
    }
    this.#files.remove(this.#path)
  }
}
