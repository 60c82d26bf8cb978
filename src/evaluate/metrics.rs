//! What is measured, and how predictions add up to it.

use serde::Serialize;

/// Quality over all predictions. Shares and means are in 0..=1; `k` of 20 and 10 as named.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// Share of predictions with a hit in the first 20.
    #[serde(rename = "hr@20")]
    pub hr: f64,
    /// Mean of 1 / rank of the first hit, 0 past rank 20.
    #[serde(rename = "mrr@20")]
    pub mrr: f64,
    /// Normalised discounted cumulative gain of the first 10 (Järvelin & Kekäläinen 2002), binary relevance.
    #[serde(rename = "ndcg@10")]
    pub ndcg: f64,
    /// Mean share of the relevant items found in the first 20.
    #[serde(rename = "recall@20")]
    pub recall: f64,
    /// Share of the catalogue that was shown at least once.
    #[serde(rename = "coverage@20")]
    pub coverage: f64,
    /// Mean popularity of what was shown over that of what was taken: 1 is neutral, above is biased to the popular.
    pub popularity_bias: f64,
    /// Share of predictions with an empty slate.
    pub empty_rate: f64,
    /// Share of predictions that the fallback chain had to help with.
    pub degraded_rate: f64,
}

/// Time per recommendation, in microseconds, inside the process.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// One placement's evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The placement.
    pub placement: String,
    /// What was replayed, and which items were allowed.
    pub protocol: String,
    /// How many requests were replayed.
    pub predictions: usize,
    /// The quality.
    pub metrics: Metrics,
    /// The speed.
    pub latency_us: Latency,
}

/// One prediction: what was shown, what was right.
#[derive(Debug, Clone, Default)]
pub(super) struct Prediction {
    pub(super) shown: Vec<u32>,
    pub(super) relevant: Vec<u32>,
    pub(super) degraded: bool,
    pub(super) nanos: u64,
}

/// Adds predictions up. `popularity` is by item; an empty one leaves the bias at 0.
pub(super) fn summarise(predictions: &[Prediction], items: usize, popularity: &[f64]) -> (Metrics, Latency) {
    let mut sums = Metrics::default();
    let mut seen = vec![false; items];
    let (mut shown_popularity, mut shown_count) = (0.0, 0usize);
    let (mut taken_popularity, mut taken_count) = (0.0, 0usize);
    let known = |item: u32| popularity.get(item as usize).copied().unwrap_or(0.0);
    for prediction in predictions {
        let ranks: Vec<usize> = prediction
            .shown
            .iter()
            .take(20)
            .enumerate()
            .filter(|(_, item)| prediction.relevant.contains(item))
            .map(|(at, _)| at + 1)
            .collect();
        if let Some(first) = ranks.first() {
            sums.hr += 1.0;
            sums.mrr += 1.0 / *first as f64;
        }
        let gain = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
        let ideal: f64 = (1..=prediction.relevant.len().min(10)).map(gain).sum();
        // Against the best order that this many relevant items could have in ten.
        sums.ndcg += ranks.iter().filter(|rank| **rank <= 10).map(|rank| gain(*rank)).sum::<f64>() / ideal;
        sums.recall += ranks.len() as f64 / prediction.relevant.len() as f64;
        if prediction.shown.is_empty() {
            sums.empty_rate += 1.0;
        }
        if prediction.degraded {
            sums.degraded_rate += 1.0;
        }
        // Coverage and bias look as deep as the hit rate does, so that the figures are about the same slate.
        for item in prediction.shown.iter().take(20) {
            seen[*item as usize] = true;
            shown_popularity += known(*item);
            shown_count += 1;
        }
        for item in &prediction.relevant {
            taken_popularity += known(*item);
            taken_count += 1;
        }
    }
    let n = predictions.len().max(1) as f64;
    let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
    let taken = mean(taken_popularity, taken_count);
    let metrics = Metrics {
        hr: sums.hr / n,
        mrr: sums.mrr / n,
        ndcg: sums.ndcg / n,
        recall: sums.recall / n,
        coverage: seen.iter().filter(|seen| **seen).count() as f64 / items.max(1) as f64,
        // Without a popularity list there is nothing to compare with.
        popularity_bias: if taken > 0.0 { mean(shown_popularity, shown_count) / taken } else { 0.0 },
        empty_rate: sums.empty_rate / n,
        degraded_rate: sums.degraded_rate / n,
    };
    (metrics, latency(predictions))
}

fn latency(predictions: &[Prediction]) -> Latency {
    let mut nanos: Vec<u64> = predictions.iter().map(|prediction| prediction.nanos).collect();
    nanos.sort_unstable();
    let at = |share: f64| {
        // Nearest rank: a percentile is a time that was measured, not one between two.
        let rank = ((nanos.len() as f64 * share).ceil() as usize).clamp(1, nanos.len().max(1));
        nanos.get(rank - 1).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
    };
    Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_match_a_count_by_hand() {
        let prediction = |shown: &[u32], relevant: &[u32]| Prediction {
            shown: shown.to_vec(),
            relevant: relevant.to_vec(),
            ..Prediction::default()
        };
        let predictions =
            [prediction(&[4, 1, 2], &[1]), prediction(&[3, 2], &[2, 3, 0]), prediction(&[], &[4])];
        let (metrics, _) = summarise(&predictions, 5, &[1.0, 4.0, 1.0, 1.0, 1.0]);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(metrics.hr, 2.0 / 3.0);
        close(metrics.mrr, (0.5 + 1.0) / 3.0);
        let second = 1.0 / 3f64.log2();
        close(metrics.ndcg, (second + (1.0 + second) / (1.0 + second + 0.5)) / 3.0);
        close(metrics.recall, (1.0 + 2.0 / 3.0) / 3.0);
        close(metrics.coverage, 0.8);
        close(metrics.empty_rate, 1.0 / 3.0);
        close(metrics.popularity_bias, (8.0 / 5.0) / (8.0 / 5.0));
    }
}
