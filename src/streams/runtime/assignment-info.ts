/*
 * What instances tell each other in the user data of the group protocol, as JSON: members to the leader with each join,
 * and the leader to each member with its assignment. The parts are those of Kafka Streams' SubscriptionInfo and
 * AssignmentInfo.
 */

export interface SubscriptionInfo {
  readonly processId: string
  /** The number that this instance was given before; null: it is new. */
  readonly slot: number | null
  /** Records that the local state of each task is behind; 0: runs it; null: there is state, but it is not known. */
  readonly tasks: Readonly<Record<string, number | null>>
  /** Where others reach this instance: `host:port`. */
  readonly applicationServer: string | null
  /** Asks the whole application to stop. */
  readonly shutdown: boolean
}

/** One instance of the application, as of the last rebalance. */
export interface ClientInfo {
  readonly processId: string
  readonly slot: number
  readonly applicationServer: string | null
  readonly active: readonly string[]
  readonly standby: readonly string[]
}

export interface AssignmentInfo {
  /**
   * A number that no other instance has: part of its transactional id, so that who gets the number of one that has gone
   * fences it, and ends what it left open.
   */
  readonly slot: number
  /** Tasks to keep a warm copy of. */
  readonly standby: readonly string[]
  readonly clients: readonly ClientInfo[]
  readonly shutdown: boolean
}

const version = 1

export function encodeInfo(info: SubscriptionInfo | AssignmentInfo): Uint8Array {
  return Buffer.from(JSON.stringify({ version, ...info }))
}

/** Null: nothing that this version can read, so the member gets no tasks. */
export function decodeSubscriptionInfo(userData: Uint8Array | null): SubscriptionInfo | null {
  return decode(userData) as SubscriptionInfo | null
}

export function decodeAssignmentInfo(userData: Uint8Array | null): AssignmentInfo {
  return (decode(userData) as AssignmentInfo | null) ?? { slot: 0, standby: [], clients: [], shutdown: false }
}

function decode(userData: Uint8Array | null): object | null {
  if (userData === null || userData.length === 0) return null
  try {
    const info = JSON.parse(Buffer.from(userData).toString('utf8')) as { version?: unknown } | null
    return info?.version === version ? info : null
  } catch {
    return null
  }
}
