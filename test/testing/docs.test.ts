import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as streams from '../../src/streams/index.js'
import * as testing from '../../src/testing/index.js'
import { MapStore } from '../state/map-stores.js'

/* The examples of docs/testing.md are tests, and run as they stand there. */

const page = readFileSync(join(import.meta.dirname, '../../docs/testing.md'), 'utf8')
const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!)

test('the page has examples', () => expect(examples.length).toBeGreaterThanOrEqual(3))

const code = examples.join('\n').replaceAll(/^import .*$/gm, '')
const names = { ...streams, ...testing, MyStore: MapStore, test, expect }
new Function(...Object.keys(names), code)(...Object.values(names))
