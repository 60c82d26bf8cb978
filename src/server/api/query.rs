//! The query string of the cacheable GET route, as a message.

use axum::extract::Query;
use axum::http::Uri;
use larder_proto::v1;

use crate::feature::nearest;
use crate::server::edge::limits;
use crate::server::problem::{Problem, did_you_mean};

/// The parameters, for messages and documents: name, what it means, whether it may be repeated.
pub(super) const PARAMETERS: [(&str, &str, bool); 9] = [
    ("seed", "Items to look from, newest last.", true),
    ("n", "How many items to return, 1 to 100.", false),
    ("fields", "Catalogue attributes to return with each item; `*` stands for all.", true),
    ("filter", "An expression that every returned item satisfies.", false),
    ("exclude", "Items never to return.", true),
    ("country", "Country, written as in the snapshot's popularity segments.", false),
    ("locale", "BCP 47 language tag, such as `de-CH`.", false),
    ("channel", "`web`, `app`, `mail`…", false),
    ("page_token", "`nextPageToken` of an earlier answer.", false),
];

/// The prefix of a parameter that goes into `context.attributes`.
pub(super) const ATTRIBUTE: &str = "attributes.";

/// Reads `seed=a,b&seed=c&n=12…`. Lists are repeated, or separated by commas.
pub(super) fn read(placement: String, uri: &Uri) -> Result<v1::RecommendRequest, Problem> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Problem::invalid("query", "is not a query string"))?;
    let mut message = v1::RecommendRequest { placement, ..Default::default() };
    let mut context = v1::Context::default();
    for (name, value) in pairs {
        match name.as_str() {
            "seed" => message
                .seed_items
                .extend(listed(&value).map(|item_id| v1::SeedItem { item_id, ..Default::default() })),
            "n" => {
                let size = value.parse().ok().filter(|size| (1..=limits::PAGE_SIZE).contains(size));
                let reason = || format!("must be a number from 1 to {}, got {value:?}", limits::PAGE_SIZE);
                message.page_size = Some(size.ok_or_else(|| Problem::invalid("n", reason()))?);
            }
            "fields" => message.item_fields.extend(listed(&value)),
            "filter" => message.filter = Some(value),
            "exclude" => message.exclude_item_ids.extend(listed(&value)),
            "country" => context.country = Some(value),
            "locale" => context.locale = Some(value),
            "channel" => context.channel = Some(value),
            "page_token" => message.page_token = Some(value),
            // The one open set of names; every other unknown parameter is refused, as a misspelt filter must not be
            // dropped.
            _ => match name.strip_prefix(ATTRIBUTE) {
                Some(attribute) => {
                    context.attributes.insert(attribute.to_owned(), value);
                }
                None => {
                    let known = PARAMETERS.iter().map(|(known, _, _)| *known);
                    let hint = did_you_mean(nearest(&name, known));
                    return Err(Problem::invalid(&name, format!("no such parameter{hint}")));
                }
            },
        }
    }
    message.context = Some(context);
    Ok(message)
}

fn listed(value: &str) -> impl Iterator<Item = String> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_repeated_or_separated_by_commas() {
        let uri =
            Uri::from_static("/x?seed=a,b&seed=c&n=5&fields=title&attributes.category=mugs%20%26%20cups");
        let message = read("p".to_owned(), &uri).unwrap();
        assert_eq!(
            message.seed_items.iter().map(|s| s.item_id.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(message.page_size, Some(5));
        assert_eq!(message.context.unwrap().attributes["category"], "mugs & cups");
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_nearest_name() {
        let problem = read("p".to_owned(), &Uri::from_static("/x?seeds=a")).unwrap_err();
        assert!(problem.detail.contains("did you mean \"seed\"?"), "{}", problem.detail);
        assert_eq!(
            read("p".to_owned(), &Uri::from_static("/x?n=many")).unwrap_err().field.as_deref(),
            Some("n")
        );
    }
}
