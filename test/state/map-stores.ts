import type { CustomKeyValueStore, CustomSessionStore, CustomWindowStore } from '../../src/state/index.js'

/* The plainest stores there can be, for keys that are strings: what a user might write on top of anything else. */

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

export class MapStore<S> implements CustomKeyValueStore<string, S> {
  readonly #entries = new Map<string, S>()

  get(key: string): S | undefined {
    return this.#entries.get(key)
  }

  put(key: string, value: S | null): void {
    if (value === null) this.#entries.delete(key)
    else this.#entries.set(key, value)
  }

  range(from: string | null, to: string | null): Iterable<readonly [string, S]> {
    return [...this.#entries]
      .filter(([key]) => (from === null || byBytes(key, from) >= 0) && (to === null || byBytes(key, to) <= 0))
      .sort(([a], [b]) => byBytes(a, b))
  }
}

interface Timed<S> {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly value: S
}

class TimedMap<S> {
  #entries = new Map<string, Timed<S>>()

  get(key: string, start: number, end: number): S | undefined {
    return this.#entries.get(`${start}/${end}/${key}`)?.value
  }

  set(key: string, start: number, end: number, value: S | null): void {
    if (value === null) this.#entries.delete(`${start}/${end}/${key}`)
    else this.#entries.set(`${start}/${end}/${key}`, { key, start, end, value })
  }

  /** By end, start and key. */
  select(accepts: (entry: Timed<S>) => boolean): Timed<S>[] {
    return [...this.#entries.values()]
      .filter(accepts)
      .sort((a, b) => a.end - b.end || a.start - b.start || byBytes(a.key, b.key))
  }

  expire(end: number): void {
    this.#entries = new Map([...this.#entries].filter(([, entry]) => entry.end > end))
  }
}

export class MapWindowStore<S> implements CustomWindowStore<string, S> {
  readonly #windows = new TimedMap<S>()

  fetch(key: string, start: number): S | undefined {
    return this.#windows.get(key, start, start)
  }

  put(key: string, start: number, value: S | null): void {
    this.#windows.set(key, start, start, value)
  }

  fetchRange(key: string, from: number, to: number): Iterable<readonly [number, S]> {
    return this.#windows
      .select((w) => w.key === key && w.start >= from && w.start <= to)
      .map(({ start, value }) => [start, value])
  }

  fetchAll(from: number, to: number): Iterable<readonly [number, string, S]> {
    return this.#windows
      .select((w) => w.start >= from && w.start <= to)
      .map(({ start, key, value }) => [start, key, value])
  }

  expire(start: number): void {
    this.#windows.expire(start)
  }
}

export class MapSessionStore<V> implements CustomSessionStore<string, V> {
  readonly #sessions = new TimedMap<V>()

  fetch(key: string, start: number, end: number): V | undefined {
    return this.#sessions.get(key, start, end)
  }

  put(key: string, start: number, end: number, value: V | null): void {
    this.#sessions.set(key, start, end, value)
  }

  findSessions(key: string, from: number): Iterable<readonly [number, number, V]> {
    return this.#sessions
      .select((s) => s.key === key && s.end >= from)
      .map(({ start, end, value }) => [start, end, value])
  }

  findSessionsByEnd(from: number, to: number): Iterable<readonly [number, number, string, V]> {
    return this.#sessions
      .select((s) => s.end >= from && s.end <= to)
      .map(({ start, end, key, value }) => [start, end, key, value])
  }

  expire(end: number): void {
    this.#sessions.expire(end)
  }
}
