import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { parse } from 'csv-parse/sync'
import { expect, it } from 'vitest'
import { runEtl } from '../../examples/etl.js'

const csvFile = join(import.meta.dirname, '../../node_modules/vega-datasets/data/airports.csv')

it('carries a CSV file through SQL into a SQLite table and a JSON-lines file, and adds nothing the second time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-etl-'))
  try {
    const airports: Record<string, string>[] = parse(readFileSync(csvFile), { columns: true })
    const byState = new Map<string, number>()
    for (const { state } of airports) byState.set(state!, (byState.get(state!) ?? 0) + 1)
    const northern = airports.filter((a) => Number(a['latitude']) > 60)

    for (let run = 0; run < 2; run++) {
      await runEtl({ directory, csvFile })

      const database = new Database(join(directory, 'airports.db'), { readonly: true })
      const table = database.prepare('SELECT state, airports FROM airports_by_state').raw().all() as [
        string,
        number,
      ][]
      database.close()
      expect(new Map(table)).toEqual(byState)

      const lines = readFileSync(join(directory, 'northern-airports.jsonl'), 'utf8').trim().split('\n')
      const documents = lines.map((line) => JSON.parse(line))
      const expected = northern.map((a) => ({
        iata: a['iata'],
        NAME: a['name']!.toUpperCase(),
        CITY: a['city'],
        LATITUDE: Number(a['latitude']),
      }))
      const byIata = (a: { iata?: unknown }, b: { iata?: unknown }): number =>
        String(a.iata) < String(b.iata) ? -1 : 1
      expect(documents.sort(byIata)).toEqual(expected.sort(byIata))
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})
