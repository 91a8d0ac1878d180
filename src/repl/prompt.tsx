import { Box, type Key, Text, useInput } from 'ink'
import { type ReactElement, useRef, useState } from 'react'
import { splitStatements } from '../sql/index.js'
import { commonPrefix, complete } from './completer.js'
import * as edit from './editor.js'
import { HighlightedLine, segments } from './highlight.js'
import type { History } from './history.js'
import type { Catalogue } from './session.js'

const PROMPT = 'forebay> '
const CONTINUATION = '      -> '
const MENU_MAX = 8

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
}

const initial: State = { editor: edit.emptyEditor, recalled: null, draft: '', menu: null, search: null }

/** True when Enter at the end should run the text: a meta command, or statements that all end with `;`. */
export function isComplete(text: string): boolean {
  const trimmed = text.trim()
  if (/^(\\\S.*|\.\w.*|exit|quit|help|clear|history)$/i.test(trimmed)) return true
  return trimmed.endsWith(';') && splitStatements(trimmed).rest.trim() === ''
}

/** The multi-line SQL prompt: highlighting, history (↑ ↓, Ctrl-R), completion (Tab). */
export function Prompt(props: {
  history: History
  catalogue: Catalogue
  rows: number
  onSubmit: (text: string) => void
  onExit: () => void
}): ReactElement {
  const { history, catalogue } = props
  const [state, setState] = useState<State>(initial)
  // Keys may arrive faster than React renders: the newest state is kept here.
  const current = useRef(state)
  const update = (next: Partial<State>): void => {
    current.current = { ...current.current, menu: null, ...next }
    setState(current.current)
  }
  const submit = (text: string): void => {
    current.current = initial
    setState(initial)
    props.onSubmit(text)
  }

  useInput((input, key) => {
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

  /** A paste arrives as one piece, line ends and all; if it ends with a line end and is complete, it runs. */
  function typed(now: State, input: string): void {
    const text = input.replaceAll(/\r\n?/g, '\n').replaceAll('\t', '  ')
    const editor = edit.insert(now.editor, text)
    if (
      text.length > 1 &&
      text.endsWith('\n') &&
      editor.cursor === editor.text.length &&
      isComplete(editor.text)
    ) {
      submit(editor.text)
    } else update({ editor, recalled: null })
  }

  function enter(now: State, key: Key): void {
    const { editor } = now
    const atEnd = editor.text.slice(editor.cursor).trim() === ''
    if (!key.meta && atEnd && isComplete(editor.text)) submit(editor.text)
    else if (editor.text.trim() === '') submit('')
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
        return editor.text === '' ? props.onExit() : update(initial)
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
      return update({ search: null, editor: edit.editorWith(now.draft) })
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

  return <PromptView state={state} rows={props.rows} />
}

/** A completed word is followed by a blank, except a function, which is followed by its arguments. */
function completed(item: string): string {
  return item.endsWith('(') ? item : `${item} `
}

function PromptView({ state, rows }: { state: State; rows: number }): ReactElement {
  const { editor, menu, search } = state
  const pieces = segments(editor.text)
  const lines = lineRanges(editor.text)
  const cursorLine = lines.findIndex((l) => editor.cursor <= l.to)
  // The live area stays lower than the terminal, or Ink would clear the scrollback.
  const visible = Math.max(1, rows - 6)
  const first = Math.max(0, Math.min(cursorLine - Math.floor(visible / 2), lines.length - visible))
  return (
    <Box flexDirection="column">
      {lines.slice(first, first + visible).map((line, i) => (
        <Box key={line.from}>
          <Text bold color="blue">
            {first + i === 0 ? PROMPT : CONTINUATION}
          </Text>
          <HighlightedLine
            pieces={pieces}
            from={line.from}
            to={line.to}
            cursor={first + i === cursorLine ? editor.cursor : null}
          />
        </Box>
      ))}
      {search !== null && <Text dimColor>{`(reverse-i-search) ${search.needle}_`}</Text>}
      {menu !== null && <Menu items={menu.items} selected={menu.selected} />}
    </Box>
  )
}

function Menu({ items, selected }: { items: readonly string[]; selected: number }): ReactElement {
  const first = Math.max(0, Math.min(selected - MENU_MAX + 1, items.length - MENU_MAX))
  return (
    <Text wrap="truncate-end">
      <Text>{' '.repeat(PROMPT.length)}</Text>
      {items.slice(first, first + MENU_MAX).map((item, i) => (
        <Text key={item} inverse={first + i === selected} dimColor={first + i !== selected}>
          {` ${item} `}
        </Text>
      ))}
      {items.length > first + MENU_MAX && (
        <Text dimColor>{` … ${items.length - first - MENU_MAX} more`}</Text>
      )}
    </Text>
  )
}

function lineRanges(text: string): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  let from = 0
  for (const line of text.split('\n')) {
    ranges.push({ from, to: from + line.length })
    from += line.length + 1
  }
  return ranges
}
