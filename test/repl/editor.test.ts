import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as edit from '../../src/repl/editor.js'

/** `|` marks the cursor. */
const at = (marked: string): edit.EditorState => ({
  text: marked.replace('|', ''),
  cursor: marked.indexOf('|'),
})
const show = (state: edit.EditorState | null): string | null =>
  state === null ? null : `${state.text.slice(0, state.cursor)}|${state.text.slice(state.cursor)}`

describe('the line editor', () => {
  it('inserts and deletes at the cursor', () => {
    expect(show(edit.insert(at('SEL|T'), 'EC'))).toBe('SELEC|T')
    expect(show(edit.backspace(at('ab|c')))).toBe('a|c')
    expect(show(edit.backspace(at('|abc')))).toBe('|abc')
    expect(show(edit.deleteForward(at('a|bc')))).toBe('a|c')
    expect(show(edit.deleteForward(at('abc|')))).toBe('abc|')
  })

  it('never parts a surrogate pair', () => {
    expect(show(edit.backspace(at('a😀|')))).toBe('a|')
    expect(show(edit.left(at('a😀|')))).toBe('a|😀')
    expect(show(edit.right(at('a|😀')))).toBe('a😀|')
  })

  it('moves and kills by word and by line', () => {
    expect(show(edit.wordLeft(at('select  name|')))).toBe('select  |name')
    expect(show(edit.wordLeft(at('select  |name')))).toBe('|select  name')
    expect(show(edit.wordRight(at('|select name')))).toBe('select| name')
    expect(show(edit.killWord(at('select name|')))).toBe('select |')
    expect(show(edit.killToLineEnd(at('a|b\nc')))).toBe('a|\nc')
    expect(show(edit.killToLineEnd(at('a|\nc')))).toBe('a|c')
    expect(show(edit.killToLineStart(at('x\nab|c')))).toBe('x\n|c')
    expect(show(edit.lineStart(at('x\nab|c')))).toBe('x\n|abc')
    expect(show(edit.lineEnd(at('x\na|bc\ny')))).toBe('x\nabc|\ny')
  })

  it('keeps the column between lines, and says where the text ends', () => {
    expect(show(edit.up(at('abcd\nef|')))).toBe('ab|cd\nef')
    expect(show(edit.up(at('a\nefgh|')))).toBe('a|\nefgh')
    expect(show(edit.down(at('ab|cd\ne')))).toBe('abcd\ne|')
    expect(edit.up(at('ab|c\nd'))).toBeNull()
    expect(edit.down(at('abc\nd|'))).toBeNull()
  })

  it('keeps the cursor inside the text, whatever is pressed', () => {
    const keys: ((s: edit.EditorState) => edit.EditorState | null)[] = [
      (s) => edit.insert(s, 'x y'),
      (s) => edit.insert(s, '\n'),
      (s) => edit.insert(s, '😀'),
      edit.backspace,
      edit.deleteForward,
      edit.left,
      edit.right,
      edit.up,
      edit.down,
      edit.lineStart,
      edit.lineEnd,
      edit.wordLeft,
      edit.wordRight,
      edit.killWord,
      edit.killToLineEnd,
      edit.killToLineStart,
    ]
    fc.assert(
      fc.property(fc.array(fc.nat(keys.length - 1), { maxLength: 60 }), (pressed) => {
        let state = edit.emptyEditor
        for (const key of pressed) {
          state = keys[key]!(state) ?? state
          expect(state.cursor).toBeGreaterThanOrEqual(0)
          expect(state.cursor).toBeLessThanOrEqual(state.text.length)
          expect(hasLoneSurrogate(state.text)).toBe(false)
        }
      }),
    )
  })
})

function hasLoneSurrogate(text: string): boolean {
  return /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)
}
