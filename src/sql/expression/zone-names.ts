import { type Zone, zoneOf } from './date-time.js'

/*
 * Abbreviations of zones, as Java prints and reads them for pattern letter `z`. Node's own data prints offsets
 * where a region has no abbreviation in American English, so the common ones outside America are listed here.
 */

interface Abbreviations {
  readonly standard: string
  readonly summer: string
  /** The region a parsed abbreviation stands for. */
  readonly region: string
}

const abbreviations: readonly Abbreviations[] = [
  { standard: 'GMT', summer: 'BST', region: 'Europe/London' },
  { standard: 'GMT', summer: 'IST', region: 'Europe/Dublin' },
  { standard: 'WET', summer: 'WEST', region: 'Europe/Lisbon' },
  { standard: 'CET', summer: 'CEST', region: 'Europe/Paris' },
  { standard: 'EET', summer: 'EEST', region: 'Europe/Athens' },
  { standard: 'MSK', summer: 'MSD', region: 'Europe/Moscow' },
  { standard: 'IST', summer: 'IST', region: 'Asia/Kolkata' },
  { standard: 'JST', summer: 'JDT', region: 'Asia/Tokyo' },
  { standard: 'KST', summer: 'KDT', region: 'Asia/Seoul' },
  { standard: 'AEST', summer: 'AEDT', region: 'Australia/Sydney' },
  { standard: 'ACST', summer: 'ACDT', region: 'Australia/Adelaide' },
  { standard: 'AWST', summer: 'AWDT', region: 'Australia/Perth' },
  { standard: 'NZST', summer: 'NZDT', region: 'Pacific/Auckland' },
  { standard: 'SAST', summer: 'SAST', region: 'Africa/Johannesburg' },
  { standard: 'CAT', summer: 'CAST', region: 'Africa/Maputo' },
  { standard: 'EAT', summer: 'EAT', region: 'Africa/Nairobi' },
  { standard: 'PST', summer: 'PDT', region: 'America/Los_Angeles' },
  { standard: 'MST', summer: 'MDT', region: 'America/Denver' },
  { standard: 'CST', summer: 'CDT', region: 'America/Chicago' },
  { standard: 'EST', summer: 'EDT', region: 'America/New_York' },
  { standard: 'AST', summer: 'ADT', region: 'America/Halifax' },
  { standard: 'NST', summer: 'NDT', region: 'America/St_Johns' },
  { standard: 'AKST', summer: 'AKDT', region: 'America/Anchorage' },
  { standard: 'HST', summer: 'HDT', region: 'Pacific/Honolulu' },
]

/** Regions whose zone is called like that of the one listed above. */
const sameNames: Readonly<Record<string, readonly string[]>> = {
  'Europe/Paris': [
    'Europe/Amsterdam',
    'Europe/Andorra',
    'Europe/Belgrade',
    'Europe/Berlin',
    'Europe/Bratislava',
    'Europe/Brussels',
    'Europe/Budapest',
    'Europe/Copenhagen',
    'Europe/Ljubljana',
    'Europe/Luxembourg',
    'Europe/Madrid',
    'Europe/Malta',
    'Europe/Monaco',
    'Europe/Oslo',
    'Europe/Prague',
    'Europe/Rome',
    'Europe/Stockholm',
    'Europe/Vienna',
    'Europe/Warsaw',
    'Europe/Zagreb',
    'Europe/Zurich',
  ],
  'Europe/Athens': [
    'Europe/Bucharest',
    'Europe/Helsinki',
    'Europe/Kiev',
    'Europe/Kyiv',
    'Europe/Riga',
    'Europe/Sofia',
    'Europe/Tallinn',
    'Europe/Vilnius',
    'Africa/Cairo',
    'Asia/Beirut',
  ],
  'Australia/Sydney': ['Australia/Melbourne', 'Australia/Brisbane', 'Australia/Hobart', 'Australia/Canberra'],
  'Asia/Kolkata': ['Asia/Calcutta'],
}

function abbreviationsOf(region: string): Abbreviations | undefined {
  return abbreviations.find((a) => a.region === region || sameNames[a.region]?.includes(region))
}

/** Whether the offset is larger than the smallest of the year around. */
function isSummer(zone: Zone, epochMs: number): boolean {
  const offset = zone.offsetAt(epochMs)
  const monthMs = 30 * 86_400_000
  for (let i = -6; i <= 6; i++) if (zone.offsetAt(epochMs + i * monthMs) < offset) return true
  return false
}

export function shortZoneName(zone: Zone, epochMs: number): string {
  const known = abbreviationsOf(zone.id)
  if (known !== undefined) return isSummer(zone, epochMs) ? known.summer : known.standard
  return zoneName(zone, epochMs, 'short')
}

export function longZoneName(zone: Zone, epochMs: number): string {
  return zoneName(zone, epochMs, 'long')
}

function zoneName(zone: Zone, epochMs: number, timeZoneName: 'short' | 'long'): string {
  // Offsets, and ids that Node does not know, print as they are.
  if (!/^[A-Za-z]{2}/.test(zone.id)) return zone.id
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone.id, timeZoneName })
    const part = format.formatToParts(epochMs).find((p) => p.type === 'timeZoneName')
    return part?.value ?? zone.id
  } catch (error) {
    if (error instanceof RangeError) return zone.id
    throw error
  }
}

/** Reads an offset, a region or, where allowed, an abbreviation from the beginning of a text. */
export function parseZoneName(
  text: string,
  allowAbbreviation: boolean,
): { readonly zone: Zone; readonly length: number } | null {
  const offset = /^(?:(?:GMT|UTC|UT)?[+-]\d\d(?::?\d\d(?::?\d\d)?)?|Z(?![A-Za-z]))/i.exec(text)?.[0]
  const word = offset ?? /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*/.exec(text)?.[0]
  if (word === undefined) return null
  const upper = word.toUpperCase()
  const byName = abbreviations.find((a) => a.standard === upper || a.summer === upper)
  const special = upper === 'GMT' || upper === 'UTC' || upper === 'Z'
  const id = special ? upper : allowAbbreviation && byName !== undefined ? byName.region : word
  try {
    return { zone: zoneOf(id), length: word.length }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
