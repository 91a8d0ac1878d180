import { Box, type Key, Text, useStdin } from 'ink'
import { type ReactElement, type RefObject, useEffect, useRef, useState } from 'react'
import { splitStatements } from '../sql/index.js'
import { commonPrefix, complete } from './completer.js'
import * as edit from './editor.js'
import type { History } from './history.js'
import { paint } from './paint.js'
import { PROMPT, promptRows } from './prompt-rows.js'
import type { Catalogue } from './session.js'
import { useKeys } from './use-keys.js'

const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f]/g
const DELETE_KEY = '\u001b[3~'

interface State {
  readonly editor: edit.EditorState
  /** Index into the history, or null while a new text is edited. */
  readonly recalled: number | null
  /** What was being typed before the history was walked. */
  readonly draft: string
  readonly menu: {
    readonly from: number
    readonly items: readonly string[]
    readonly selected: number
  } | null
  /** Ctrl-R: the needle and the entry found. */
  readonly search: { readonly needle: string; readonly found: number | null } | null
  /** Ctrl-C was pressed on an empty line: once more leaves. */
  readonly leaving: boolean
}

const initial: State = {
  editor: edit.emptyEditor,
  recalled: null,
  draft: '',
  menu: null,
  search: null,
  leaving: false,
}

/** True when Enter at the end should run the text: a meta command, or statements that all end with `;`. */
export function isComplete(text: string): boolean {
  const trimmed = text.trim()
  if (/^(\\\S.*|\.\w.*|exit|quit|help|clear|history)$/i.test(trimmed)) return true
  const { statements, rest, unclosed } = splitStatements(trimmed)
  return statements.length > 0 && rest === '' && !unclosed
}

/** The multi-line SQL prompt: highlighting, history (↑ ↓, Ctrl-R), completion (Tab). */
export function Prompt(props: {
  history: History
  catalogue: Catalogue
  width: number
  rows: number
  /** Keys from before there was a prompt; taken over when it appears. */
  typedAhead?: RefObject<string>
  onSubmit: (text: string) => void
  onClear: () => void
  onExit: () => void
}): ReactElement {
  const { history, catalogue } = props
  const [state, setState] = useState<State>(initial)
  // Keys may arrive faster than React renders: the newest state is kept here.
  const current = useRef(state)
  const update = (next: Partial<State>): void => {
    current.current = { ...current.current, menu: null, leaving: false, ...next }
    setState(current.current)
  }
  const submit = (text: string): void => {
    current.current = initial
    setState(initial)
    props.onSubmit(text)
  }

  // Ink gives Delete and Backspace the same name: they are told apart by what the terminal sent.
  const { internal_eventEmitter: keyboard } = useStdin()
  const sent = useRef('')
  useEffect(() => {
    const remember = (data: string): void => {
      sent.current = data
    }
    keyboard.on('input', remember)
    return () => {
      keyboard.off('input', remember)
    }
  }, [keyboard])

  useEffect(() => {
    const early = props.typedAhead?.current ?? ''
    if (early === '') return
    props.typedAhead!.current = ''
    typed(current.current, early)
  }, [])

  useKeys((input, key) => {
    const now = current.current
    if (now.search !== null) searchKey(now, input, key)
    else editKey(now, input, key)
  })

  function editKey(now: State, input: string, key: Key): void {
    const { editor } = now
    if (key.return) return enter(now, key)
    if (key.tab) return tab(now, key.shift)
    if (key.upArrow || (key.ctrl && input === 'p')) return previous(now)
    if (key.downArrow || (key.ctrl && input === 'n')) return next(now)
    if (key.ctrl) return control(now, input, key)
    if (key.escape) return update({ menu: null })
    if (key.delete && sent.current === DELETE_KEY) return update({ editor: edit.deleteForward(editor) })
    if (key.backspace || key.delete)
      return update({ editor: key.meta ? edit.killWord(editor) : edit.backspace(editor) })
    if (key.leftArrow) return update({ editor: key.meta ? edit.wordLeft(editor) : edit.left(editor) })
    if (key.rightArrow) return update({ editor: key.meta ? edit.wordRight(editor) : edit.right(editor) })
    if (key.home) return update({ editor: edit.lineStart(editor) })
    if (key.end) return update({ editor: edit.lineEnd(editor) })
    if (key.meta && input === 'b') return update({ editor: edit.wordLeft(editor) })
    if (key.meta && input === 'f') return update({ editor: edit.wordRight(editor) })
    if (input !== '' && !key.meta && !key.pageUp && !key.pageDown) typed(now, input)
  }

  /**
   * A paste arrives as one piece, line ends and all, and so do keys pressed while a statement ran: what is complete at
   * a line end runs, the rest is for the next prompt.
   */
  function typed(now: State, input: string): void {
    const text = input.replaceAll(/\r\n?/g, '\n').replaceAll('\t', '  ').replaceAll(CONTROLS, '')
    const editor = edit.insert(now.editor, text)
    const lineEnd = editor.cursor === editor.text.length ? editor.text.lastIndexOf('\n') : -1
    if (text.length > 1 && text.includes('\n') && isComplete(editor.text.slice(0, lineEnd))) {
      if (props.typedAhead !== undefined) props.typedAhead.current = editor.text.slice(lineEnd + 1)
      submit(editor.text.slice(0, lineEnd))
    } else update({ editor, recalled: null })
  }

  function enter(now: State, key: Key): void {
    const { editor } = now
    const atEnd = editor.text.slice(editor.cursor).trim() === ''
    if (!key.meta && atEnd && isComplete(editor.text)) submit(editor.text)
    else if (editor.text.trim() === '') return
    else update({ editor: edit.insert(editor, '\n') })
  }

  function control(now: State, input: string, key: Key): void {
    const { editor } = now
    switch (input) {
      case 'a':
        return update({ editor: edit.lineStart(editor) })
      case 'e':
        return update({ editor: edit.lineEnd(editor) })
      case 'k':
        return update({ editor: edit.killToLineEnd(editor) })
      case 'u':
        return update({ editor: edit.killToLineStart(editor) })
      case 'w':
        return update({ editor: edit.killWord(editor) })
      case 'j':
        return update({ editor: edit.insert(editor, '\n') })
      case 'r':
        return update({ search: { needle: '', found: null }, draft: editor.text })
      case 'c':
        if (editor.text !== '') return update(initial)
        return now.leaving ? props.onExit() : update({ leaving: true })
      case 'l':
        return props.onClear()
      case 'd':
        return editor.text === '' ? props.onExit() : update({ editor: edit.deleteForward(editor) })
      default:
        if (key.leftArrow) return update({ editor: edit.wordLeft(editor) })
        if (key.rightArrow) return update({ editor: edit.wordRight(editor) })
    }
  }

  function previous(now: State): void {
    const moved = edit.up(now.editor)
    if (moved !== null) return update({ editor: moved })
    const index = (now.recalled ?? history.entries.length) - 1
    if (index < 0) return
    update({
      editor: edit.editorWith(history.entries[index]!),
      recalled: index,
      draft: now.recalled === null ? now.editor.text : now.draft,
    })
  }

  function next(now: State): void {
    const moved = edit.down(now.editor)
    if (moved !== null) return update({ editor: moved })
    if (now.recalled === null) return
    const index = now.recalled + 1
    const past = index >= history.entries.length
    update({
      editor: edit.editorWith(past ? now.draft : history.entries[index]!),
      recalled: past ? null : index,
    })
  }

  function tab(now: State, backwards: boolean): void {
    const { editor, menu } = now
    if (menu !== null) {
      const step = backwards ? menu.items.length - 1 : 1
      const selected = (menu.selected + step) % menu.items.length
      const replaced = edit.replace(editor, menu.from, editor.cursor, menu.items[selected]!)
      return update({ editor: replaced, menu: { ...menu, selected } })
    }
    const head = editor.text.slice(editor.text.lastIndexOf('\n', editor.cursor - 1) + 1, editor.cursor)
    if (head.trim() === '' && editor.text.trim() !== '') return update({ editor: edit.insert(editor, '  ') })
    const { from, items } = complete(editor.text, editor.cursor, catalogue)
    if (items.length === 0) return
    const prefix = commonPrefix(items)
    if (items.length === 1)
      return update({ editor: edit.replace(editor, from, editor.cursor, completed(items[0]!)) })
    const longer = prefix.length > editor.cursor - from
    update({
      editor: longer ? edit.replace(editor, from, editor.cursor, prefix) : editor,
      menu: { from, items, selected: -1 },
    })
  }

  function searchKey(now: State, input: string, key: Key): void {
    const { needle, found } = now.search!
    if (key.return || key.rightArrow || key.leftArrow || key.tab) return update({ search: null })
    if (key.escape || (key.ctrl && (input === 'c' || input === 'g'))) {
      return update({ search: null, editor: edit.editorWith(now.draft), recalled: null })
    }
    const older = key.ctrl && input === 'r'
    const wanted = key.backspace || key.delete ? needle.slice(0, -1) : older ? needle : needle + input
    const hit = history.search(wanted, older && found !== null ? found : undefined)
    const entry = hit ?? found
    update({
      search: { needle: wanted, found: entry },
      ...(entry === null ? {} : { editor: edit.editorWith(history.entries[entry]!), recalled: entry }),
    })
  }

  return <PromptView state={state} width={props.width} rows={props.rows} />
}

