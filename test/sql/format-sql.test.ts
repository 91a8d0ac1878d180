// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${name} is how SQL writes a variable
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SqlError } from '../../src/sql/errors.js'
import { formatExpression, formatStatement } from '../../src/sql/format-sql.js'
import { parseExpression, parseScript } from '../../src/sql/parse.js'
import { expression, query, statement } from './sql-arbitrary.js'
import { withoutPlace } from './without-place.js'

test.each([
  ['a+b*2', '(A + (B * 2))'],
  ['not a=b and c is not null', '((NOT (A = B)) AND (C IS NOT NULL))'],
  ['f(x, (k,v) => k + v)', 'F(X, (K, V) => (K + V))'],
  ['substring(source, 0, 1)', 'SUBSTRING(SOURCE, 0, 1)'],
  ["x not like 'a''b' escape '!'", "(NOT (X LIKE 'a''b' ESCAPE '!'))"],
  [
    "struct(a := 1, b := map('k' := array[1.50, 1e3]))->b['k']",
    "STRUCT(A:=1, B:=MAP('k':=ARRAY[1.50, 1E3]))->B['k']",
  ],
  ['`lower`.`Topic` + `TOPIC`', '(`lower`.`Topic` + `TOPIC`)'],
  ['case a when 1 then 2 else 3 end', '(CASE A WHEN 1 THEN 2 ELSE 3 END)'],
  ['cast(a as struct<x int>)', 'CAST(A AS STRUCT<`X` INTEGER>)'],
  ['-(5) - -5', '(-(5) - -5)'],
  ['COUNT(*)', 'COUNT(*)'],
])('%s prints as %s', (text, printed) => {
  expect(formatExpression(parseExpression(text))).toBe(printed)
})

describe('what is printed parses to the same tree', () => {
  test.each([
    "CREATE OR REPLACE SOURCE TABLE IF NOT EXISTS t (k INT PRIMARY KEY, `h h` BYTES HEADER('x'), a MAP<STRING, my_type>) WITH (kafka_topic='t', 'a.b'=1);",
    "CREATE STREAM s WITH (FORMAT='JSON') AS SELECT a.*, b->c->* FROM s a EMIT CHANGES;",
    'SHOW ALL TOPICS EXTENDED;',
    'SHOW SINK CONNECTORS;',
    'PRINT `x y` FROM BEGINNING INTERVAL 2 LIMIT 3;',
    'EXPLAIN ANALYZE SELECT * FROM s;',
    'EXPLAIN `SHOW`;',
    'DESCRIBE `TABLES` EXTENDED;',
    'ALTER TABLE t ADD `COLUMN` INT, ADD b my_type;',
    "ASSERT NOT EXISTS SCHEMA SUBJECT 'x' ID 3 TIMEOUT 2 MINUTES;",
    "ASSERT NULL VALUES t (k, rowtime) KEY (1, DATEADD(DAYS, 1, '2020-01-01'));",
    "CREATE SOURCE CONNECTOR IF NOT EXISTS `c-1` WITH ('key'='x');",
    "INSERT INTO s WITH (query_id='q') SELECT f(a, x => x + 1) FROM t PARTITION BY ();",
  ])('%s', (text) => {
    const [statement] = parseScript(text)
    const printed = formatStatement(statement!)
    expect(withoutPlace(parseScript(printed))).toEqual(withoutPlace([statement]))
  })

  test('random expressions', () => {
    fc.assert(
      fc.property(expression, (tree) => {
        expect(withoutPlace(parseExpression(formatExpression(tree)))).toEqual(withoutPlace(tree))
      }),
      { numRuns: 400 },
    )
  })

  test('random queries', () => {
    fc.assert(
      fc.property(query, (tree) => {
        const printed = formatStatement({ kind: 'select', query: tree, location: null, text: '' })
        expect(withoutPlace(parseScript(printed))).toEqual([{ kind: 'select', query: withoutPlace(tree) }])
      }),
      { numRuns: 300 },
    )
  })
})

test('random statements print as what parses to the same tree', () => {
  fc.assert(
    fc.property(statement, (tree) => {
      const printed = formatStatement(tree)
      expect(withoutPlace(parseScript(printed, { variables: null }))).toEqual(withoutPlace([tree]))
    }),
    { numRuns: 500 },
  )
})

describe('any text is parsed or refused with a SqlError', () => {
  const words =
    "SELECT FROM WHERE a b ( ) , ; = < > '' 'x' ` -- /* */ CREATE STREAM TABLE WITH AS GROUP BY EMIT CHANGES 1 1.5 1e3 [ ] -> => := . * + - NOT NULL IN LIKE BETWEEN AND OR CASE WHEN THEN END CAST INT ARRAY MAP STRUCT ${v} INSERT INTO VALUES SHOW LIMIT WINDOW SESSION JOIN ON \n".split(
      ' ',
    )

  const parses = (text: string): void => {
    try {
      parseScript(text)
    } catch (error) {
      if (!(error instanceof SqlError)) throw error
      expect(error.render()).not.toBe('')
    }
  }

  test('words of the language in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), (list) => parses(list.join(' '))),
      { numRuns: 2000 },
    )
  })

  test('any characters', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), parses), { numRuns: 1000 })
  })

  test('a good statement with a piece cut out', () => {
    const good =
      "CREATE TABLE t WITH (format='JSON') AS SELECT a, COUNT(*) n, b->c[1] FROM s s1 JOIN u ON s1.x = u.y WINDOW TUMBLING (SIZE 5 SECONDS, GRACE PERIOD 1 DAY) WHERE x IN (1, 2) AND y LIKE 'z%' GROUP BY a HAVING COUNT(*) > 1 EMIT FINAL;"
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(20), (at, length) =>
        parses(good.slice(0, at) + good.slice(at + length)),
      ),
      { numRuns: 500 },
    )
  })
})
