import { invalidJson, type JsonCursor, peek, readString, skipSpace } from './exact-json.js'

interface KnownName {
  /** `"name":` in UTF-8. */
  readonly bytes: Uint8Array
  readonly column: number
  /** The name that came after this one last time. */
  next: number
}

/** Names that feed no column are remembered too, but not without bound; the others are few by nature. */
const namesMax = 256

/**
 * Recognises the names in JSON objects of one schema by their bytes, without making strings. Names are learnt as
 * they are met, with the name that followed, so that in objects written by one program each name is found by one
 * comparison.
 */
export class NameTable {
  readonly #find: (name: string) => number
  readonly #known: KnownName[] = []
  #first = 0
  #previous = -1

  constructor(find: (name: string) => number) {
    this.#find = find
  }

  /** To be called at the start of each object. */
  begin(): void {
    this.#previous = -1
  }

  /**
   * Reads the name at the cursor and its colon, and leaves the cursor on the value.
   * @returns the index of the column it feeds, or -1
   */
  columnAt(cursor: JsonCursor): number {
    const previous = this.#previous
    const known = this.#known
    const expected = previous === -1 ? this.#first : known[previous]!.next
    const candidate = known[expected]
    let column: number
    if (candidate !== undefined && matches(candidate.bytes, cursor)) {
      cursor.position += candidate.bytes.length
      this.#previous = expected
      column = candidate.column
    } else column = this.#search(cursor)
    const { buffer, position } = cursor
    if (position < cursor.end && buffer[position]! <= 0x20) skipSpace(cursor)
    return column
  }

  #search(cursor: JsonCursor): number {
    const known = this.#known
    for (let i = 0; i < known.length; i++) {
      const name = known[i]!
      if (!matches(name.bytes, cursor)) continue
      cursor.position += name.bytes.length
      this.#follow(i)
      return name.column
    }
    return this.#learn(cursor)
  }

  #follow(index: number): void {
    if (this.#previous === -1) this.#first = index
    else this.#known[this.#previous]!.next = index
    this.#previous = index
  }

  #learn(cursor: JsonCursor): number {
    if (peek(cursor) !== 0x22) throw invalidJson(cursor, 'a name in quotes is expected')
    const start = cursor.position
    const column = this.#find(readString(cursor))
    skipSpace(cursor)
    if (peek(cursor) !== 0x3a) throw invalidJson(cursor, "':' is expected")
    cursor.position++
    if (this.#known.length < namesMax) {
      const bytes = Uint8Array.prototype.slice.call(cursor.buffer, start, cursor.position)
      this.#known.push({ bytes, column, next: 0 })
      this.#follow(this.#known.length - 1)
    }
    return column
  }
}

function matches(name: Uint8Array, cursor: JsonCursor): boolean {
  const { buffer, position } = cursor
  const length = name.length
  if (position + length > cursor.end) return false
  for (let i = 0; i < length; i++) if (buffer[position + i] !== name[i]) return false
  return true
}
