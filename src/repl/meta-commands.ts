/*
 * Short words beside SQL, as people know them from psql, sqlite3 and ksql: each stands for a SQL statement or for
 * something the terminal does itself.
 */

import { type SpoolCommand, spoolCommand } from './spool.js'

export type MetaCommand =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'exit' | 'clear' | 'history' | 'expanded' }
  | SpoolCommand

const HELP = `Statements end with ; and Enter. SELECT … EMIT CHANGES is live until Ctrl-C.

  SHOW STREAMS; TABLES; TOPICS; QUERIES; FUNCTIONS;  \\ds \\dt \\dT \\dq \\df
  DESCRIBE name [EXTENDED];                          \\d name   \\d+ name
  SELECT … FROM table WHERE key = …;                 pull: the rows as they are
  SELECT … FROM source EMIT CHANGES [LIMIT n];       push: rows as they come
  PRINT topic [FROM BEGINNING] [LIMIT n];            raw records
  EXPLAIN query;                                     plan and topology
  RUN SCRIPT 'file';                                 \\i file
  SPOOL 'file';   SPOOL OFF;                         what is shown, into a file too
  one field a line, on and off                       \\x
  history   clear   exit                             \\q

  Enter         runs a finished statement, else begins a new line
  Tab           completes: keywords, streams, tables, columns, functions
  ↑ ↓  Ctrl-R   history, and searching it
  Ctrl-C        clears the line, ends a live table; twice leaves, as Ctrl-D does
  live table    space holds, s sorts by the next column, r reverses, q ends`

/** Null: not a meta command, so it is SQL. */
export function metaCommand(text: string): MetaCommand | null {
  const line = text.trim()
  const spool = spoolCommand(line)
  if (spool !== null) return spool
  const word = line.toLowerCase().replace(/;$/, '')
  if (['exit', 'quit', '\\q', '.exit', '.quit'].includes(word)) return { kind: 'exit' }
  if (word === 'clear' || word === '.clear') return { kind: 'clear' }
  if (word === '\\x') return { kind: 'expanded' }
  if (word === 'history' || word === '.history') return { kind: 'history' }
  if (['help', '\\?', '\\h', '.help'].includes(word)) return { kind: 'text', text: HELP }
  const match = /^[\\.](\w+\+?)(?:\s+(.*?))?;?$/s.exec(line)
  if (match === null) return null
  const [, command, argument = ''] = match
  const sql = shorthand(command!, argument)
  return sql === null
    ? { kind: 'text', text: `Unknown command ${line}. help lists what there is.` }
    : { kind: 'sql', sql }
}

function shorthand(command: string, argument: string): string | null {
  switch (command) {
    case 'd':
    case 'schema':
      return argument === '' ? 'SHOW STREAMS; SHOW TABLES;' : `DESCRIBE ${argument};`
    case 'd+':
      return argument === ''
        ? 'SHOW STREAMS EXTENDED; SHOW TABLES EXTENDED;'
        : `DESCRIBE ${argument} EXTENDED;`
    case 'ds':
      return 'SHOW STREAMS;'
    case 'dt':
    case 'tables':
      return 'SHOW TABLES;'
    case 'dT':
      return 'SHOW TOPICS;'
    case 'dq':
      return 'SHOW QUERIES;'
    case 'df':
      return argument === '' ? 'SHOW FUNCTIONS;' : `DESCRIBE FUNCTION ${argument};`
    case 'i':
    case 'read':
      return `RUN SCRIPT '${argument.replaceAll("'", "''")}';`
    default:
      return null
  }
}