/** A completed word is followed by a blank, except a function, which is followed by its arguments. */
function completed(item: string): string {
  return item.endsWith('(') ? item : `${item} `
}

function PromptView(props: { state: State; width: number; rows: number }): ReactElement {
  const { editor, menu, search, leaving } = props.state
  // The live area stays lower than the terminal.
  const size = { width: props.width, rowsMax: Math.max(1, props.rows - 6) }
  return (
    <Box flexDirection="column">
      {promptRows(editor.text, editor.cursor, size).map((row, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its position, all are drawn anew
        <Text key={i} wrap="truncate">
          {row}
        </Text>
      ))}
      {search !== null && <Text dimColor wrap="truncate">{`(reverse-i-search) ${search.needle}_`}</Text>}
      {menu !== null && <Text wrap="truncate">{menuLine(menu.items, menu.selected, props.width)}</Text>}
      {leaving && <Text dimColor>{'Ctrl-C once more leaves, as Ctrl-D does'}</Text>}
    </Box>
  )
}

/** As many items as fit on a line, the selected one among them. */
function menuLine(items: readonly string[], selected: number, width: number): string {
  const room = width - PROMPT.length - 12
  let first = Math.max(0, selected)
  let used = (items[first]?.length ?? 0) + 2
  let last = first
  const fits = (i: number): boolean => i >= 0 && i < items.length && used + items[i]!.length + 2 <= room
  while (fits(last + 1)) used += items[++last]!.length + 2
  while (fits(first - 1)) used += items[--first]!.length + 2
  const shown = items
    .slice(first, last + 1)
    .map((item, i) => (first + i === selected ? paint.inverse(` ${item} `) : paint.dim(` ${item} `)))
  const left = items.length - last - 1
  return ' '.repeat(PROMPT.length - 1) + shown.join('') + (left > 0 ? paint.dim(` … ${left} more`) : '')
}
