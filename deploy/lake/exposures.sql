-- Tables for Athena, over what `exposure.lake` and sinks of kind "parquet" write. Replace BUCKET and PREFIX. Partitions follow from
-- the path (partition projection), so that no crawler has to find them. A query should name days:
--
--   SELECT placement, count(*) FROM exposures WHERE dt BETWEEN '2026-11-20' AND '2026-11-26' GROUP BY placement;
CREATE EXTERNAL TABLE exposures (
  recommendation_id string,
  replica string,
  boot string,
  seq bigint,
  `time` timestamp,
  placement string,
  snapshot string,
  rules_version string,
  live_epoch bigint,
  clock timestamp,
  user_id string,
  visitor_id string,
  session_id string,
  level string,
  causes array<string>,
  skipped_stages array<string>,
  items int,
  item_id string,
  `rank` int,
  score float,
  source string,
  asked string
)
PARTITIONED BY (dt string, `hour` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/exposures/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/exposures/dt=${dt}/hour=${hour}/'
);

-- Events that callers recorded (`what = ["events"]`); one that was sent twice has the same event_id.
CREATE EXTERNAL TABLE events (
  event_id string,
  event_type string,
  `timestamp` timestamp,
  item_id string,
  user_id string,
  visitor_id string,
  session_id string,
  recommendation_id string,
  value double,
  quantity double,
  consent string,
  `set` string,
  unset string
)
PARTITIONED BY (dt string, `hour` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/events/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/events/dt=${dt}/hour=${hour}/'
);

-- Who is to be forgotten, and until when.
CREATE EXTERNAL TABLE forgotten (
  user_id string,
  visitor_id string,
  `time` timestamp
)
PARTITIONED BY (dt string, `hour` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/forgotten/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW+1DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/forgotten/dt=${dt}/hour=${hour}/'
);

-- Events less those who were forgotten since; for exposures, `time` instead of `timestamp`.
CREATE VIEW remembered_events AS
SELECT e.* FROM events e
WHERE NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.user_id = e.user_id AND e."timestamp" <= f."time")
  AND NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.visitor_id = e.visitor_id AND e."timestamp" <= f."time");

-- The objects that still have somebody in them, to be written anew without: they are plain files, which Athena cannot
-- change. In a table of a format that can (Iceberg), the same condition is that of a DELETE.
SELECT DISTINCT e."$path" FROM events e
JOIN forgotten f ON (f.user_id = e.user_id OR f.visitor_id = e.visitor_id) AND e."timestamp" <= f."time";
