// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${name} is how SQL writes a variable
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenize } from '../../src/sql/tokens.js'

const categories = (text: string): string[] => tokenize(text).map((t) => `${t.category} ${t.text}`)

test('every token has a category', () => {
  expect(categories("SELECT a, `b`, 'x' -- note\n FROM ${v} WHERE 1.5 >= .5e3 /* c */ é")).toEqual([
    'keyword SELECT',
    'identifier a',
    'operator ,',
    'identifier `b`',
    'operator ,',
    "string 'x'",
    'comment -- note',
    'keyword FROM',
    'variable ${v}',
    'keyword WHERE',
    'number 1.5',
    'operator >=',
    'number .5e3',
    'comment /* c */',
    'unknown é',
  ])
})

test('the longest reading of digits wins', () => {
  expect(categories('1e3 1e3x 1st 1.5 12 1.a')).toEqual([
    'number 1e3',
    'identifier 1e3x',
    'identifier 1st',
    'number 1.5',
    'number 12',
    'number 1.',
    'identifier a',
  ])
})

test('unclosed strings, names and comments keep their colour to the end', () => {
  expect(categories("a 'b c")).toEqual(['identifier a', "string 'b c"])
  expect(categories('`b c')).toEqual(['identifier `b c'])
  expect(categories('/* b')).toEqual(['comment /* b'])
})

test('tokens of any text lie in order and leave out white space only', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      let end = 0
      for (const token of tokenize(text)) {
        expect(text.slice(end, token.start).trim()).toBe('')
        expect(token.text).toBe(text.slice(token.start, token.end))
        expect(token.end).toBeGreaterThan(token.start)
        end = token.end
      }
      expect(text.slice(end).trim()).toBe('')
    }),
  )
})
