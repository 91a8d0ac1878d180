/** The commands that work on the log itself, without SQL. Kept apart so that `forebay` starts without loading them. */
const LOG_COMMANDS: readonly string[] = ['topic', 'group', 'transaction', 'produce', 'consume', 'log']

/** Options that may stand before the command; those of the SQL terminal may not. */
const LEADING_OPTIONS: readonly string[] = ['--json', '--help', '-h']

/** Whether the first word is one of them. */
export function isLogCommand(argv: readonly string[]): boolean {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === '--data') i++
    else if (!word.startsWith('-')) return LOG_COMMANDS.includes(word)
    else if (!word.startsWith('--data=') && !LEADING_OPTIONS.includes(word)) return false
  }
  return false
}

export const LOG_USAGE = `forebay: topics, groups, transactions and records of the log

  forebay topic list
  forebay topic create TOPIC … [--partitions N] [--config NAME=VALUE …] [--if-not-exists]
  forebay topic describe TOPIC …
  forebay topic alter TOPIC … [--partitions N] [--config NAME=VALUE …]    NAME= alone goes back to the default
  forebay topic delete TOPIC …
  forebay topic delete-records TOPIC[:PARTITION] … --before OFFSET|end

  forebay group list
  forebay group describe GROUP …
  forebay group reset-offsets GROUP --topic TOPIC[:PARTITION] … | --all-topics
                --to-earliest | --to-latest | --to-offset N | --shift-by N | --to-datetime TIME  [--dry-run]
  forebay group delete GROUP …

  forebay transaction list
  forebay transaction describe ID …
  forebay transaction abort ID …      aborts what is open under the transactional id, and fences its producer

  forebay produce TOPIC       a record from each line of the standard input
                [-K --key-separator TEXT | -k --key TEXT] [-H --header NAME=VALUE …] [-Z --empty-as-null]
                [-p --partition N] [-z --compression none|gzip|snappy|lz4|zstd]
                [--from-json]         lines as consume --json prints them: {"key":…,"value":…,"headers":[…]}
  forebay consume TOPIC       from the beginning to the present end
                [-G --group GROUP] [--from-beginning] [-p --partition N] [-c --max N] [--read-committed]
                [-o --offset N|-N|beginning|end|s@TIME]     -N: the last N of each partition
                [-K --key-separator TEXT]                   the key in front of the value
                [-f --format TEXT]    %t topic %p partition %o offset %T timestamp %k key %s value %h headers
                                      %K %S their sizes in bytes (-1: null) \\n \\t

  forebay log sizes           bytes and segments of each partition
  forebay log verify          checks every file; says what is wrong where
  forebay log dump PATH       batches and entries of a segment, an index, a snapshot or a partition  [--records]

  --data DIR                  the data directory (default ./forebay-data)
  --json                      results as JSON
  --help

With --group, consume goes on after the last record the group read, and commits what it printed; --from-beginning
starts over. TIME is a date and time such as 2026-03-01T12:00:00Z, or milliseconds since 1970.

Exit codes: 0 done, 1 refused or failed, or damage found, 2 wrong usage, 130 interrupted.`
