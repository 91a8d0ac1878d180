import { buildTopology } from './binding.js'
import type { CatalogueEntry } from './catalogue.js'

/** Compares `describe()` with the golden text; returns the first line that differs, or null. */
export function checkDescription(entry: CatalogueEntry, expected: string): string | null {
  const wanted = lines(expected)
  const found = lines(buildTopology(entry).describe())
  for (let i = 0; i < Math.max(wanted.length, found.length); i++) {
    if (wanted[i] !== found[i]) {
      return `line ${i + 1}: expected ${JSON.stringify(wanted[i] ?? 'the end')}, found ${JSON.stringify(found[i] ?? 'the end')}`
    }
  }
  return null
}

/** The class of a topic-name extractor has no counterpart; the golden texts say EXTRACTOR. */
function lines(text: string): string[] {
  return text
    .replace(/\(extractor class: [^)]*\)/g, '(extractor class: EXTRACTOR)')
    .trim()
    .split('\n')
    .map((line) => line.trimEnd())
}
