/*
 * The file-system port: the only way to files in `src`, so that tests and simulations can tear writes, lose
 * what was not synced, and fill up. Calls are synchronous: appends go to the page cache, and only `sync` waits.
 * Errors carry Node's `code` (ENOENT, ENOSPC, EIO …).
 */

export interface FileHandle {
  size(): number
  /** Reads up to `length` bytes at `position`; returns how many, fewer only at the end of the file (see `readFully`). */
  read(into: Buffer, offset: number, length: number, position: number): number
  /** Writes all of `bytes` at `position`, or throws. A throw may leave a part written. */
  write(bytes: Uint8Array, position: number): void
  truncate(size: number): void
  /** Forces data and size to stable storage. */
  sync(): void
  /** As `sync`, off the event loop. */
  syncAsync(): Promise<void>
  close(): void
}

export interface FileSystem {
  /** true: paths are the operating system's, so that a library that opens files by itself, as SQLite does, finds the same. */
  readonly native?: boolean
  /** 'r': must exist; 'r+': must exist, writable; 'a+': created when missing, read and write at any position. */
  open(path: string, mode: 'r' | 'r+' | 'a+'): FileHandle
  exists(path: string): boolean
  /** Names in a directory, sorted; empty where it does not exist. */
  list(path: string): string[]
  isDirectory(path: string): boolean
  makeDirectory(path: string): void
  /** Removes a file or a whole directory; nothing happens where there is none. */
  remove(path: string): void
  /** As `remove`, off the event loop: freeing the blocks of a large file takes long. */
  removeAsync(path: string): Promise<void>
  /** Atomic; replaces the target. */
  rename(from: string, to: string): void
  readFile(path: string): Buffer
  /** Writes to a temporary name, syncs and renames: the file holds the old bytes or the new ones. */
  writeFileAtomic(path: string, bytes: Uint8Array): void
  /** Makes creations, removals and renames in this directory stable. */
  syncDirectory(path: string): void
  /** As `syncDirectory`, off the event loop. */
  syncDirectoryAsync(path: string): Promise<void>
  /** Modification time, ms since the epoch. */
  modifiedMs(path: string): number
  /**
   * Takes the lock of a directory for this process. Returns null and the owner's description when another
   * live process holds it; the lock of a dead process is taken over.
   */
  lock(path: string): { readonly release: () => void } | { readonly owner: string }
}

/** Repeats reads that return fewer bytes than asked, as the system's may, until all are there or the file ends. */
export function readFully(
  readSome: (offset: number, length: number, position: number) => number,
  offset: number,
  length: number,
  position: number,
): number {
  let done = 0
  while (done < length) {
    const count = readSome(offset + done, length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}
