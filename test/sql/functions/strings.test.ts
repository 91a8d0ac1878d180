import { describe, expect, test } from 'vitest'
import { sqlTable, sqlValue } from './sql-value.js'

describe('text', () => {
  sqlTable([
    ['CHR(75)', 'K'],
    ['CHR(128512)', '😀'],
    ['CHR(-1)', 'null'],
    ["CHR('\\u004b')", 'K'],
    ["CHR('75')", 'null'],
    ["CONCAT('a', CAST(NULL AS STRING), 'b')", 'ab'],
    ["'a' || 'b'", 'ab'],
    ["CONCAT_WS(', ', 'a', CAST(NULL AS STRING), 'b')", 'a, b'],
    ["CONCAT_WS(CAST(NULL AS STRING), 'a', 'b')", 'null'],
    ["ELT(2, 'a', 'b')", 'b'],
    ["ELT(0, 'a', 'b')", 'null'],
    ["ELT(3, 'a', 'b')", 'null'],
    ["FIELD('b', 'a', 'b')", '2', 'INTEGER'],
    ["FIELD('c', 'a', 'b')", '0'],
    ["FIELD(CAST(NULL AS STRING), 'a')", '0'],
    ["INITCAP('the QUICK  fox')", 'The Quick  Fox'],
    ["INSTR('CORPORATE FLOOR', 'OR')", '2'],
    ["INSTR('CORPORATE FLOOR', 'OR', 3)", '5'],
    ["INSTR('CORPORATE FLOOR', 'OR', 3, 2)", '14'],
    ["INSTR('CORPORATE FLOOR', 'OR', -3)", '5'],
    ["INSTR('CORPORATE FLOOR', 'OR', -3, 2)", '2'],
    ["INSTR('CORPORATE FLOOR', 'XX')", '0'],
    ["INSTR(CAST(NULL AS STRING), 'XX')", '0'],
    ["LCASE('AbC')", 'abc'],
    ["UCASE('AbC')", 'ABC'],
    ["TRIM('  a b ')", 'a b'],
    ["LEN('abc')", '3'],
    ["LEN('😀')", '2'],
    ["LPAD('foo', 7, 'Bar')", 'BarBfoo'],
    ["RPAD('foo', 7, 'Bar')", 'fooBarB'],
    ["LPAD('foo', 2, 'Bar')", 'fo'],
    ["LPAD('foo', 7, '')", 'null'],
    ["RPAD('foo', -1, 'x')", 'null'],
    ["MD5('')", 'd41d8cd98f00b204e9800998ecf8427e'],
    ["REPLACE('foobar', 'o', '$&')", 'f$&$&bar'],
    ["SPLIT('a,,b,', ',')", '[a, , b, ]'],
    ["SPLIT('abc', '')", '[a, b, c]'],
    ["SPLIT('', '')", '[]'],
    ["SPLIT_TO_MAP('a:=1,b:=2,x,a:=3', ',', ':=')", '{a=3, b=2}'],
    ["SPLIT_TO_MAP('a:1', '', ':')", 'null'],
    ["SPLIT_TO_MAP('a:1', ':', ':')", 'null'],
    ["SUBSTRING('stream', 1, 4)", 'stre'],
    ["SUBSTRING('stream', 3)", 'ream'],
    ["SUBSTRING('stream', -3)", 'eam'],
    ["SUBSTRING('stream', -10, 2)", 'st'],
    ["SUBSTRING('stream', 0, 2)", 'st'],
    ["SUBSTRING('stream', 10)", ''],
    ["SUBSTRING('stream', 2, -1)", ''],
  ])

  test('SPLIT of the empty text by nothing is one empty part', () => {
    expect(sqlValue("ARRAY_LENGTH(SPLIT('', ''))").text).toBe('1')
  })

  test('UUID is random, of version 4', () => {
    const first = sqlValue('UUID()').text
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(sqlValue('UUID()').text).not.toBe(first)
  })
})

