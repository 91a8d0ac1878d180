import { expect, it } from 'vitest'
import { ForebayError } from '../../src/common/index.js'
import { CorruptRecordError, isKafkaError, KafkaError, kafkaErrors } from '../../src/log/index.js'

it('every error has a code of its own and says something', () => {
  const rows = Object.values(kafkaErrors)
  expect(new Set(rows.map(([code]) => code)).size).toBe(rows.length)
  for (const [, , text] of rows) expect(text.length).toBeGreaterThan(5)
})

it("an error carries Kafka's name, its number, and whether a repetition can succeed", () => {
  const error = new KafkaError('REQUEST_TIMED_OUT', 'no answer in 30 s', { cause: 'x' })
  expect(error).toMatchObject({ code: 'REQUEST_TIMED_OUT', errorCode: 7, retriable: true, cause: 'x' })
  expect(error.message).toBe('no answer in 30 s')
  expect(error).toBeInstanceOf(ForebayError)
  expect(new KafkaError('INVALID_CONFIG').retriable).toBe(false)
  expect(isKafkaError(error, 'REQUEST_TIMED_OUT')).toBe(true)
  expect(isKafkaError(error, 'INVALID_CONFIG')).toBe(false)
})

it('damage says where it lies, and does not go away by trying again', () => {
  const error = new CorruptRecordError('no batch', { file: 'a/b.log', position: 12 })
  expect(error.message).toBe('damaged record batch in a/b.log at position 12: no batch')
  expect(error).toMatchObject({ errorCode: 2, retriable: false, file: 'a/b.log', position: 12 })
})
