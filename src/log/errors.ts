import { ForebayError } from '../common/index.js'

/*
 * Kafka's errors as a table: name, code on the wire, whether a repetition can succeed, text. Only what a caller
 * branches on gets a class of its own.
 */

type Row = readonly [code: number, retriable: boolean, text: string]

const table = {
  UNKNOWN_SERVER_ERROR: [-1, false, 'an unexpected error'],
  NONE: [0, false, 'no error'],
  OFFSET_OUT_OF_RANGE: [1, false, 'the offset is not within the range of offsets kept by the partition'],
  CORRUPT_MESSAGE: [2, true, 'the record batch failed its checksum or its structure is broken'],
  UNKNOWN_TOPIC_OR_PARTITION: [3, true, 'this topic or partition does not exist'],
  LEADER_NOT_AVAILABLE: [5, true, 'the partition has no leader at the moment'],
  NOT_LEADER_OR_FOLLOWER: [6, true, 'this broker does not lead the partition'],
  REQUEST_TIMED_OUT: [7, true, 'the request timed out'],
  MESSAGE_TOO_LARGE: [10, false, 'the batch is larger than max.message.bytes'],
  OFFSET_METADATA_TOO_LARGE: [12, false, 'the metadata of the committed offset is too large'],
  COORDINATOR_LOAD_IN_PROGRESS: [14, true, 'the coordinator is still loading its state'],
  COORDINATOR_NOT_AVAILABLE: [15, true, 'the coordinator is not available'],
  NOT_COORDINATOR: [16, true, 'this broker is not the coordinator'],
  INVALID_TOPIC_EXCEPTION: [17, false, 'the topic name is not allowed'],
  RECORD_LIST_TOO_LARGE: [18, false, 'the batches together are larger than a segment'],
  NOT_ENOUGH_REPLICAS: [19, true, 'fewer replicas are in sync than min.insync.replicas asks for'],
  INVALID_REQUIRED_ACKS: [21, false, 'acks must be -1, 0 or 1'],
  ILLEGAL_GENERATION: [22, false, 'the generation of the group member is not the current one'],
  INCONSISTENT_GROUP_PROTOCOL: [23, false, 'the member shares no protocol with the rest of the group'],
  INVALID_GROUP_ID: [24, false, 'the group id is invalid'],
  UNKNOWN_MEMBER_ID: [25, false, 'the group does not know this member'],
  INVALID_SESSION_TIMEOUT: [26, false, 'the session timeout is outside the allowed range'],
  REBALANCE_IN_PROGRESS: [27, false, 'the group is rebalancing, so the member must rejoin'],
  TOPIC_AUTHORIZATION_FAILED: [29, false, 'not authorised for the topic'],
  GROUP_AUTHORIZATION_FAILED: [30, false, 'not authorised for the group'],
  CLUSTER_AUTHORIZATION_FAILED: [31, false, 'not authorised for the cluster'],
  INVALID_TIMESTAMP: [32, false, 'the timestamp of a record is out of the accepted range'],
  UNSUPPORTED_SASL_MECHANISM: [33, false, 'the SASL mechanism is not supported'],
  ILLEGAL_SASL_STATE: [34, false, 'the request does not fit the state of the SASL exchange'],
  UNSUPPORTED_VERSION: [35, false, 'the version of the API is not supported'],
  TOPIC_ALREADY_EXISTS: [36, false, 'a topic with this name exists'],
  INVALID_PARTITIONS: [37, false, 'the number of partitions is invalid'],
  INVALID_REPLICATION_FACTOR: [38, false, 'the replication factor is invalid'],
  INVALID_REPLICA_ASSIGNMENT: [39, false, 'the replica assignment is invalid'],
  INVALID_CONFIG: [40, false, 'a configuration is invalid'],
  INVALID_REQUEST: [42, false, 'the request is not valid'],
  POLICY_VIOLATION: [44, false, 'the request violates a policy'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [45, false, 'the sequence number does not follow the last one'],
  INVALID_PRODUCER_EPOCH: [47, false, 'the producer epoch is older than the current one'],
  INVALID_TXN_STATE: [48, false, 'the transaction is in a state that does not allow this'],
  INVALID_PRODUCER_ID_MAPPING: [49, false, 'the producer id does not belong to this transactional id'],
  INVALID_TRANSACTION_TIMEOUT: [
    50,
    false,
    'the transaction timeout is larger than transaction.max.timeout.ms',
  ],
  CONCURRENT_TRANSACTIONS: [51, true, 'another operation on this transaction is still running'],
  TRANSACTION_COORDINATOR_FENCED: [52, false, 'the transaction coordinator has been replaced by a newer one'],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [53, false, 'not authorised for the transactional id'],
  SECURITY_DISABLED: [54, false, 'security is not enabled'],
  OPERATION_NOT_ATTEMPTED: [55, false, 'not attempted because another part of the request failed'],
  KAFKA_STORAGE_ERROR: [56, true, 'reading or writing the files of the log failed'],
  SASL_AUTHENTICATION_FAILED: [58, false, 'the SASL authentication failed'],
  UNKNOWN_PRODUCER_ID: [59, false, 'nothing is known of this producer id'],
  NON_EMPTY_GROUP: [68, false, 'the group has members'],
  GROUP_ID_NOT_FOUND: [69, false, 'the group does not exist'],
  FETCH_SESSION_ID_NOT_FOUND: [70, true, 'the fetch session does not exist'],
  INVALID_FETCH_SESSION_EPOCH: [71, true, 'the epoch of the fetch session is invalid'],
  FENCED_LEADER_EPOCH: [74, true, 'the leader epoch is older than the current one'],
  UNKNOWN_LEADER_EPOCH: [75, true, 'the leader epoch is newer than the current one'],
  UNSUPPORTED_COMPRESSION_TYPE: [76, false, 'the compression type is not supported here'],
  OFFSET_NOT_AVAILABLE: [78, true, 'the offset is not known yet'],
  MEMBER_ID_REQUIRED: [79, false, 'the member must join again with the id it was given'],
  GROUP_MAX_SIZE_REACHED: [81, false, 'the group is full'],
  FENCED_INSTANCE_ID: [82, false, 'another member took over this group instance id'],
  ELECTION_NOT_NEEDED: [84, true, 'no leader election is needed'],
  GROUP_SUBSCRIBED_TO_TOPIC: [86, false, 'the group is subscribed to the topic'],
  INVALID_RECORD: [87, false, 'a record was refused'],
  UNSTABLE_OFFSET_COMMIT: [88, true, 'the offsets are part of a transaction that is not finished'],
  THROTTLING_QUOTA_EXCEEDED: [89, true, 'a quota was exceeded'],
  PRODUCER_FENCED: [90, false, 'a newer producer with the same transactional id took over'],
  RESOURCE_NOT_FOUND: [91, false, 'the resource does not exist'],
  DUPLICATE_RESOURCE: [92, false, 'the resource is named twice'],
  UNACCEPTABLE_CREDENTIAL: [93, false, 'the credential is not acceptable'],
  UNKNOWN_TOPIC_ID: [100, true, 'no topic has this id'],
  INCONSISTENT_TOPIC_ID: [103, true, 'the topic id does not match the topic'],
  TRANSACTIONAL_ID_NOT_FOUND: [105, false, 'the transactional id does not exist'],
  FETCH_SESSION_TOPIC_ID_ERROR: [106, true, 'the fetch session uses topic ids inconsistently'],
  FENCED_MEMBER_EPOCH: [110, false, 'the member epoch is not the current one'],
  UNRELEASED_INSTANCE_ID: [111, false, 'the instance id is still used by another member'],
  UNSUPPORTED_ASSIGNOR: [112, false, 'the assignor is not supported'],
  STALE_MEMBER_EPOCH: [113, false, 'the member epoch is stale'],
  TRANSACTION_ABORTABLE: [120, false, 'the transaction must be aborted'],
  INVALID_REGULAR_EXPRESSION: [128, false, 'the regular expression is invalid'],
} as const satisfies Record<string, Row>

export type KafkaErrorName = keyof typeof table

/** Kafka's errors by name. */
export const kafkaErrors: Readonly<Record<KafkaErrorName, Row>> = table

/** An error that Kafka's protocol has a name for; `code` is that name. */
export class KafkaError extends ForebayError {
  declare readonly code: KafkaErrorName
  /** The number on the wire. */
  readonly errorCode: number

  constructor(
    name: KafkaErrorName,
    message?: string,
    options: { cause?: unknown; retriable?: boolean } = {},
  ) {
    const [errorCode, retriable, text] = kafkaErrors[name]
    super(name, message ?? text, { retriable, ...options })
    this.errorCode = errorCode
  }
}

/** Files could not be read or written: says what was tried and why it failed. */
export function storageError(what: string, cause: unknown): KafkaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const full = isSystemError(cause) && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')
  const advice = full ? '. Make room on the disk: then writing goes on' : ''
  return new KafkaError('KAFKA_STORAGE_ERROR', `${what}: ${reason}${advice}`, { cause })
}

/** A `storageError` where the file system failed; every other error as it is. */
export function asStorageError(what: string, error: unknown): unknown {
  return isSystemError(error) ? storageError(what, error) : error
}

/** An error of the operating system carries its code, such as ENOSPC. */
function isSystemError(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    !(error instanceof ForebayError) &&
    'code' in error &&
    typeof error.code === 'string'
  )
}

/** Bytes of the log that fail their checksum or cannot be a record batch. Reading them again gives the same. */
export class CorruptRecordError extends KafkaError {
  /** What is wrong, without the place. */
  readonly problem: string
  /** Where the batch lies, as far as known. */
  readonly file: string | undefined
  readonly position: number | undefined

  constructor(problem: string, place: { file?: string | undefined; position?: number | undefined } = {}) {
    const where = place.file === undefined ? '' : ` in ${place.file}`
    const at = place.position === undefined ? '' : ` at position ${place.position}`
    super('CORRUPT_MESSAGE', `damaged record batch${where}${at}: ${problem}`, { retriable: false })
    this.problem = problem
    this.file = place.file
    this.position = place.position
  }
}

export function isKafkaError(error: unknown, name: KafkaErrorName): error is KafkaError {
  return error instanceof KafkaError && error.code === name
}
