import { appendFileSync, writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { splitStatements } from '../sql/index.js'

export type SpoolCommand = { readonly kind: 'spool'; readonly file: string | null }

/** `SPOOL 'file';` or `SPOOL OFF;`, which are the terminal's own; null for anything else. */
export function spoolCommand(statement: string): SpoolCommand | null {
  const match = /^\s*SPOOL\s+(?:(OFF)|'((?:[^']|'')+)')\s*;?\s*$/i.exec(statement)
  if (match === null) return null
  return { kind: 'spool', file: match[1] === undefined ? match[2]!.replaceAll("''", "'") : null }
}

/** A script with the SPOOLs taken out of it: what comes between them is run as one text. */
export function withoutSpools(script: string): readonly (SpoolCommand | string)[] {
  if (!/\bSPOOL\b/i.test(script)) return [script]
  const { statements, rest } = splitStatements(script)
  const parts: (SpoolCommand | string)[] = []
  for (const statement of rest === '' ? statements : [...statements, rest]) {
    const last = parts.at(-1)
    const command = spoolCommand(statement)
    if (command !== null) parts.push(command)
    else if (typeof last === 'string') parts[parts.length - 1] = `${last}\n${statement}`
    else parts.push(statement)
  }
  return parts
}

/** Writes what is shown into a file as well, without its colours. */
export class Spool {
  #file: string | null = null

  /** Returns what to say. The file is begun anew. @throws what the file system says of the file */
  switchTo({ file }: SpoolCommand): string {
    if (file === null) {
      const said =
        this.#file === null ? 'There was no spool.' : `Session is no longer spooled to ${this.#file}.`
      this.#file = null
      return said
    }
    writeFileSync(file, '')
    this.#file = file
    return `Session will be spooled to ${file}.`
  }

  write(lines: readonly string[]): void {
    if (this.#file === null || lines.length === 0) return
    appendFileSync(this.#file, `${lines.map(stripVTControlCharacters).join('\n')}\n`)
  }
}
