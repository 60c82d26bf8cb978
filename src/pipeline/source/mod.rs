//! The first room: where possible items come from.

mod neighbors;
mod popular;
mod session_knn;
mod user_items;
mod vectors;

use super::{BuildError, Context, SourceFactory};
use crate::domain::ItemIdx;

pub use neighbors::Neighbors;
pub use popular::Popular;
pub use session_knn::SessionKnnSource;
pub use user_items::UserItems;
pub use vectors::VectorSource;

/// The kinds that recipes may name.
pub(super) fn kinds() -> [(&'static str, SourceFactory); 5] {
    [
        ("neighbors", Neighbors::make),
        ("popular", Popular::make),
        ("session_knn", SessionKnnSource::make),
        ("user_items", UserItems::make),
        ("vectors", VectorSource::make),
    ]
}

/// Which items of the request a source looks from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    /// The seeds, or the newest session item where there is none.
    #[default]
    Seeds,
    /// Everything in this session, the seeds last.
    Session,
    /// What the user had to do with in earlier sessions.
    History,
}

impl From {
    /// (item, weight), newest first, at most `most`; an item `d` steps from the newest weighs `1 / (1 + d)^decay`.
    fn items(self, ctx: &Context<'_>, most: usize, decay: f32, out: &mut Vec<(u32, f32)>) {
        out.clear();
        let query = ctx.query;
        match self {
            From::Seeds if query.seeds.is_empty() => {
                out.extend(query.current.map(|item| (item.0, 1.0)));
            }
            From::Seeds => out.extend(query.seeds.iter().rev().map(|seed| (seed.item.0, seed.weight))),
            From::Session => {
                for item in query.session.iter().rev() {
                    if out.len() < most && !out.iter().any(|(known, _)| *known == item.0) {
                        out.push((item.0, 1.0));
                    }
                }
            }
            From::History => {
                let liked = query.history.iter().filter(|item| !query.disliked.contains(&ItemIdx(**item)));
                out.extend(liked.take(most).map(|item| (*item, 1.0)));
            }
        }
        out.truncate(most);
        if decay != 0.0 {
            for (distance, (_, weight)) in out.iter_mut().enumerate() {
                *weight *= (1.0 + distance as f32).powf(-decay);
            }
        }
    }
}

fn check_decay(decay: f32) -> Result<f32, BuildError> {
    match (0.0..=16.0).contains(&decay) {
        true => Ok(decay),
        false => Err(BuildError::Range { key: "decay", value: decay.to_string(), expected: "0 to 16" }),
    }
}
