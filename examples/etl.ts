/*
 * ETL: a CSV file → the log → continuous SQL → a SQLite table and a JSON-lines file. Start it twice: the second run
 * finds everything done and adds nothing, because each step keeps its position with its data.
 *
 *     npm run example -- etl [DIRECTORY]
 */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { jsonLinesSink, nodeFiles, readCsv, runSink, runSource, sqliteSink } from 'forebay/connect'
import { Log } from 'forebay/log'
import { SqlEngine } from 'forebay/sql'
import { Serdes } from 'forebay/streams'

const script = `
  CREATE STREAM IF NOT EXISTS airports (
    iata STRING KEY, name STRING, city STRING, state STRING, country STRING, latitude STRING, longitude STRING
  ) WITH (KAFKA_TOPIC = 'airports', VALUE_FORMAT = 'JSON');

  -- Clean: numbers instead of text, and only what lies north of the Arctic Circle's neighbourhood.
  CREATE STREAM IF NOT EXISTS northern_airports AS
    SELECT iata, UCASE(name) AS name, city, CAST(latitude AS DOUBLE) AS latitude
    FROM airports
    WHERE CAST(latitude AS DOUBLE) > 60
    EMIT CHANGES;

  CREATE TABLE IF NOT EXISTS airports_by_state AS
    SELECT state, COUNT(*) AS airports FROM airports GROUP BY state EMIT CHANGES;
`

export interface EtlOptions {
  /** Where log, state and results go. */
  directory: string
  csvFile: string
}

export async function runEtl({ directory, csvFile }: EtlOptions): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const log = await Log.open({ dataDirectory: join(directory, 'log') })
  const engine = await SqlEngine.create({ log, stateDirectory: join(directory, 'state') })
  try {
    await log.admin.createTopics([{ topic: 'airports', partitions: 2, configs: { 'retention.ms': '-1' } }], {
      ifNotExists: true,
    })
    await engine.execute(script)
    await runSource(log, {
      name: 'airports-csv',
      topic: 'airports',
      rows: readCsv(nodeFiles, csvFile),
      keySerde: Serdes.string(),
      valueSerde: Serdes.json(),
      toRecord: ({ iata, ...rest }) => ({ key: iata!, value: rest, timestamp: Date.UTC(2000, 0, 1) }),
    })
    await engine.caughtUp()

    await runSink(log, {
      topic: 'AIRPORTS_BY_STATE',
      keySerde: Serdes.string(),
      valueSerde: Serdes.json<{ AIRPORTS: number }>(),
      sink: sqliteSink<string, { AIRPORTS: number }>({
        path: join(directory, 'airports.db'),
        table: 'airports_by_state',
        columns: [
          { name: 'state', type: 'TEXT', primaryKey: true },
          { name: 'airports', type: 'INTEGER' },
        ],
        toRow: ({ key, value }) => [key, value?.AIRPORTS ?? null],
      }),
    })
    await runSink(log, {
      topic: 'NORTHERN_AIRPORTS',
      keySerde: Serdes.string(),
      valueSerde: Serdes.json<Record<string, unknown>>(),
      sink: jsonLinesSink<string, Record<string, unknown>>({
        fileSystem: nodeFiles,
        path: join(directory, 'northern-airports.jsonl'),
        toDocument: ({ key, value }) => ({ iata: key, ...value }),
      }),
    })
  } finally {
    await engine.close()
    await log.close()
  }
}

if (process.argv[1] === import.meta.filename) {
  const directory = process.argv[2] ?? 'forebay-data/etl'
  const dataset = dirname(createRequire(import.meta.url).resolve('vega-datasets'))
  const csvFile = join(dataset, '..', 'data', 'airports.csv')
  await runEtl({ directory, csvFile })
  console.log(
    `${dirname(join(directory, 'x'))}: airports.db (table airports_by_state), northern-airports.jsonl`,
  )
}
