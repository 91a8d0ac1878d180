-- Three months of US flights, joined with their airports.
--
-- The loader writes two topics: `flights` (4 partitions, key = origin, event time = departure) and `airports`
-- (compacted, key = iata). Everything below is continuous: each query writes a topic that the next ones read on.

CREATE STREAM IF NOT EXISTS flights (
  origin STRING KEY,
  destination STRING,
  date STRING,
  delay INT,
  distance INT
) WITH (KAFKA_TOPIC = 'flights', VALUE_FORMAT = 'JSON');

CREATE TABLE IF NOT EXISTS airports (
  iata STRING PRIMARY KEY,
  name STRING,
  city STRING,
  state STRING,
  country STRING,
  latitude DOUBLE,
  longitude DOUBLE
) WITH (KAFKA_TOPIC = 'airports', VALUE_FORMAT = 'JSON');

-- Late departures, with the airport they left from.
CREATE STREAM IF NOT EXISTS delayed_flights AS
  SELECT f.origin, a.city AS city, a.state AS state, f.destination AS destination, f.delay AS delay
  FROM flights f
  JOIN airports a ON f.origin = a.iata
  WHERE f.delay > 15
  EMIT CHANGES;

-- Every airport's day: a window closes one hour after midnight, and stays readable for four months.
CREATE TABLE IF NOT EXISTS delays_by_day AS
  SELECT origin, COUNT(*) AS flights, AVG(delay) AS mean_delay, MAX(delay) AS worst_delay
  FROM flights
  WINDOW TUMBLING (SIZE 1 DAY, RETENTION 120 DAYS, GRACE PERIOD 1 HOUR)
  GROUP BY origin
  EMIT CHANGES;

-- By state: the grouping is another key, so the rows travel through a repartition topic.
CREATE TABLE IF NOT EXISTS delays_by_state AS
  SELECT a.state AS state, COUNT(*) AS flights, AVG(f.delay) AS mean_delay, MAX(f.delay) AS worst_delay
  FROM flights f
  JOIN airports a ON f.origin = a.iata
  GROUP BY a.state
  EMIT CHANGES;

-- Live: every change of the windowed table, until Ctrl-C.
SELECT origin, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd') AS day, flights, mean_delay, worst_delay
FROM delays_by_day
EMIT CHANGES;

-- The rows as they are now, by key and over all keys.
SELECT * FROM delays_by_state WHERE state = 'CA';
SELECT * FROM delays_by_state;
