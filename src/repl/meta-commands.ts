/*
 * Short words beside SQL, as people know them from psql, sqlite3 and ksql: each stands for a SQL statement or for
 * something the terminal does itself.
 */

export type MetaCommand =
  | { readonly kind: 'sql'; readonly sql: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'exit' | 'clear' | 'history' }

const HELP = `SQL statements end with ; and Enter. A SELECT … EMIT CHANGES stays live until Ctrl-C.

  SHOW STREAMS; TABLES; TOPICS; QUERIES; FUNCTIONS;   what there is     \\ds \\dt \\dT \\dq \\df
  DESCRIBE name [EXTENDED];                            columns, topic    \\d name
  SELECT … FROM table WHERE key = …;                   pull: the current rows
  SELECT … FROM source EMIT CHANGES [LIMIT n];         push: rows as they come
  PRINT topic [FROM BEGINNING] [LIMIT n];              raw records
  EXPLAIN query;                                       plan and topology
  RUN SCRIPT 'file';                                   statements of a file    \\i file

  Enter runs at the end of a finished statement, else begins a new line (Alt-Enter always does)
  Tab completes · ↑ ↓ history · Ctrl-R searches it · Ctrl-A/E/K/U/W edit · Ctrl-C clears · Ctrl-D or \\q leaves`

/** Null: not a meta command, so it is SQL. */
export function metaCommand(text: string): MetaCommand | null {
  const line = text.trim()
  const word = line.toLowerCase().replace(/;$/, '')
  if (['exit', 'quit', '\\q', '.exit', '.quit'].includes(word)) return { kind: 'exit' }
  if (word === 'clear' || word === '.clear') return { kind: 'clear' }
  if (word === 'history' || word === '.history') return { kind: 'history' }
  if (['help', '\\?', '\\h', '.help'].includes(word)) return { kind: 'text', text: HELP }
  const match = /^[\\.](\w+)(?:\s+(.*?))?;?$/s.exec(line)
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
