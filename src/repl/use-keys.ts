import { type Key, useInput } from 'ink'

const CONTROL_KEYS = /([\u0001-\u0008\u000b\u000c\u000e-\u001a\u007f])/

/**
 * Ink's useInput, key by key: keys pressed while the program was busy arrive as one piece of text, Ctrl-C and
 * Backspace among them. Line ends and tabs stay in their piece: there it is a paste.
 */
export function useKeys(onKey: (input: string, key: Key) => void): void {
  useInput((input, key) => {
    if (key.ctrl || key.meta || !CONTROL_KEYS.test(input)) return onKey(input, key)
    for (const piece of input.split(CONTROL_KEYS)) {
      if (piece === '') continue
      if (!CONTROL_KEYS.test(piece)) onKey(piece, key)
      else if (piece === '\u007f' || piece === '\u0008') onKey('', { ...key, backspace: true })
      else onKey(String.fromCharCode(piece.charCodeAt(0) + 96), { ...key, ctrl: true })
    }
  })
}
