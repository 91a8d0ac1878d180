import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const src = join(import.meta.dirname, 'src')

export default defineConfig({
  // Examples import the package by its name, as users do; tests run them on the sources.
  resolve: { alias: [{ find: /^forebay\/(\w+)$/, replacement: `${src}/$1/index.ts` }] },
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
