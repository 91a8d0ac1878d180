import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ForebayError } from '../common/index.js'
import type { FunctionRegistry } from '../sql/index.js'

type AddFunctions = (registry: FunctionRegistry) => void

/** Imports modules whose default export adds functions to a registry. @throws ForebayError naming the module */
export async function loadFunctions(paths: readonly string[]): Promise<AddFunctions> {
  const modules: AddFunctions[] = []
  for (const path of paths) modules.push(await load(path))
  return (registry) => {
    for (const add of modules) add(registry)
  }
}

async function load(path: string): Promise<AddFunctions> {
  let module: { readonly default?: unknown }
  try {
    module = await import(pathToFileURL(resolve(path)).href)
  } catch (cause) {
    throw new ForebayError('FUNCTIONS', `${path} could not be loaded: ${(cause as Error).message}`, { cause })
  }
  if (typeof module.default === 'function') return module.default as AddFunctions
  throw new ForebayError(
    'FUNCTIONS',
    `${path} has no function as its default export. Write: export default (functions) => { functions.scalar({ … }) }`,
  )
}
