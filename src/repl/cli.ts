#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Arguments, parseArguments, USAGE } from './arguments.js'
import { isLogCommand } from './log-usage.js'

/** The `forebay` program. Sets the exit code; see USAGE. What is not needed is not loaded: starting is to be quick. */
async function main(argv: readonly string[]): Promise<number> {
  if (isLogCommand(argv)) return await (await import('./log-process.js')).runLogProcess(argv)
  let options: Arguments
  try {
    options = parseArguments(argv)
  } catch (error) {
    console.error(`forebay: ${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (options.help) console.log(USAGE)
  else if (options.version) console.log(version())
  else {
    const { run } = await import('./run.js')
    return await run(options, version())
  }
  return 0
}

function version(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')).version
}

process.exitCode = await main(process.argv.slice(2))
