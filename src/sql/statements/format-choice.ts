import { SqlError } from '../errors.js'
import { checkFormat, keySchemaName } from '../formats/index.js'
import type { FormatInfo, FormatName, SerdeFeature } from '../metastore.js'
import type { PlanColumn } from '../plan/plan-node.js'
import type { Settings } from '../properties.js'
import { formatType, quoteIdentifier, type SqlType } from '../types.js'
import { formatName, type SideProperties, type WithProperties } from './with-properties.js'

/*
 * Which formats a stream or table gets: what WITH says, what its source has, or the defaults.
 */

const unwrapsKeys: ReadonlySet<FormatName> = new Set(['JSON', 'JSON_SR', 'AVRO'])
const delimiters: ReadonlySet<FormatName> = new Set(['DELIMITED'])

export function keyFormatInfo(
  name: FormatName,
  columns: readonly PlanColumn[],
  side: SideProperties,
  { inherited, sourceName }: { readonly inherited?: FormatInfo; readonly sourceName?: string } = {},
): FormatInfo {
  const features: SerdeFeature[] = columns.length === 1 && unwrapsKeys.has(name) ? ['UNWRAP_SINGLES'] : []
  const properties = sideProperties(name, side, inherited)
  if (name === 'AVRO' && sourceName !== undefined) properties.fullSchemaName ??= keySchemaName(sourceName)
  return { name, features, properties }
}

export function valueFormatInfo(
  name: FormatName,
  columns: readonly PlanColumn[],
  withs: WithProperties,
  settings: Settings,
  inherited?: FormatInfo,
): FormatInfo {
  return {
    name,
    features: wrapping(name, columns, withs, settings),
    properties: sideProperties(name, withs.value, inherited),
  }
}

function wrapping(
  name: FormatName,
  columns: readonly PlanColumn[],
  withs: WithProperties,
  settings: Settings,
): SerdeFeature[] {
  const explicit = withs.wrapSingleValue
  if (explicit !== null) return [explicit ? 'WRAP_SINGLES' : 'UNWRAP_SINGLES']
  const byDefault = settings.boolean('ksql.persistence.wrap.single.values')
  if (byDefault === null || columns.length !== 1) return []
  const both = name === 'JSON' || name === 'JSON_SR' || name === 'AVRO' || name === 'PROTOBUF_NOSR'
  return both || (name === 'PROTOBUF' && byDefault) ? [byDefault ? 'WRAP_SINGLES' : 'UNWRAP_SINGLES'] : []
}

function sideProperties(
  name: FormatName,
  side: SideProperties,
  inherited: FormatInfo | undefined,
): Record<string, string> {
  const properties: Record<string, string> = {}
  const same = inherited?.name === name ? inherited.properties : {}
  const delimiter = side.delimiter ?? (delimiters.has(name) ? same.delimiter : undefined)
  if (delimiter !== undefined && delimiter !== null) properties.delimiter = delimiter
  if (side.schemaFullName !== null) properties.fullSchemaName = side.schemaFullName
  if (side.nullableRepresentation !== null) {
    properties.nullableRepresentation = side.nullableRepresentation.toLowerCase()
  }
  if (side.schemaId !== null) properties.schemaId = String(side.schemaId)
  if (name === 'PROTOBUF') properties.unwrapPrimitives = 'true'
  return properties
}

export function defaultKeyFormat(settings: Settings): FormatName {
  return formatName(settings.get('ksql.persistence.default.format.key') ?? 'KAFKA')
}

/** @throws SqlError where there is neither a format nor a default */
export function valueFormatName(withs: WithProperties, settings: Settings): FormatName {
  const name = withs.value.format ?? settings.get('ksql.persistence.default.format.value')
  if (name === undefined) {
    throw new SqlError(
      "Statement is missing the 'VALUE_FORMAT' property from the WITH clause. " +
        "Either provide one or set a default via the 'ksql.persistence.default.format.value' config.",
      { suggestion: "Most often it is VALUE_FORMAT = 'JSON'." },
    )
  }
  return formatName(name)
}

/** @throws SqlError for settings that the format does not have, whatever the columns */
export function checkFormatSettings(format: FormatInfo): void {
  if (format.properties.delimiter !== undefined && !delimiters.has(format.name)) {
    throw new SqlError(`${format.name} does not support the following configs: [delimiter]`)
  }
}

/** @throws SqlError where the format cannot hold the columns */
export function checkColumns(
  role: 'key' | 'value',
  format: FormatInfo,
  columns: readonly PlanColumn[],
): void {
  if (role === 'key') for (const column of columns) checkKeyType(column)
  checkFormat({
    format: format.name,
    columns,
    role,
    wrapSingle: wrapOf(format),
    delimiter: format.properties.delimiter,
  })
}

/** KEY_SCHEMA_ID or VALUE_SCHEMA_ID. */
export function schemaIdOf(format: FormatInfo): number | null {
  return format.properties.schemaId === undefined ? null : Number(format.properties.schemaId)
}

export function wrapOf(format: FormatInfo): boolean | undefined {
  if (format.features.includes('WRAP_SINGLES')) return true
  return format.features.includes('UNWRAP_SINGLES') ? false : undefined
}

function checkKeyType({ name, type }: PlanColumn): void {
  if (!holdsMap(type)) return
  throw new SqlError(
    'Map keys, including types that contain maps, are not supported as they may lead to unexpected behavior ' +
      `due to inconsistent serialization. Key column name: ${quoteIdentifier(name)}. Column type: ${formatType(type)}. ` +
      'See https://github.com/confluentinc/ksql/issues/6621 for more.',
  )
}

function holdsMap(type: SqlType): boolean {
  switch (type.kind) {
    case 'MAP':
      return true
    case 'ARRAY':
      return holdsMap(type.element)
    case 'STRUCT':
      return type.fields.some((f) => holdsMap(f.type))
    default:
      return false
  }
}
