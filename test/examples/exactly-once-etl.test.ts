import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { runExactlyOnceEtl, somePayments } from '../../examples/exactly-once-etl.js'

it('counts every payment once, over two failures of the application', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'forebay-exactly-once-'))
  try {
    const restarts = await runExactlyOnceEtl({ directory, payments: somePayments, failAt: [100, 333] })
    expect(restarts).toBe(2)
    const database = new Database(join(directory, 'balances.db'), { readonly: true })
    const rows = database.prepare('SELECT account, payments, cents FROM balances ORDER BY account').all()
    database.close()
    const expected = ['ada', 'bob', 'cem'].map((account) => {
      const own = somePayments.filter((payment) => payment.account === account)
      return { account, payments: own.length, cents: own.reduce((sum, { cents }) => sum + cents, 0) }
    })
    expect(rows).toEqual(expected)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
