//! Exposures as columns, a row for each impression.
//!
//! Rows of impressions and not exposures with lists of them: every engine groups and joins plain columns without
//! unnesting, and what repeats along a slate takes next to nothing once it is encoded. Only `asked`, which is long, is
//! on the first row of its exposure alone.

use super::super::super::shown::Shown;
use super::rows::Rows;
use crate::artifact::table::{TableError, TableStream};
use arrow_array::builder::{
    Float32Builder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder,
};

/// Rows under way.
#[derive(Debug, Default)]
pub(super) struct ShownRows {
    recommendation_id: StringBuilder,
    replica: StringBuilder,
    boot: StringBuilder,
    seq: Int64Builder,
    time: TimestampMillisecondBuilder,
    placement: StringBuilder,
    snapshot: StringBuilder,
    rules_version: StringBuilder,
    live_epoch: Int64Builder,
    clock: TimestampMillisecondBuilder,
    user_id: StringBuilder,
    visitor_id: StringBuilder,
    session_id: StringBuilder,
    level: StringBuilder,
    causes: ListBuilder<StringBuilder>,
    skipped_stages: ListBuilder<StringBuilder>,
    items: Int32Builder,
    item_id: StringBuilder,
    rank: Int32Builder,
    score: Float32Builder,
    source: StringBuilder,
    asked: StringBuilder,
}

impl Rows for ShownRows {
    type Record = Shown;

    /// Adds the rows of an exposure.
    fn add(&mut self, shown: &Shown) {
        for (at, item) in shown.impressions.iter().enumerate() {
            self.add_exposure(shown);
            self.items.append_value(shown.impressions.len() as i32);
            self.item_id.append_value(&item.item_id);
            self.rank.append_value(item.rank);
            self.score.append_option(item.score);
            self.source.append_value(&item.source);
            self.asked.append_option(shown.asked.as_ref().filter(|_| at == 0).map(|asked| asked.get()));
        }
    }

    /// Writes the rows.
    fn write(mut self, table: &mut TableStream<Vec<u8>>) -> Result<(), TableError> {
        // Whether a column may be null is said by its kind and not by its rows: all files have one schema.
        table
            .batch()
            .column("recommendation_id", self.recommendation_id.finish())
            .column("replica", self.replica.finish())
            .column("boot", self.boot.finish())
            .column("seq", self.seq.finish())
            .column("time", self.time.finish().with_timezone("UTC"))
            .column("placement", self.placement.finish())
            .column("snapshot", self.snapshot.finish())
            .column("rules_version", self.rules_version.finish())
            .column("live_epoch", self.live_epoch.finish())
            .nullable_column("clock", self.clock.finish().with_timezone("UTC"))
            .nullable_column("user_id", self.user_id.finish())
            .nullable_column("visitor_id", self.visitor_id.finish())
            .nullable_column("session_id", self.session_id.finish())
            .column("level", self.level.finish())
            .column("causes", self.causes.finish())
            .column("skipped_stages", self.skipped_stages.finish())
            .column("items", self.items.finish())
            .column("item_id", self.item_id.finish())
            .column("rank", self.rank.finish())
            .nullable_column("score", self.score.finish())
            .column("source", self.source.finish())
            .nullable_column("asked", self.asked.finish())
            .write()
    }
}

impl ShownRows {
    /// Adds the part of a row that all rows of an exposure share.
    fn add_exposure(&mut self, shown: &Shown) {
        self.recommendation_id.append_value(&shown.recommendation_id);
        self.replica.append_value(&shown.replica);
        self.boot.append_value(&shown.boot);
        self.seq.append_value(shown.seq);
        self.time.append_value(shown.time_ms);
        self.placement.append_value(&shown.placement);
        self.snapshot.append_value(&shown.snapshot);
        self.rules_version.append_value(&shown.rules_version);
        self.live_epoch.append_value(shown.live_epoch);
        self.clock.append_option(shown.clock_ms);
        self.user_id.append_option(shown.user_id.as_ref());
        self.visitor_id.append_option(shown.visitor_id.as_ref());
        self.session_id.append_option(shown.session_id.as_ref());
        self.level.append_value(&shown.level);
        append_list(&mut self.causes, &shown.causes);
        append_list(&mut self.skipped_stages, &shown.skipped_stages);
    }
}

fn append_list(column: &mut ListBuilder<StringBuilder>, texts: &[String]) {
    for text in texts {
        column.values().append_value(text);
    }
    column.append(true);
}
