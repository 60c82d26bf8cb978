//! A protocol in words: what was replayed, and which items were allowed. It stands beside every figure.

use crate::pipeline::filter::Exclusion;
use crate::recommender::Objective;

/// Describes a replay by `objective` of a placement that excludes these groups.
pub(super) fn describe(
    objective: Objective,
    anonymous: bool,
    most: Option<usize>,
    exclude: &[Exclusion],
) -> String {
    use Exclusion::{Current, Purchased, Seeds, Seen, Session};
    let any = |groups: &[Exclusion]| exclude.iter().any(|group| groups.contains(group));
    let session = any(&[Session, Seen]);
    let word = |excluded: bool| if excluded { "excluded" } else { "allowed" };
    let allowed = format!(
        "current item {}, other session items {}, earlier purchases {}",
        word(session || any(&[Current, Seeds])),
        word(session),
        word(any(&[Purchased, Seen])),
    );
    let users = if anonymous { "user ids withheld" } else { "user ids sent where the log has them" };
    let sample = most.map(|most| format!("; at most {most} predictions, spread evenly")).unwrap_or_default();
    let what = match objective {
        Objective::NextItem => format!("next item over every prefix of each session, {users}"),
        Objective::NextInBasket => format!("next item of each cart or order over every prefix, {users}"),
        Objective::NextFromCurrent => format!("next item of a session given the one before it, {users}"),
        Objective::NextInCategory => format!("next item of a session given its category, {users}"),
        Objective::NewItems => {
            "items per known user over the held-out time, only items new to the user".to_owned()
        }
        Objective::UserItems => "items per known user over the held-out time, repurchases count".to_owned(),
    };
    format!("{what}; {allowed}; ranked over all items; repeats inside a basket dropped{sample}")
}
