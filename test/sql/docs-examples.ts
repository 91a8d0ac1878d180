/* Reads examples out of a Markdown page: fenced blocks, and tables of expressions. */

export interface SqlExample {
  readonly line: number
  readonly sql: string
  /** What the last statement gives; null: it need only run. */
  readonly expected: { readonly kind: 'result' | 'error'; readonly text: string } | null
}

export interface ExpressionExample {
  readonly line: number
  readonly kind: 'Expression' | 'Aggregate'
  readonly expression: string
  readonly value: string
  readonly type: string
}

/** A `##` chapter: its examples build on each other. */
export interface Chapter {
  readonly title: string
  readonly statements: readonly SqlExample[]
  readonly expressions: readonly ExpressionExample[]
}

interface Block {
  readonly language: string
  readonly line: number
  readonly text: string
}

export function readChapters(page: string): Chapter[] {
  const chapters: { title: string; blocks: Block[]; expressions: ExpressionExample[] }[] = []
  const lines = page.split('\n')
  let tableKind: string | null = null
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const chapter = chapters.at(-1)
    if (line.startsWith('## ')) chapters.push({ title: line.slice(3), blocks: [], expressions: [] })
    else if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1)
      if (end < 0) throw new Error(`line ${i + 1}: the block has no end`)
      chapter?.blocks.push({ language: line.slice(3), line: i + 1, text: lines.slice(i + 1, end).join('\n') })
      i = end
    } else if (!line.startsWith('|')) tableKind = null
    else {
      const cells = tableCells(line)
      if (tableKind === null) tableKind = cells[0]!
      else if (tableKind === 'Expression' || tableKind === 'Aggregate') {
        if (!cells[0]!.startsWith('---')) chapter!.expressions.push(expressionOf(tableKind, cells, i + 1))
      }
    }
  }
  return chapters.map(({ title, blocks, expressions }) => ({
    title,
    statements: examplesOf(blocks),
    expressions,
  }))
}

function tableCells(line: string): string[] {
  const cells = line.slice(1, line.lastIndexOf('|')).split(/(?<!\\)\|/)
  return cells.map((cell) => cell.trim().replaceAll(/\\([|`])/g, '$1'))
}

function expressionOf(
  kind: 'Expression' | 'Aggregate',
  cells: readonly string[],
  line: number,
): ExpressionExample {
  const [expression, value, type] = cells
  return { line, kind, expression: code(expression!, line), value: code(value!, line), type: type! }
}

function code(cell: string, line: number): string {
  if (!/^`.*`$/.test(cell)) throw new Error(`line ${line}: ${cell} is not in backticks`)
  return cell.slice(1, -1)
}

function examplesOf(blocks: readonly Block[]): SqlExample[] {
  return blocks.flatMap((block, i): SqlExample[] => {
    if (block.language !== 'sql') return []
    const next = blocks[i + 1]
    const expected =
      next?.language === 'result' || next?.language === 'error'
        ? { kind: next.language, text: next.text }
        : null
    return [{ line: block.line, sql: block.text, expected } as SqlExample]
  })
}

/** A table as a `result` block has it, without the blanks that align it. */
export function normalTable(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .join(' | '),
    )
}
