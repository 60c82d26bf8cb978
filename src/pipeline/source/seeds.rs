//! Which items of a request a source looks from, and how much each of them counts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{ItemIdx, SeedRole};
use crate::live::recent::ActionKind;
use crate::pipeline::{BuildError, Context, QuerySeed, SessionItem, Signals};

/// Which items of the request a source looks from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LookFrom {
    /// The seeds, or the newest session item where there is none.
    #[default]
    Seeds,
    /// Everything in this session, the seeds last.
    Session,
    /// What the user had to do with in earlier sessions.
    History,
}

/// How much an item that is looked from counts by what the subject did with it, beside the weight that the request
/// gives it.
#[derive(Debug, Clone)]
pub(super) struct ItemWeights {
    in_cart: f32,
    purchased: f32,
    liked: f32,
    viewing: f32,
    /// By event type, as clients write it. Empty: all count 1, and no text is compared.
    events: Vec<(String, f32)>,
}

/// A role as recipes write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleName {
    Viewing,
    #[serde(alias = "cart")]
    InCart,
    Purchased,
    Liked,
}

/// The largest weight, here as in a request. Weights are relative to one another, so that more would say nothing but
/// cost the precision of the smaller ones.
const MOST: f32 = 1e6;

impl Default for ItemWeights {
    /// As the trainer of `popularity` counts the events that these roles stand for: a view 1, a cart 2, a purchase 4.
    fn default() -> Self {
        Self { viewing: 1.0, in_cart: 2.0, purchased: 4.0, liked: 2.0, events: Vec::new() }
    }
}

impl ItemWeights {
    /// The default weights with those of a recipe in their place.
    pub(super) fn new(
        roles: &BTreeMap<RoleName, f32>,
        events: &BTreeMap<String, f32>,
    ) -> Result<Self, BuildError> {
        let mut weights = Self::default();
        for (role, weight) in roles {
            let place = match role {
                RoleName::Viewing => &mut weights.viewing,
                RoleName::InCart => &mut weights.in_cart,
                RoleName::Purchased => &mut weights.purchased,
                RoleName::Liked => &mut weights.liked,
            };
            *place = check("role_weights", *weight)?;
        }
        for (event, weight) in events {
            weights.events.push((event.clone(), check("event_weights", *weight)?));
        }
        Ok(weights)
    }

    /// Whether any item of the request's session counts otherwise than the others may.
    pub(super) fn matter(&self, ctx: &Context<'_>) -> bool {
        ctx.query.seeds.iter().any(|seed| self.seed(seed) != 1.0)
            || (!self.events.is_empty() && !ctx.query.session.is_empty())
    }

    fn seed(&self, seed: &QuerySeed) -> f32 {
        let by_role = match seed.role {
            SeedRole::Viewing => self.viewing,
            SeedRole::InCart => self.in_cart,
            SeedRole::Purchased => self.purchased,
            SeedRole::Liked => self.liked,
            SeedRole::Disliked => 0.0,
        };
        by_role * seed.weight
    }

    fn session_item(&self, entry: &SessionItem, ctx: &Context<'_>) -> f32 {
        let seed = entry.seed.and_then(|at| ctx.query.seeds.get(at as usize));
        let by_seed = seed.map_or(1.0, |seed| self.seed(seed));
        if self.events.is_empty() {
            return by_seed;
        }
        let event = entry.event.and_then(|at| ctx.request.session_events.get(at as usize));
        let name = event.and_then(|event| event.event_type.as_deref());
        let name = name.or(entry.action.map(ActionKind::as_str));
        by_seed * name.map_or(1.0, |name| self.event(name))
    }

    fn event(&self, name: &str) -> f32 {
        let known = self.events.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map_or(1.0, |(_, weight)| *weight)
    }
}

fn check(key: &'static str, weight: f32) -> Result<f32, BuildError> {
    if (0.0..=MOST).contains(&weight) {
        return Ok(weight);
    }
    Err(BuildError::Range { key, value: weight.to_string(), expected: "0 to 1000000" })
}

impl LookFrom {
    /// What of the request can change what is looked from.
    pub(super) fn signals(self) -> Signals {
        let used = self != LookFrom::History;
        Signals { weights: used, roles: used }
    }

    /// (item, weight), newest first, at most `most`; an item `d` steps from the newest weighs `1 / (1 + d)^decay`.
    ///
    /// Weights say how much the items count beside one another: the heaviest counts 1 before `decay`, whatever the
    /// scale that the caller chose. An item of weight 0 is not looked from.
    pub(super) fn items(
        self,
        ctx: &Context<'_>,
        weights: &ItemWeights,
        most: usize,
        decay: f32,
        out: &mut Vec<(u32, f32)>,
    ) {
        out.clear();
        let query = ctx.query;
        match self {
            // A weight says how much one counts beside others, and here are no others.
            LookFrom::Seeds if query.seeds.is_empty() => {
                out.extend(query.current.map(|item| (item.0, 1.0)));
            }
            LookFrom::Seeds => {
                out.extend(query.seeds.iter().rev().map(|seed| (seed.item.0, weights.seed(seed))));
            }
            LookFrom::Session => {
                for entry in query.session.iter().rev() {
                    // Of an item that comes twice, the newest event counts.
                    if out.len() < most && !out.iter().any(|(known, _)| *known == entry.item.0) {
                        out.push((entry.item.0, weights.session_item(entry, ctx)));
                    }
                }
            }
            LookFrom::History => {
                let liked = query.history.iter().filter(|item| !query.disliked.contains(&ItemIdx(**item)));
                out.extend(liked.take(most).map(|item| (*item, 1.0)));
            }
        }
        out.truncate(most);
        level(out);
        if decay != 0.0 {
            for (distance, (_, weight)) in out.iter_mut().enumerate() {
                *weight *= (1.0 + distance as f32).powf(-decay);
            }
        }
    }
}

/// Divides the weights by the heaviest, and drops what weighs nothing.
fn level(items: &mut Vec<(u32, f32)>) {
    // Without weights, which is nearly always, all are 1 and nothing is touched: not even the last bit of a score
    // changes.
    if items.iter().all(|(_, weight)| *weight == 1.0) {
        return;
    }
    let heaviest = items.iter().fold(0f32, |heaviest, (_, weight)| heaviest.max(*weight));
    items.retain(|(_, weight)| *weight > 0.0);
    for (_, weight) in items.iter_mut() {
        *weight /= heaviest;
    }
}

/// Refuses a decay that turns weights around or makes them vanish.
pub(super) fn check_decay(decay: f32) -> Result<f32, BuildError> {
    if (0.0..=16.0).contains(&decay) {
        return Ok(decay);
    }
    Err(BuildError::Range { key: "decay", value: decay.to_string(), expected: "0 to 16" })
}
