import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Cases that are known to fail, each with a reason: `gaps` has codes, `reasons` says what they mean. */
export interface KnownGaps {
  readonly reasons: Readonly<Record<string, string>>
  readonly gaps: Readonly<Record<string, string>>
}

const path = join(import.meta.dirname, 'known-gaps.json')

export function readKnownGaps(): KnownGaps {
  return JSON.parse(readFileSync(path, 'utf8')) as KnownGaps
}

/** Writes the failing cases as the known ones; those with a reason keep it, the others get one from their difference. */
export function writeKnownGaps(before: KnownGaps, failures: ReadonlyMap<string, string>): void {
  const gaps: Record<string, string> = {}
  for (const [id, difference] of [...failures].sort(([a], [b]) => (a < b ? -1 : 1))) {
    gaps[id] = before.gaps[id] ?? reasonOf(difference)
  }
  const used = new Set(Object.values(gaps))
  const reasons = Object.fromEntries(
    Object.entries({ ...standard, ...before.reasons }).filter(([code]) => used.has(code)),
  )
  writeFileSync(path, `${JSON.stringify({ reasons, gaps }, null, 2)}\n`)
}

const standard: Record<string, string> = {
  message: 'the statement is refused, as it must be, in other words than ksqlDB',
  accepted: 'ksqlDB refuses this statement',
  refused: 'the statement is refused, or its query fails',
  rows: 'the rows differ',
  catalogue: 'the catalogue or the topics differ',
  protobufReply: 'replies in Protobuf are for a REST server, which is not a part of this engine',
}

function reasonOf(difference: string): string {
  if (/is in Protobuf$/.test(difference)) return 'protobufReply'
  if (difference.startsWith('wrong error')) return 'message'
  if (/none came/.test(difference)) return 'accepted'
  if (/^threw|^an earlier/.test(difference)) return 'refused'
  return difference.startsWith('post') ? 'catalogue' : 'rows'
}
