import type { CreateSource, Statement } from '../ast.js'
import type { DataSource, Metastore } from '../metastore.js'
import { parseScript } from '../parse.js'
import type { Settings } from '../properties.js'
import { declareSource } from '../statements/create-source.js'

/**
 * The processing log as a stream that is there from the start: bad, late and dropped records of every query, for
 * SELECT. Read-only. The first four columns are those of ksqlDB's stream.
 */
export function processingLogStream(topic: string, metastore: Metastore, settings: Settings): DataSource {
  const cause = 'errorMessage STRING, cause ARRAY<STRING>'
  const text = `CREATE SOURCE STREAM KSQL_PROCESSING_LOG (
  logger STRING,
  level STRING,
  time BIGINT,
  message STRUCT<
    type INT,
    deserializationError STRUCT<errorMessage STRING, recordB64 STRING, cause ARRAY<STRING>, \`topic\` STRING>,
    recordProcessingError STRUCT<${cause}>,
    serializationError STRUCT<${cause}, \`topic\` STRING>,
    kafkaStreamsThreadError STRUCT<${cause}>>,
  query_id STRING,
  step STRING,
  kind STRING,
  reason STRING,
  record_topic STRING,
  record_partition INT,
  record_offset BIGINT,
  record_key BYTES,
  record_value BYTES
) WITH (KAFKA_TOPIC = '${topic.replaceAll("'", "''")}', VALUE_FORMAT = 'JSON');`
  const [statement] = parseScript(text, { variables: null })
  return declareSource(statement as Statement & CreateSource, metastore, settings).source
}
