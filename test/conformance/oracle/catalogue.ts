import { type Serde, Serdes } from '../../../src/serde/index.js'

export interface TopicEntry {
  readonly topic: string
  readonly key: string
  readonly value: string
}

export interface StoreEntry {
  readonly name: string
  readonly kind: string
  readonly key: string
  readonly value: string
}

export interface CatalogueEntry {
  readonly name: string
  readonly inputs: readonly TopicEntry[]
  readonly outputs: readonly TopicEntry[]
  readonly stores: readonly StoreEntry[]
  readonly config: { readonly 'topology.optimization'?: 'all' }
  readonly definition: string
}

export interface HeaderEntry {
  readonly key: string
  readonly value: string | null
}

export type Step =
  | {
      readonly pipe: {
        readonly topic: string
        readonly key: unknown
        readonly value: unknown
        readonly timestamp: number
        readonly headers?: readonly HeaderEntry[]
      }
    }
  | { readonly advanceWallClock: number }

export interface Results {
  readonly outputs: Readonly<Record<string, readonly unknown[]>>
  readonly stores: Readonly<Record<string, readonly unknown[]>>
  readonly metrics: { readonly droppedRecords: number }
}

export interface Scenario extends Results {
  readonly topology: string
  readonly scenario: string
  readonly wallClockStart: number
  readonly steps: readonly Step[]
  /** Results that differ with Kafka's in-memory stores; either version is right. */
  readonly inMemory?: Partial<Results>
}

/** The serde of a type as the catalogue writes it. */
export function serdeOfType(type: string): Serde<unknown> {
  const windowed = /^windowed-time:(\d+)$/.exec(type)
  if (windowed !== null) return Serdes.timeWindowed(Serdes.string(), Number(windowed[1])) as Serde<unknown>
  switch (type) {
    case 'string':
      return Serdes.string() as Serde<unknown>
    case 'long':
      return Serdes.long() as Serde<unknown>
    case 'integer':
      return Serdes.integer() as Serde<unknown>
    case 'double':
      return Serdes.double() as Serde<unknown>
    case 'json':
      return Serdes.json()
    case 'bytes':
      return Serdes.bytes() as Serde<unknown>
    case 'windowed-session':
      return Serdes.sessionWindowed(Serdes.string()) as Serde<unknown>
    default:
      throw new Error(`unknown type ${type}`)
  }
}
