//! A histogram as Prometheus has it.

use prometheus::proto;

use crate::domain::Histogram;

/// The message of a histogram.
pub(super) fn to_proto(counted: &Histogram) -> proto::Histogram {
    let mut cumulative = 0;
    let mut buckets = Vec::new();
    for (bound, count) in counted.buckets() {
        cumulative += count;
        // The encoder writes the bucket `+Inf` by itself.
        if bound.is_finite() {
            let mut bucket = proto::Bucket::default();
            bucket.set_cumulative_count(cumulative);
            bucket.set_upper_bound(bound);
            buckets.push(bucket);
        }
    }
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(cumulative);
    histogram.set_sample_sum(counted.seconds());
    histogram
}
