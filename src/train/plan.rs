//! Everything that training can be told.

use super::als::AlsOptions;
use super::rules::{RuleKind, RuleOptions};
use crate::index::FoldInParams;

/// Everything that training can be told; the tuner tries some of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainPlan {
    /// Neighbours kept per item in each item-to-item table. More of them let filters take some away; memory grows with
    /// them.
    pub neighbors: usize,
    /// After how many days a session counts half in the rules; `None`: never.
    pub rule_half_life_days: Option<f64>,
    /// The most steps between two items of a sequential rule.
    pub sequence_window: usize,
    /// After how many days an event counts half in popularity.
    pub popularity_half_life_days: f64,
    /// After how many days a purchase counts half in the repurchase list.
    pub buy_again_half_life_days: f64,
    /// Items kept per popularity segment.
    pub segment_items: usize,
    /// Matrix factorisation.
    pub als: AlsOptions,
    /// EASE^R's λ.
    pub ease_regularization: f64,
    /// EASE^R is built for catalogues up to this many items. Its time grows with the cube of the number, its memory
    /// with the square: 6,000 items take 0.3 GB.
    pub ease_max_items: usize,
    /// The most recent sessions kept for session kNN.
    pub max_sessions: usize,
    /// Items kept per user in the history and the repurchase list.
    pub user_items: usize,
}

impl Default for TrainPlan {
    fn default() -> Self {
        Self {
            neighbors: 100,
            rule_half_life_days: None,
            sequence_window: 5,
            popularity_half_life_days: 30.0,
            buy_again_half_life_days: 180.0,
            segment_items: 200,
            als: AlsOptions {
                width: 64,
                rounds: 12,
                params: FoldInParams { alpha: 10.0, regularization: 5.0 },
                seed: 1,
            },
            ease_regularization: 200.0,
            ease_max_items: 6000,
            max_sessions: 2_000_000,
            user_items: 500,
        }
    }
}

impl TrainPlan {
    /// How items that occur together are counted.
    pub fn together_rules(&self) -> RuleOptions {
        RuleOptions {
            kind: RuleKind::Together,
            window: usize::MAX,
            by_distance: false,
            half_life_days: self.rule_half_life_days,
            keep: self.neighbors,
            popularity_exponent: 0.0,
        }
    }

    /// How items that follow each other are counted.
    pub fn sequential_rules(&self) -> RuleOptions {
        RuleOptions {
            kind: RuleKind::Sequence,
            window: self.sequence_window,
            by_distance: true,
            ..self.together_rules()
        }
    }
}
