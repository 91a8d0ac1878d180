/** `npm run example -- NAME [ARGUMENTS]` runs examples/NAME.ts. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const [name = '', ...rest] = process.argv.slice(2)
const file = join(import.meta.dirname, `${name}.ts`)
process.exitCode =
  spawnSync(process.execPath, ['--import', 'tsx', file, ...rest], { stdio: 'inherit' }).status ?? 1