describe('bytes', () => {
  const hex = (sql: string): string => `FROM_BYTES(${sql}, 'hex')`
  const bytes = (text: string): string => `TO_BYTES('${text}', 'hex')`
  sqlTable([
    [hex(`CONCAT(${bytes('01')}, ${bytes('02')})`), '0102'],
    [hex(`CONCAT_WS(${bytes('ff')}, ${bytes('01')}, ${bytes('02')})`), '01FF02'],
    [`LEN(${bytes('010203')})`, '3'],
    [hex(`LPAD(${bytes('01')}, 4, ${bytes('aabb')})`), 'AABBAA01'],
    [hex(`RPAD(${bytes('0102')}, 1, ${bytes('aabb')})`), '01'],
    [hex(`SUBSTRING(${bytes('010203')}, 2)`), '0203'],
    [hex(`SUBSTRING(${bytes('010203')}, -2, 1)`), '02'],
    [`ARRAY_LENGTH(SPLIT(${bytes('01ff02ff')}, ${bytes('ff')}))`, '3'],
    [`UUID(${bytes('df7a1c3e5b6d4e8f9a0b1c2d3e4f5a6b')})`, 'df7a1c3e-5b6d-4e8f-9a0b-1c2d3e4f5a6b'],
    [`UUID(${bytes('df7a')})`, 'null'],
  ])
})

describe('encodings', () => {
  sqlTable([
    ["ENCODE('4578616d706C6521', 'hex', 'utf8')", 'Example!'],
    ["ENCODE('0x4578616d706C6521', 'hex', 'utf8')", 'Example!'],
    ["ENCODE('X''4578''', 'hex', 'ascii')", 'Ex'],
    ["ENCODE('Example!', 'utf8', 'hex')", '4578616d706c6521'],
    ["ENCODE('Example!', 'ascii', 'base64')", 'RXhhbXBsZSE='],
    ["ENCODE('RXhhbXBsZSE=', 'base64', 'hex')", '4578616d706c6521'],
    ["ENCODE('xyz', 'hex', 'utf8')", 'null'],
    ["ENCODE('x', 'utf8', 'utf8')", 'null'],
    ["ENCODE('x', 'utf8', 'latin1')", 'null'],
    ["TO_BYTES('YQ==', 'base64')", 'YQ=='],
    ["TO_BYTES('ä', 'ascii')", 'Pw=='],
    ["FROM_BYTES(TO_BYTES('ä', 'utf8'), 'hex')", 'C3A4'],
    ["INT_FROM_BYTES(TO_BYTES('00000102', 'hex'))", '258', 'INTEGER'],
    ["INT_FROM_BYTES(TO_BYTES('ffffffff', 'hex'))", '-1'],
    ["INT_FROM_BYTES(TO_BYTES('02010000', 'hex'), 'LITTLE_ENDIAN')", '258'],
    ["INT_FROM_BYTES(TO_BYTES('0102', 'hex'))", 'null'],
    ["INT_FROM_BYTES(TO_BYTES('00000102', 'hex'), 'MIDDLE_ENDIAN')", 'null'],
    ["BIGINT_FROM_BYTES(TO_BYTES('7fffffffffffffff', 'hex'))", '9223372036854775807', 'BIGINT'],
    ["DOUBLE_FROM_BYTES(TO_BYTES('3ff8000000000000', 'hex'))", '1.5', 'DOUBLE'],
  ])
})

