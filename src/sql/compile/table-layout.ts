import {
  blobLayout,
  type GeneratedColumn,
  quotedName,
  type SqliteValue,
  type TableColumn,
  type TableIndex,
  type TableLayout,
} from '../../state/index.js'
import { rowClass } from '../formats/row-class.js'
import { SqlTypes } from '../types.js'
import { Bindings, instantiate } from './bindings.js'
import { type ColumnCodec, columnCodec } from './column-codec.js'
import { keyLayout } from './key-layout.js'
import { ColumnNames, tableNameOf } from './sqlite-names.js'
import {
  type StoredColumn,
  type StoredTable,
  type StoredValues,
  storedColumn,
  type TableShape,
  type ValueColumn,
} from './stored-table.js'

/*
 * The SQLite table of a SQL table: one typed column for each of its columns.
 *
 *     "CUSTOMER_ID" TEXT │ "N" INTEGER │ "TOTAL" ANY │ "AVERAGE" ANY │ "AVERAGE#state" TEXT │ rowtime
 *      primary key         results, made from the state when it is written   what else the state needs
 *
 * Keys that cannot be a primary key of SQLite's lie in a BLOB `__key`, their columns beside it.
 */

/** SQLite's bound on columns is 2000; some are the store's own. */
const COLUMNS_MAX = 1900

/** Null for tables with more columns than SQLite takes. */
export function typedTable(
  shape: TableShape,
): { readonly layout: TableLayout<unknown, unknown>; readonly table: StoredTable } | null {
  const { values, kind, key } = shape
  if (key.length + values.columns.length + values.hidden.length + values.copies.length > COLUMNS_MAX)
    return null
  const names = new ColumnNames(kind === 'key-value' ? ['rowtime'] : ['rowtime', 'windowstart', 'windowend'])
  const blob = blobLayout(shape.keySerde, shape.valueSerde)
  const keys = keyLayout(shape, blob, names)
  const bounds = windowBounds(shape)
  const made = [...keys.copies, ...values.columns, ...values.hidden].map((c) => ({
    column: { ...c, name: names.allot(c.name) },
    codec: columnCodec(c.type),
    sqlName: c.name,
  }))
  const stored = new Map<string, StoredColumn>(keys.columns)
  for (const [name, column] of bounds.columns) stored.set(name, column)
  made.forEach(({ column, codec, sqlName }, i) => {
    if (i < keys.copies.length + values.columns.length) stored.set(sqlName, storedColumn(column.name, codec))
  })
  const generated: GeneratedColumn[] = [...bounds.generated]
  for (const copy of values.copies) {
    const original = stored.get(copy.of)
    if (original === undefined) continue
    const name = names.allot(copy.name)
    const codec = columnCodec(copy.type)
    generated.push({ name, type: codec.column.type, expression: quotedName(original.name) })
    stored.set(copy.name, storedColumn(name, codec))
  }
  const visible = values.visible === null ? null : made.find((m) => m.sqlName === values.visible)!.column.name
  const indexes = () => indexesOver(stored, shape.indexes())
  const layout: TableLayout<unknown, unknown> = {
    keyColumns: keys.keyColumns,
    valueColumns: made.map(({ column, codec }) => tableColumn(column, codec)),
    ...(generated.length === 0 ? {} : { generatedColumns: generated }),
    tableName: tableNameOf(shape.name),
    indexes,
    rebuildsOnChange: true,
    isIdentityOrdered: keys.isIdentityOrdered,
    encodeKey: keys.encodeKey,
    decodeKey: keys.decodeKey,
    identity: blob.identity,
    compareKeys: keys.compareKeys,
    encodeValue: valueEncoder(made, values),
    decodeValue: valueDecoder(
      made.map((m) => m.codec),
      keys.copies.length,
      values,
    ),
  }
  return {
    layout,
    table: {
      columns: stored,
      indexes,
      condition: visible === null ? null : `${quotedName(visible)} = 1`,
    },
  }
}

function tableColumn(column: { name: string; origin?: string }, codec: ColumnCodec): TableColumn {
  return {
    ...codec.column,
    name: column.name,
    ...(column.origin === undefined ? {} : { origin: column.origin }),
  }
}

/** Columns that an index names and the table does not have (they are computed) make no index. */
function indexesOver(
  stored: ReadonlyMap<string, StoredColumn>,
  indexes: readonly TableIndex[],
): TableIndex[] {
  return indexes.flatMap(({ name, columns }) => {
    const found = columns.map((column) => stored.get(column)?.name)
    return found.every((column) => column !== undefined) ? [{ name, columns: found }] : []
  })
}

/** Columns that the stores have of their own. A window of fixed size knows its end from its start. */
function windowBounds({ kind, window }: TableShape): {
  readonly columns: readonly (readonly [string, StoredColumn])[]
  readonly generated: readonly GeneratedColumn[]
} {
  const own = (name: string) => storedColumn(name, columnCodec(SqlTypes.INTEGER))
  const rowtime = ['ROWTIME', own(kind === 'session' ? 'windowend' : 'rowtime')] as const
  if (kind === 'key-value') return { columns: [rowtime], generated: [] }
  const columns = [rowtime, ['WINDOWSTART', own('windowstart')], ['WINDOWEND', own('windowend')]] as const
  if (kind === 'session') return { columns, generated: [] }
  const expression = `min("windowstart" + ${window!.sizeMs}, ${Number.MAX_SAFE_INTEGER})`
  return { columns, generated: [{ name: 'windowend', type: 'INTEGER', expression }] }
}

interface MadeColumn {
  readonly column: ValueColumn
  readonly codec: ColumnCodec
}

function valueEncoder(
  made: readonly MadeColumn[],
  { bindings, prologue }: StoredValues,
): (value: unknown, key: unknown) => SqliteValue[] {
  const items = made.map(({ column, codec }, i) => {
    if (codec.encode === null) return column.source
    const encode = bindings.bind(codec.encode)
    return `((v${i} = ${column.source}) === null ? null : ${encode}(v${i}))`
  })
  const temporaries = made.flatMap(({ codec }, i) => (codec.encode === null ? [] : [`v${i}`]))
  const declared = temporaries.length === 0 ? '' : `let ${temporaries.join(', ')}\n`
  return instantiate(['value', 'key'], `${prologue}\n${declared}return [${items.join(', ')}]`, bindings)
}

function valueDecoder(
  codecs: readonly ColumnCodec[],
  offset: number,
  { fields, row }: StoredValues,
): (row: readonly SqliteValue[]) => unknown {
  const bindings = new Bindings()
  const Row = bindings.bind(rowClass(row))
  const items = fields.map((place) => {
    const at = place + offset
    const { decode } = codecs[at]!
    return decode === null
      ? `row[${at}]`
      : `(row[${at}] === null ? null : ${bindings.bind(decode)}(row[${at}]))`
  })
  return instantiate(['row'], `return new ${Row}(${items.join(', ')})`, bindings)
}
