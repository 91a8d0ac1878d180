import { describe } from 'vitest'
import { sqlTable } from './sql-value.js'

// The clock of these tests stands at 2020-02-29T12:34:56.789Z, the default zone is Europe/London.

describe('conversions', () => {
  sqlTable([
    ['UNIX_DATE()', '18321', 'INTEGER'],
    ["UNIX_DATE(PARSE_DATE('1970-01-05', 'yyyy-MM-dd'))", '4'],
    ['UNIX_TIMESTAMP()', '1582979696789', 'BIGINT'],
    ['UNIX_TIMESTAMP(FROM_UNIXTIME(5))', '5'],
    ['FROM_DAYS(-1)', '1969-12-31', 'DATE'],
    ['FROM_UNIXTIME(1)', '1970-01-01T00:00:00.001', 'TIMESTAMP'],
  ])
})

describe('parsing', () => {
  sqlTable([
    ["PARSE_DATE('29-Feb-2020', 'dd-MMM-yyyy')", '2020-02-29', 'DATE'],
    ["PARSE_DATE('29-FEB-20', 'd-MMM-yy')", '2020-02-29'],
    ["PARSE_DATE('20200229', 'yyyyMMdd')", '2020-02-29'],
    ["PARSE_DATE('2020-060', 'yyyy-DDD')", '2020-02-29'],
    ["PARSE_DATE('2020-02', 'yyyy-MM')", '2020-02-01'],
    ["PARSE_DATE('2020-02-29 10', 'yyyy-MM-dd HH')", 'null'],
    ["PARSE_DATE('2020/02/29', 'yyyy-MM-dd')", 'null'],
    ["PARSE_DATE('2020-02-29', 'nonsense')", 'null'],
    ["PARSE_DATE('Saturday, 29 February 2020', 'EEEE, d MMMM yyyy')", '2020-02-29'],
    ["PARSE_TIME('23:59', 'HH:mm')", '23:59:00.000', 'TIME'],
    ["PARSE_TIME('01:02:03.045 pm', 'hh:mm:ss.SSS a')", '13:02:03.045'],
    ["PARSE_TIME('235901', 'HHmmss')", '23:59:01.000'],
    ["PARSE_TIME('25:00', 'HH:mm')", 'null'],
    ["PARSE_TIME('2020 10:00', 'yyyy HH:mm')", 'null'],
    ["PARSE_TIMESTAMP('2020-02-29 12:34:56', 'yyyy-MM-dd HH:mm:ss')", '2020-02-29T12:34:56.000', 'TIMESTAMP'],
    ["PARSE_TIMESTAMP('2020-02-29T12:34:56+02:00', 'yyyy-MM-dd''T''HH:mm:ssXXX')", '2020-02-29T10:34:56.000'],
    ["PARSE_TIMESTAMP('2020-02-29T12:34:56Z', 'yyyy-MM-dd''T''HH:mm:ssX')", '2020-02-29T12:34:56.000'],
    [
      "PARSE_TIMESTAMP('2020-07-01 00:00', 'yyyy-MM-dd HH:mm', 'America/New_York')",
      '2020-07-01T04:00:00.000',
    ],
    ["PARSE_TIMESTAMP('2020-07-01 00:00 PST', 'yyyy-MM-dd HH:mm zzz')", '2020-07-01T07:00:00.000'],
    ["PARSE_TIMESTAMP('2020-07-01 00:00 Asia/Tokyo', 'yyyy-MM-dd HH:mm VV')", '2020-06-30T15:00:00.000'],
    ["PARSE_TIMESTAMP('12:30', 'HH:mm')", '1970-01-01T12:30:00.000'],
    ["PARSE_TIMESTAMP('20200229123456789', 'yyyyMMddHHmmssSSS')", '2020-02-29T12:34:56.789'],
    ["PARSE_TIMESTAMP('2021-02-30', 'yyyy-MM-dd')", '2021-02-28T00:00:00.000'],
    ["PARSE_TIMESTAMP('2021-02-32', 'yyyy-MM-dd')", 'null'],
    ["PARSE_TIMESTAMP('2020-02-29', 'yyyy-MM-dd', 'Mars/Olympus')", 'null'],
    ["PARSE_TIMESTAMP('2020-02-29', 'yyyy-MM-dd[ HH:mm]')", '2020-02-29T00:00:00.000'],
    ["STRINGTODATE('2020-02-29', 'yyyy-MM-dd')", '18321', 'INTEGER'],
    ["STRINGTOTIMESTAMP('2020-07-01', 'yyyy-MM-dd')", '1593558000000', 'BIGINT'],
    ["STRINGTOTIMESTAMP('2020-07-01', 'yyyy-MM-dd', 'UTC')", '1593561600000'],
  ])
})

