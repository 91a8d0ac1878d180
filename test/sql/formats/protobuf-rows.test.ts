import { expect, it } from 'vitest'
import { SqlError } from '../../../src/sql/errors.js'
import { protobufRows } from '../../../src/sql/formats/index.js'
import { SqlTypes } from '../../../src/sql/types.js'

it('rows of a result are messages of a schema that goes before them', () => {
  const rows = protobufRows([
    { name: 'ID', type: SqlTypes.INTEGER },
    { name: 'NAME', type: SqlTypes.STRING },
  ])
  expect(rows.protoSchema).toBe(
    'syntax = "proto3";\n\nmessage ConnectDefault1 {\n  int32 ID = 1;\n  string NAME = 2;\n}\n',
  )
  expect(rows.encode([3, 'pen'])).toEqual(Buffer.from([0x08, 3, 0x12, 3, ...Buffer.from('pen')]))
  expect(rows.encode([null, null])).toEqual(Buffer.alloc(0))
})

it('columns that a message cannot have are refused', () => {
  const map = SqlTypes.map(SqlTypes.INTEGER, SqlTypes.STRING)
  expect(() => protobufRows([{ name: 'M', type: map }])).toThrow(SqlError)
})
