import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryFiles } from '../../../src/common/index.js'
import { Log } from '../../../src/log/index.js'
import { SqlEngine, SqlError } from '../../../src/sql/index.js'

/*
 * Every statement of the language, in one session, in order. What stands behind it is in what it says: a message, the
 * cells of its rows, or the refusal.
 */

const statements: readonly (readonly [sql: string, says: string | RegExp])[] = [
  // Definition
  [
    `CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 2);`,
    'Stream created',
  ],
  [
    `CREATE STREAM IF NOT EXISTS s (k STRING KEY) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');`,
    'already exists',
  ],
  [
    `CREATE STREAM plain (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'plain', VALUE_FORMAT = 'JSON', PARTITIONS = 1);`,
    'Stream created',
  ],
  [
    `CREATE OR REPLACE STREAM plain (k STRING KEY, v INT, w INT) WITH (KAFKA_TOPIC = 'plain', VALUE_FORMAT = 'JSON');`,
    'Stream created',
  ],
  [
    `CREATE OR REPLACE STREAM plain (k STRING KEY, w INT) WITH (KAFKA_TOPIC = 'plain', VALUE_FORMAT = 'JSON');`,
    'missing',
  ],
  [
    `CREATE SOURCE STREAM seen (k STRING KEY, v INT) WITH (KAFKA_TOPIC = 'plain', VALUE_FORMAT = 'JSON');`,
    'Stream created',
  ],
  [
    `CREATE TABLE t (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON', PARTITIONS = 2);`,
    'Table created',
  ],
  [
    `CREATE SOURCE TABLE st (id INT PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON');`,
    'Created query with ID CST_ST_',
  ],
  [
    'CREATE STREAM large AS SELECT k, v FROM s WHERE v > 1 EMIT CHANGES;',
    'Created query with ID CSAS_LARGE_',
  ],
  ['CREATE OR REPLACE STREAM large AS SELECT k, v FROM s WHERE v > 2 EMIT CHANGES;', 'CSAS_LARGE_'],
  [
    'CREATE OR REPLACE STREAM large AS SELECT k, v FROM plain EMIT CHANGES;',
    /upgrade|[Cc]annot replace|does not/,
  ],
  ['CREATE TABLE counts WITH (PARTITIONS = 1) AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;', 'CTAS_COUNTS_'],
  [
    `INSERT INTO plain WITH (QUERY_ID = 'copying') SELECT k, v, 1 AS w FROM s;`,
    'Created query with ID COPYING',
  ],
  ['INSERT INTO plain SELECT k, v, 2 AS w FROM s;', 'INSERTQUERY_'],
  [`INSERT INTO s VALUES ('a', 5);`, 'Inserted into S'],
  [`INSERT INTO s (ROWTIME, k, v) VALUES (7, 'b', 1 + 1);`, 'Inserted into S'],
  [`INSERT INTO seen VALUES ('a', 5);`, 'Cannot insert values into read-only stream'],
  ['CREATE TYPE money AS STRUCT<units INT, cents INT>;', 'Registered custom type'],
  ['CREATE TYPE IF NOT EXISTS money AS INT;', 'already exists'],
  ['ALTER STREAM plain ADD COLUMN x STRING, ADD y money;', 'Stream PLAIN altered'],
  ['ALTER TABLE t ADD COLUMN city STRING;', 'Table T altered'],
  ['ALTER STREAM large ADD COLUMN x STRING;', 'ALTER command is not supported for CREATE ... AS'],
  ['DROP TYPE money;', 'Dropped type'],
  ['DROP TYPE IF EXISTS money;', 'does not exist'],
  [
    `CREATE SOURCE CONNECTOR IF NOT EXISTS c WITH ('connector.class' = 'x');`,
    'Cannot create source connector',
  ],
  [`CREATE SINK CONNECTOR c WITH ('connector.class' = 'x');`, 'Cannot create sink connector'],
  ['DROP CONNECTOR IF EXISTS c;', `Connector 'C' does not exist.`],
  ['DROP CONNECTOR c;', 'Connector C does not exist'],
  [
    `CREATE STREAM noted (k STRING KEY, who BYTES HEADER('who'), everything ARRAY<STRUCT<key STRING, value BYTES>> HEADERS) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');`,
    'Schema already contains a HEADERS column.',
  ],
  [
    `CREATE STREAM noted (k STRING KEY, who BYTES HEADER('who')) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');`,
    'Stream created',
  ],
  // Queries
  ['SELECT k, v FROM s EMIT CHANGES LIMIT 1;', 'query'],
  ['SELECT n FROM counts WHERE v = 5;', '1'],
  ['SELECT k FROM s LIMIT 1;', /a|b/],
  ['EXPLAIN CSAS_LARGE_1;', 'Processing topology'],
  ['EXPLAIN SELECT k FROM s EMIT CHANGES;', 'Logical plan'],
  [`PRINT 's' FROM BEGINNING INTERVAL 1 LIMIT 1;`, 'query'],
  [`PRINT 's' FROM BEGINNING SAMPLE 1 LIMIT 1;`, 'query'],
  ['PAUSE CSAS_LARGE_1;', 'Query paused.'],
  ['SHOW QUERIES;', 'PAUSED'],
  ['RESUME CSAS_LARGE_1;', 'Query resumed.'],
  ['PAUSE ALL;', 'paused'],
  ['RESUME ALL;', 'resumed'],
  // Catalogue and session
  ['SHOW STREAMS;', 'LARGE'],
  ['LIST STREAMS EXTENDED;', 'CSAS_LARGE_1'],
  ['SHOW TABLES;', 'COUNTS'],
  ['SHOW TABLES EXTENDED;', 'CTAS_COUNTS'],
  ['SHOW TOPICS;', 'plain'],
  ['SHOW ALL TOPICS;', '_confluent-ksql-default__command_topic'],
  ['SHOW TOPICS EXTENDED;', 'plain'],
  ['SHOW QUERIES;', 'CSAS_LARGE_1'],
  ['SHOW QUERIES EXTENDED;', 'COPYING'],
  ['SHOW FUNCTIONS;', 'UCASE'],
  ['SHOW PROPERTIES;', 'auto.offset.reset'],
  ['SHOW TYPES;', ''],
  ['SHOW VARIABLES;', ''],
  ['SHOW CONNECTORS;', 'forebay/connect'],
  ['SHOW SOURCE CONNECTORS;', 'forebay/connect'],
  ['SHOW SINK CONNECTORS;', 'forebay/connect'],
  ['SHOW CONNECTOR PLUGINS;', 'forebay/connect'],
  ['DESCRIBE noted;', 'HEADER'],
  ['DESCRIBE counts EXTENDED;', 'records in'],
  ['DESCRIBE STREAMS;', 'LARGE'],
  ['DESCRIBE STREAMS EXTENDED;', 'LARGE'],
  ['DESCRIBE TABLES;', 'COUNTS'],
  ['DESCRIBE TABLES EXTENDED;', 'COUNTS'],
  ['DESCRIBE FUNCTION abs;', 'ABS(INT'],
  ['DESCRIBE CONNECTOR c;', `Could not find connector 'C'`],
  [`SET 'auto.offset.reset' = 'earliest';`, 'Successfully changed local property'],
  [`UNSET 'auto.offset.reset';`, 'Successfully unset local property'],
  [`ALTER SYSTEM 'ksql.output.topic.name.prefix' = 'made-';`, 'was set to'],
  ['SHOW PROPERTIES;', 'made-'],
  [`DEFINE name = 'plain';`, 'Defined name.'],
  ['DESCRIBE \u0024{name};', 'W'],
  ['UNDEFINE name;', 'Undefined name.'],
  [`RUN SCRIPT 'more.sql';`, 'Inserted into T'],
  [`ASSERT TOPIC 't' WITH (PARTITIONS = 2, REPLICAS = 1) TIMEOUT 0 SECONDS;`, 'Topic t exists'],
  [`ASSERT NOT EXISTS TOPIC 'u';`, 'Topic u does not exist'],
  [`ASSERT TOPIC 'u' TIMEOUT 0 SECONDS;`, 'Topic u does not exist.'],
  [`ASSERT NOT EXISTS SCHEMA SUBJECT 't-value' ID 3;`, 'does not exist'],
  ['ASSERT SCHEMA ID 3 TIMEOUT 0 SECONDS;', 'does not exist.'],
  [`ASSERT VALUES t (id, name) VALUES (1, 'one');`, 'as expected'],
  ['ASSERT NULL VALUES t (id) KEY (2);', 'as expected'],
  [`ASSERT VALUES t (id, name) VALUES (1, 'one');`, 'has no more'],
  [
    `ASSERT TABLE t (id INT PRIMARY KEY, name STRING, city STRING) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'JSON');`,
    'as expected',
  ],
  [
    `ASSERT STREAM s (k STRING KEY) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');`,
    'Expected schema does not match',
  ],
  // Removal
  ['DROP STREAM plain;', 'Cannot drop PLAIN'],
  ['TERMINATE copying;', 'Query terminated.'],
  ['TERMINATE copying;', 'Unknown queryId: COPYING'],
  ['DROP TABLE IF EXISTS nothing;', 'does not exist'],
  ['DROP TABLE counts DELETE TOPIC;', 'was dropped'],
  ['DROP STREAM large;', 'was dropped'],
  ['TERMINATE ALL;', 'All queries terminated.'],
  ['SHOW QUERIES;', ''],
]

