/*
 * The multi-line line editor as a pure state machine: text and a cursor in, text and a cursor out. Keys are bound in
 * prompt.tsx. Offsets count UTF-16 units and never stand inside a surrogate pair.
 */

export interface EditorState {
  readonly text: string
  readonly cursor: number
}

export const emptyEditor: EditorState = { text: '', cursor: 0 }

export function editorWith(text: string): EditorState {
  return { text, cursor: text.length }
}

export function insert({ text, cursor }: EditorState, addition: string): EditorState {
  return { text: text.slice(0, cursor) + addition + text.slice(cursor), cursor: cursor + addition.length }
}

/** Replaces [from, to) and puts the cursor behind it. */
export function replace({ text }: EditorState, from: number, to: number, addition: string): EditorState {
  return { text: text.slice(0, from) + addition + text.slice(to), cursor: from + addition.length }
}

export function backspace(state: EditorState): EditorState {
  return replace(state, before(state), state.cursor, '')
}

export function deleteForward(state: EditorState): EditorState {
  return replace(state, state.cursor, after(state), '')
}

export function left(state: EditorState): EditorState {
  return { ...state, cursor: before(state) }
}

export function right(state: EditorState): EditorState {
  return { ...state, cursor: after(state) }
}

export function lineStart(state: EditorState): EditorState {
  return { ...state, cursor: startOfLine(state) }
}

export function lineEnd(state: EditorState): EditorState {
  return { ...state, cursor: endOfLine(state) }
}

export function wordLeft(state: EditorState): EditorState {
  const head = state.text.slice(0, state.cursor)
  return { ...state, cursor: head.replace(/\w*\W*$|\W+$/, '').length }
}

export function wordRight(state: EditorState): EditorState {
  const tail = state.text.slice(state.cursor)
  return { ...state, cursor: state.cursor + (/^\W*\w*/.exec(tail)?.[0].length ?? 0) }
}

export function killWord(state: EditorState): EditorState {
  return replace(state, wordLeft(state).cursor, state.cursor, '')
}

export function killToLineEnd(state: EditorState): EditorState {
  const end = endOfLine(state)
  return replace(state, state.cursor, end === state.cursor ? Math.min(end + 1, state.text.length) : end, '')
}

export function killToLineStart(state: EditorState): EditorState {
  return replace(state, startOfLine(state), state.cursor, '')
}

/** The same column one line up, or null on the first line: then the history is meant. */
export function up(state: EditorState): EditorState | null {
  const start = startOfLine(state)
  if (start === 0) return null
  const previousStart = startOfLine({ text: state.text, cursor: start - 1 })
  return { ...state, cursor: Math.min(previousStart + (state.cursor - start), start - 1) }
}

/** The same column one line down, or null on the last line. */
export function down(state: EditorState): EditorState | null {
  const end = endOfLine(state)
  if (end === state.text.length) return null
  const nextEnd = endOfLine({ text: state.text, cursor: end + 1 })
  return { ...state, cursor: Math.min(end + 1 + (state.cursor - startOfLine(state)), nextEnd) }
}

function startOfLine({ text, cursor }: EditorState): number {
  return text.lastIndexOf('\n', cursor - 1) + 1
}

function endOfLine({ text, cursor }: EditorState): number {
  const end = text.indexOf('\n', cursor)
  return end === -1 ? text.length : end
}

function before({ text, cursor }: EditorState): number {
  if (cursor === 0) return 0
  const low = text.charCodeAt(cursor - 1)
  return cursor - (cursor > 1 && low >= 0xdc00 && low <= 0xdfff ? 2 : 1)
}

function after({ text, cursor }: EditorState): number {
  if (cursor === text.length) return cursor
  const high = text.charCodeAt(cursor)
  return cursor + (high >= 0xd800 && high <= 0xdbff && cursor + 1 < text.length ? 2 : 1)
}