describe('masks', () => {
  sqlTable([
    ["MASK('My Test $123')", 'Xx-Xxxx--nnn'],
    ["MASK('My Test $123', '*', '-', '!', '_')", '*-_*---__!!!'],
    ["MASK('My Test $123', CAST(NULL AS STRING), CAST(NULL AS STRING), '1', '_')", 'My_Test__111'],
    ["MASK('ab', 'XX', 'x', 'n', '-')", 'null'],
    ["MASK_LEFT('My Test $123', 4)", 'Xx-Xest $123'],
    ["MASK_RIGHT('My Test $123', 4)", 'My Test -nnn'],
    ["MASK_KEEP_LEFT('My Test $123', 4)", 'My Txxx--nnn'],
    ["MASK_KEEP_RIGHT('My Test $123', 4)", 'Xx-Xxxx-$123'],
    ["MASK_LEFT('abc', 10)", 'xxx'],
    ["MASK_LEFT('abc', -1)", 'null'],
    ["MASK_RIGHT('abc', 2, 'X', '*', 'n', '-')", 'a**'],
  ])
})

describe('regular expressions', () => {
  sqlTable([
    ["REGEXP_EXTRACT('(.*) (.*)', 'hello there', 2)", 'there'],
    ["REGEXP_EXTRACT('ell', 'hello')", 'ell'],
    ["REGEXP_EXTRACT('x', 'hello')", 'null'],
    ["REGEXP_EXTRACT('(.*)', 'hello', 3)", 'null'],
    ["REGEXP_EXTRACT('(?i)ELL', 'hello')", 'ell'],
    ["REGEXP_EXTRACT('(', 'hello')", 'null'],
    ["REGEXP_EXTRACT_ALL('(\\w+) (\\w+)', 'a b, c d', 2)", '[b, d]'],
    ["REGEXP_EXTRACT_ALL('x', 'abc')", '[]'],
    ["REGEXP_EXTRACT_ALL('x', 'abc', 1)", 'null'],
    ["REGEXP_REPLACE('foobar', 'o+(b)', '<$1>')", 'f<b>ar'],
    ["REGEXP_REPLACE('aXbX', '\\QX\\E', '\\$')", 'a$b$'],
    ["REGEXP_REPLACE('abc', '\\p{Lower}', '-')", '---'],
    ["REGEXP_REPLACE('abc', 'b', '$5')", 'null'],
    ["REGEXP_SPLIT_TO_ARRAY('a1b22c', '[0-9]')", '[a, b, , c]'],
    ["REGEXP_SPLIT_TO_ARRAY('abc', '')", '[a, b, c]'],
    ["REGEXP_SPLIT_TO_ARRAY('aab', '(a|b)')", '[, , , ]'],
  ])
})

describe('URLs', () => {
  const url = "'https://user@docs.example.com:8080/a%20b/c.html?x=1&y=a%26b&z#frag%20ment'"
  sqlTable([
    ["URL_ENCODE_PARAM('a b&c=ä*~')", 'a+b%26c%3D%C3%A4*%7E'],
    ["URL_DECODE_PARAM('a+b%26c%3D%C3%A4')", 'a b&c=ä'],
    ["URL_DECODE_PARAM('%zz')", 'null'],
    [`URL_EXTRACT_FRAGMENT(${url})`, 'frag ment'],
    [`URL_EXTRACT_HOST(${url})`, 'docs.example.com'],
    [`URL_EXTRACT_PATH(${url})`, '/a b/c.html'],
    [`URL_EXTRACT_PORT(${url})`, '8080', 'INTEGER'],
    [`URL_EXTRACT_PROTOCOL(${url})`, 'https'],
    [`URL_EXTRACT_QUERY(${url})`, 'x=1&y=a&b&z'],
    [`URL_EXTRACT_PARAMETER(${url}, 'x')`, '1'],
    [`URL_EXTRACT_PARAMETER(${url}, 'z')`, ''],
    [`URL_EXTRACT_PARAMETER(${url}, 'w')`, 'null'],
    ["URL_EXTRACT_PORT('http://a.example/')", 'null'],
    ["URL_EXTRACT_HOST('http://a b/')", 'null'],
    ["URL_EXTRACT_PATH('mailto:a@b.example')", 'null'],
  ])
})