describe('every statement of the language', () => {
  let log: Log
  let engine: SqlEngine

  beforeAll(async () => {
    log = await Log.memory()
    const files = new MemoryFiles()
    const script = `INSERT INTO t (id, name) VALUES (1, 'one'); INSERT INTO t (id) VALUES (2);`
    files.writeFileAtomic('more.sql', Buffer.from(script))
    engine = await SqlEngine.create({ log, files })
  })

  afterAll(async () => {
    await engine.close()
    await log.close()
  })

  it.each(statements)('%s', async (sql, says) => {
    const said = await run(engine, sql)
    if (typeof says === 'string') expect(said).toContain(says)
    else expect(said).toMatch(says)
  })
})

async function run(engine: SqlEngine, sql: string): Promise<string> {
  const said: string[] = []
  try {
    for await (const outcome of engine.run(sql)) {
      if (outcome.kind === 'query') {
        let rows = 0
        for await (const _ of outcome.query) rows++
        expect(rows).toBeGreaterThan(0)
        said.push('query')
      } else if (outcome.result.kind === 'message') said.push(outcome.result.message)
      else {
        const { title, rows, note } = outcome.result
        said.push([title, ...rows.map((row) => row.join(' ')), note].join('\n'))
      }
    }
  } catch (error) {
    expect(error).toBeInstanceOf(SqlError)
    expect((error as SqlError).render()).toContain('^')
    said.push((error as SqlError).message)
  }
  return said.join('\n')
}
