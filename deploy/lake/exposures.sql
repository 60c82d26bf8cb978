-- The table of exposures for Athena, over what `exposure.lake` writes. Replace BUCKET and PREFIX. Partitions follow from
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
