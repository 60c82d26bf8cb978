//! The names of features: a family, a dot, and what of it.

/// A feature as a ranker's input names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// `item.<column>`: of the candidate.
    Item(&'a str),
    /// `user.<column>`: of the user.
    User(&'a str),
    /// `context.<attribute>`: of the request.
    Context(&'a str),
    /// `seed.<column>`: of the item that the request looks from.
    Seed(&'a str),
    /// `seed.same_<column>`: whether candidate and seed have the same value.
    SeedSame(&'a str),
    /// `seed.<column>_ratio`: the candidate's number divided by the seed's.
    SeedRatio(&'a str),
    /// `source.<label>.score`: what a source said.
    SourceScore(&'a str),
    /// `source.<label>.rank`: its place among what the source said, from 1.
    SourceRank(&'a str),
    /// `candidate.rank`: its place in the order of retrieval, from 1.
    CandidateRank,
    /// `candidate.sources`: how many sources named it.
    CandidateSources,
}

/// The families, for messages.
pub(super) const FAMILIES: &str = "item.<column>, user.<column>, context.<attribute>, seed.<column>, \
     seed.same_<column>, seed.<column>_ratio, source.<label>.score, source.<label>.rank, candidate.rank, \
     candidate.sources";

impl<'a> Name<'a> {
    /// Takes a name apart; `None` if it is of no family.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (family, rest) = text.split_once('.').filter(|(_, rest)| !rest.is_empty())?;
        match (family, rest) {
            ("item", column) => Some(Self::Item(column)),
            ("user", column) => Some(Self::User(column)),
            ("context", attribute) => Some(Self::Context(attribute)),
            // A column called `same_x` or `x_ratio` cannot be read as a seed's own value; nobody has one so far.
            ("seed", rest) => Some(match (rest.strip_prefix("same_"), rest.strip_suffix("_ratio")) {
                (Some(column), _) if !column.is_empty() => Self::SeedSame(column),
                (_, Some(column)) if !column.is_empty() => Self::SeedRatio(column),
                _ => Self::Seed(rest),
            }),
            // From the right: a label may have dots.
            ("source", rest) => match rest.rsplit_once('.')? {
                (label, "score") => Some(Self::SourceScore(label)),
                (label, "rank") => Some(Self::SourceRank(label)),
                _ => None,
            },
            ("candidate", "rank") => Some(Self::CandidateRank),
            ("candidate", "sources") => Some(Self::CandidateSources),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (text, name) in [
            ("item.price", Some(Name::Item("price"))),
            ("item.stock.now", Some(Name::Item("stock.now"))),
            ("user.age", Some(Name::User("age"))),
            ("context.hour", Some(Name::Context("hour"))),
            ("seed.price", Some(Name::Seed("price"))),
            ("seed.same_category", Some(Name::SeedSame("category"))),
            ("seed.price_ratio", Some(Name::SeedRatio("price"))),
            ("seed.same_", Some(Name::Seed("same_"))),
            ("source.session_knn.score", Some(Name::SourceScore("session_knn"))),
            ("source.a.b.rank", Some(Name::SourceRank("a.b"))),
            ("candidate.rank", Some(Name::CandidateRank)),
            ("candidate.sources", Some(Name::CandidateSources)),
            ("candidate.size", None),
            ("source.session_knn", None),
            ("source.session_knn.place", None),
            ("item.", None),
            ("price", None),
            ("", None),
        ] {
            assert_eq!(Name::parse(text), name, "{text:?}");
        }
    }
}