describe('formatting', () => {
  const at = (text: string): string => `CAST('${text}' AS TIMESTAMP)`
  const leap = at('2020-02-29T12:34:56.789')
  sqlTable([
    ["FORMAT_DATE(FROM_DAYS(18321), 'dd/MM/yyyy')", '29/02/2020', 'STRING'],
    ["FORMAT_DATE(FROM_DAYS(18321), 'EEE, d MMM yy')", 'Sat, 29 Feb 20'],
    ["FORMAT_DATE(FROM_DAYS(18321), 'D QQQ ''it''''s''')", "60 Q1 it's"],
    ["FORMAT_DATE(FROM_DAYS(18321), 'HH:mm')", 'null'],
    ["FORMAT_DATE(FROM_DAYS(18321), 'G')", 'AD'],
    ["FORMAT_TIME(PARSE_TIME('13:02:03', 'HH:mm:ss'), 'h:mm a')", '1:02 PM'],
    ["FORMAT_TIME(PARSE_TIME('00:00', 'HH:mm'), 'hh k K')", '12 24 0'],
    ["FORMAT_TIME(PARSE_TIME('00:00', 'HH:mm'), 'yyyy')", 'null'],
    [`FORMAT_TIMESTAMP(${leap}, 'yyyy-MM-dd HH:mm:ss.SSS')`, '2020-02-29 12:34:56.789'],
    [`FORMAT_TIMESTAMP(${leap}, 'yyyy-MM-dd HH:mm:ss.SSSSSS')`, '2020-02-29 12:34:56.789000'],
    [`FORMAT_TIMESTAMP(${leap}, 'HH:mm xxx', '+05:30')`, '18:04 +05:30'],
    [`FORMAT_TIMESTAMP(${leap}, 'X')`, 'Z'],
    [`FORMAT_TIMESTAMP(${leap}, 'Z OOOO', 'America/New_York')`, '-0500 GMT-05:00'],
    [`FORMAT_TIMESTAMP(${at('2020-07-01')}, 'HH:mm zzz', 'Europe/London')`, '01:00 BST'],
    [`FORMAT_TIMESTAMP(${at('2020-01-01')}, 'zzz', 'America/Los_Angeles')`, 'PST'],
    [`FORMAT_TIMESTAMP(${at('2020-01-01')}, 'zzzz', 'America/Los_Angeles')`, 'Pacific Standard Time'],
    [`FORMAT_TIMESTAMP(${leap}, 'yyyy', 'Mars/Olympus')`, 'null'],
    ["DATETOSTRING(18321, 'yyyy-MM-dd')", '2020-02-29'],
    ["TIMESTAMPTOSTRING(1593561600000, 'HH:mm')", '01:00'],
    ["TIMESTAMPTOSTRING(1593561600000, 'HH:mm', 'UTC')", '00:00'],
  ])
})

describe('arithmetic', () => {
  const date = "PARSE_DATE('2020-02-29', 'yyyy-MM-dd')"
  const time = "PARSE_TIME('23:00', 'HH:mm')"
  const timestamp = "CAST('2020-02-29T23:00:00' AS TIMESTAMP)"
  sqlTable([
    [`DATEADD(DAYS, 1, ${date})`, '2020-03-01', 'DATE'],
    [`DATEADD(HOURS, 47, ${date})`, '2020-03-01'],
    [`DATESUB(DAY, 60, ${date})`, '2019-12-31'],
    [`DATEADD(DAYS, CAST(NULL AS INT), ${date})`, 'null'],
    [`TIMEADD(HOURS, 2, ${time})`, '01:00:00.000', 'TIME'],
    [`TIMESUB(DAYS, 2, ${time})`, '23:00:00.000'],
    [`TIMESTAMPADD(MINUTES, 61, ${timestamp})`, '2020-03-01T00:01:00.000', 'TIMESTAMP'],
    [`TIMESTAMPSUB(MILLISECONDS, 1, ${timestamp})`, '2020-02-29T22:59:59.999'],
    [`CONVERT_TZ(${timestamp}, 'America/Los_Angeles', 'UTC')`, '2020-03-01T07:00:00.000'],
    [`CONVERT_TZ(${timestamp}, '+0200', '+0500')`, '2020-03-01T02:00:00.000'],
    [`CONVERT_TZ(${timestamp}, 'nowhere', 'UTC')`, 'null'],
  ])
})
