import { expectedTokens } from '../sql/index.js'
import type { Catalogue } from './session.js'

export interface Completion {
  /** Where the word being completed begins. */
  readonly from: number
  readonly items: readonly string[]
}

const KEYWORDS = (
  'SELECT FROM WHERE GROUP BY PARTITION HAVING WINDOW TUMBLING HOPPING SESSION SIZE ADVANCE GRACE PERIOD RETENTION ' +
  'EMIT CHANGES FINAL LIMIT JOIN INNER LEFT RIGHT FULL OUTER ON WITHIN AS AND OR NOT IN LIKE BETWEEN IS NULL CASE WHEN ' +
  'THEN ELSE END CAST CREATE REPLACE STREAM TABLE SOURCE TYPE IF EXISTS WITH PRIMARY KEY INSERT INTO VALUES DROP DELETE ' +
  'TOPIC TERMINATE PAUSE RESUME SHOW LIST STREAMS TABLES TOPICS QUERIES FUNCTIONS PROPERTIES TYPES VARIABLES DESCRIBE ' +
  'EXTENDED FUNCTION EXPLAIN PRINT BEGINNING INTERVAL SET UNSET DEFINE UNDEFINE RUN SCRIPT ALTER ADD COLUMN ASSERT ' +
  'BOOLEAN INTEGER BIGINT DOUBLE DECIMAL STRING VARCHAR BYTES DATE TIME TIMESTAMP ARRAY MAP STRUCT TRUE FALSE ' +
  'MILLISECONDS SECONDS MINUTES HOURS DAYS'
).split(' ')

/** Parsed for the sake of ksqlDB's scripts, but there is nothing behind them. */
const CONNECTOR_WORDS = new Set(['CONNECTOR', 'CONNECTORS', 'SINK'])

const WITH_PROPERTIES = [
  'KAFKA_TOPIC',
  'FORMAT',
  'KEY_FORMAT',
  'VALUE_FORMAT',
  'PARTITIONS',
  'TIMESTAMP',
  'TIMESTAMP_FORMAT',
  'WRAP_SINGLE_VALUE',
  'VALUE_DELIMITER',
  'KEY_DELIMITER',
  'WINDOW_TYPE',
  'WINDOW_SIZE',
  'RETENTION_MS',
]

/**
 * What may stand at the cursor: after FROM and JOIN the sources, after PRINT topics, after TERMINATE queries, inside
 * WITH its properties; elsewhere the columns of the sources the statement names, the keywords the grammar allows
 * there, then functions. Where the text before cannot be parsed, every keyword is offered.
 */
export function complete(text: string, cursor: number, catalogue: Catalogue): Completion {
  const head = text.slice(0, cursor)
  // A property's name has points in it.
  const word = /(?<=\b(?:UN)?SET\s+')[\w.]*$|[\w@`"]*$/i.exec(head)![0]
  const from = cursor - word.length
  const statement = currentStatement(text, cursor)
  const before = head.slice(0, from).toUpperCase()
  const items = candidates(before, statement, catalogue) ?? anywhere(head, before, statement, word, catalogue)
  return { from, items: matching(word, items) }
}

/** Null: nothing special stands here. */
function candidates(before: string, statement: string, catalogue: Catalogue): string[] | null {
  const sources = catalogue.sources.map((s) => s.name)
  if (/\bDESCRIBE\s+FUNCTION\s+$/.test(before)) return [...catalogue.functions]
  if (/\b(FROM|JOIN|INTO|DROP\s+(STREAM|TABLE)(\s+IF\s+EXISTS)?)\s+$/.test(before)) return sources
  if (/\bDESCRIBE\s+$/.test(before)) return [...sources, 'FUNCTION']
  if (/\bEXPLAIN\s+$/.test(before)) return [...catalogue.queries, 'SELECT', 'CREATE']
  if (/\bPRINT\s+$/.test(before)) return [...catalogue.topics]
  if (/\b(TERMINATE|PAUSE|RESUME)\s+$/.test(before)) return [...catalogue.queries, 'ALL']
  if (/\b(UN)?SET\s+'$/.test(before)) return [...catalogue.properties]
  if (/\bWITH\s*\(([^)]*,)?\s*$/.test(before)) return WITH_PROPERTIES
  if (/\.\s*$/.test(before)) return columnsInScope(before, statement, catalogue)
  return null
}

function anywhere(
  head: string,
  before: string,
  statement: string,
  word: string,
  catalogue: Catalogue,
): readonly string[] {
  const { keywords: allowed, identifier } = expectedTokens(head)
  const keywords = allowed.filter((k) => !CONNECTOR_WORDS.has(k))
  const known = keywords.length > 0 || identifier
  // What follows a source's name could be an alias, which nobody looks up.
  const named = !/\b(FROM|JOIN)\s+[\w@`"]+\s+$/.test(before)
  const columns = named && (identifier || !known) ? columnsInScope(before, statement, catalogue) : []
  const names =
    word === '' || (known && !identifier)
      ? []
      : [...catalogue.functions.map((f) => `${f}(`), ...catalogue.sources.map((s) => s.name)]
  return [...columns, ...(known ? keywords : word === '' ? [] : KEYWORDS), ...names]
}

/**
 * Columns of the sources that the statement names, or of the one an alias before the dot stands for; of all sources
 * while it names none.
 */
function columnsInScope(before: string, statement: string, catalogue: Catalogue): string[] {
  const upper = statement.toUpperCase()
  const qualifier = /([\w@]+)\.\s*$/.exec(before)?.[1]
  const named = /\b(FROM|JOIN)\b/.test(upper)
  const inScope = catalogue.sources.filter((source) => {
    if (!named && qualifier === undefined) return true
    const use = new RegExp(
      `\\b(?:FROM|JOIN)\\s+${escapeRegExp(source.name.toUpperCase())}\\b(?:\\s+(?:AS\\s+)?([\\w@]+))?`,
    ).exec(upper)
    if (use === null) return false
    return qualifier === undefined || qualifier === source.name.toUpperCase() || qualifier === use[1]
  })
  return [...new Set(inScope.flatMap((s) => s.columns.map((c) => c.name)))]
}

function currentStatement(text: string, cursor: number): string {
  const start = text.lastIndexOf(';', cursor - 1) + 1
  const end = text.indexOf(';', cursor)
  return text.slice(start, end === -1 ? undefined : end)
}

function matching(word: string, items: readonly string[]): string[] {
  const prefix = word.toUpperCase()
  const hits = [...new Set(items)].filter((i) => i.toUpperCase().startsWith(prefix) && i !== word)
  // Someone who types in lower case wants keywords and columns in lower case.
  return word !== '' && word === word.toLowerCase()
    ? hits.map((h) => (h === h.toUpperCase() ? h.toLowerCase() : h))
    : hits
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** The longest text all items begin with, whatever the case. */
export function commonPrefix(items: readonly string[]): string {
  const first = items[0] ?? ''
  let length = first.length
  for (const item of items) {
    let i = 0
    while (i < length && i < item.length && item[i]!.toUpperCase() === first[i]!.toUpperCase()) i++
    length = i
  }
  return first.slice(0, length)
}
