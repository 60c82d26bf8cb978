//! From the names of a ranker's inputs to columns, or to a message that says which input is wrong and what was meant.

use std::sync::Arc;

use super::clock::ClockPart;
use super::codes::Codes;
use super::column::ItemColumn;
use super::name::Name;
use super::{Attribute, Gatherer, InputError, Step, Value};
use crate::feature::nearest;
use crate::model::InputKind;
use crate::pipeline::context::USER_TABLES;
use crate::pipeline::{BuildError, Spec};
use crate::snapshot::{ItemFeatures, RankerInput, RankerModel, UserFeatures};

impl Gatherer {
    /// Finds the feature of every input of `ranker`, the artifact called `artifact`, in the snapshot and recipe of
    /// `spec`.
    ///
    /// # Errors
    /// [`BuildError::Input`]: a name of no family, a column or source that does not exist or exists twice, or one whose
    /// type the model does not take.
    pub fn compile(spec: &Spec<'_>, artifact: &str, ranker: &RankerModel) -> Result<Self, BuildError> {
        let mut compiler = Compiler { spec, users: Vec::new() };
        let mut steps = Vec::with_capacity(ranker.inputs.len());
        for (at, input) in ranker.inputs.iter().enumerate() {
            steps.push(compiler.step(input).map_err(|source| BuildError::Input {
                artifact: artifact.to_owned(),
                input: at + 1,
                feature: input.feature.clone(),
                source,
            })?);
        }
        Ok(Self { steps, users: compiler.users })
    }
}

struct Compiler<'a> {
    spec: &'a Spec<'a>,
    users: Vec<Arc<UserFeatures>>,
}

impl Compiler<'_> {
    fn step(&mut self, input: &RankerInput) -> Result<Step, InputError> {
        let name = Name::parse(&input.feature)
            .ok_or_else(|| InputError::Name { hint: self.hint(&input.feature) })?;
        // A category without a list of values is a code that the model reads as it comes, which a number can be.
        let number_only = |step: Step, what: &'static str| match input.kind {
            InputKind::Category if !input.categories.is_empty() => Err(InputError::NumberOnly { what }),
            _ => Ok(step),
        };
        match name {
            Name::Item(column) => {
                let column = self.item(&input.feature, column)?;
                Ok(match value(input, column.is_text())? {
                    Value::Number => Step::Numbers(column),
                    Value::Code(codes) if column.is_text() => {
                        let codes = codes.table(column.at(self.spec.snapshot.catalog()).texts());
                        Step::Coded(column, codes)
                    }
                    Value::Code(codes) => Step::NumberCoded(column, codes),
                })
            }
            Name::Seed(column) => {
                let column = self.item(&input.feature, column)?;
                let value = value(input, column.is_text())?;
                Ok(Step::Seed(column, value))
            }
            Name::SeedSame(column) => number_only(
                Step::SeedSame(self.item(&input.feature, column)?),
                "whether two values are the same",
            ),
            Name::SeedRatio(column) => {
                let column = self.item(&input.feature, column)?;
                if column.is_text() {
                    return Err(InputError::TextRatio);
                }
                number_only(Step::SeedRatio(column), "a ratio")
            }
            Name::User(column) => self.user(input, column),
            Name::Context(attribute) => {
                let value = match input.kind {
                    InputKind::Number => Value::Number,
                    InputKind::Category => Value::Code(Codes::new(&input.categories)),
                };
                let attribute = match attribute {
                    "locale" => Attribute::Locale,
                    "country" => Attribute::Country,
                    "channel" => Attribute::Channel,
                    "hour" => Attribute::Clock(attribute.into(), ClockPart::Hour),
                    "day_of_week" => Attribute::Clock(attribute.into(), ClockPart::DayOfWeek),
                    other => Attribute::Named(other.into()),
                };
                Ok(Step::Context(attribute, value))
            }
            Name::SourceScore(label) => {
                number_only(Step::SourceScore(self.source(&input.feature, label)?), "a source's score")
            }
            Name::SourceRank(label) => {
                number_only(Step::SourceRank(self.source(&input.feature, label)?), "a source's rank")
            }
            Name::CandidateRank => number_only(Step::CandidateRank, "a rank"),
            Name::CandidateSources => number_only(Step::CandidateSources, "a count"),
        }
    }

    /// A column of the items: the catalogue's or an artifact's, of which only one may have it.
    fn item(&self, feature: &str, column: &str) -> Result<ItemColumn, InputError> {
        let snapshot = self.spec.snapshot;
        let catalog = snapshot.catalog();
        let own = catalog.position(column).zip(catalog.column(column));
        let own = own.map(|(at, cells)| ("the catalogue", ItemColumn::Catalog(at, cells.kind())));
        let others = snapshot.of_kind::<ItemFeatures>().filter_map(|(name, artifact)| {
            let at = artifact.features.position(column)?;
            Some((name, ItemColumn::Features(snapshot.get(name).ok()?, at)))
        });
        only(own.into_iter().chain(others))?
            .ok_or_else(|| InputError::ItemColumn { hint: self.hint(feature) })
    }

    fn user(&mut self, input: &RankerInput, column: &str) -> Result<Step, InputError> {
        let snapshot = self.spec.snapshot;
        let found = snapshot.of_kind::<UserFeatures>().filter_map(|(name, users)| {
            let at = users.columns().iter().position(|known| known.name == column)?;
            Some((name, (snapshot.get::<UserFeatures>(name).ok()?, at, users.columns().get(at)?.text)))
        });
        let (artifact, at, is_text) =
            only(found)?.ok_or_else(|| InputError::UserColumn { hint: self.hint(&input.feature) })?;
        let value = value(input, is_text)?;
        // A table is looked up once, however many of its columns the model reads.
        let known = self.users.iter().position(|known| Arc::ptr_eq(known, &artifact));
        let table = match known {
            Some(table) => table,
            None if self.users.len() == USER_TABLES => return Err(InputError::UserTables),
            None => {
                self.users.push(artifact);
                self.users.len() - 1
            }
        };
        Ok(Step::User { table, column: at, value })
    }

    fn source(&self, feature: &str, label: &str) -> Result<usize, InputError> {
        self.spec.sources.iter().position(|known| **known == *label).ok_or_else(|| {
            let known = self.spec.sources.iter().map(|label| &**label).collect::<Vec<_>>().join(", ");
            InputError::Source { hint: self.hint(feature), known }
        })
    }

    /// The name of a feature that was probably meant.
    fn hint(&self, feature: &str) -> Option<String> {
        let columns: Vec<String> = self.item_columns();
        let mut known = Vec::new();
        for column in &columns {
            known.push(format!("item.{column}"));
            known.push(format!("seed.{column}"));
            known.push(format!("seed.same_{column}"));
            known.push(format!("seed.{column}_ratio"));
        }
        for (_, users) in self.spec.snapshot.of_kind::<UserFeatures>() {
            known.extend(users.columns().iter().map(|column| format!("user.{}", column.name)));
        }
        for label in self.spec.sources {
            known.extend([format!("source.{label}.score"), format!("source.{label}.rank")]);
        }
        let fixed = ["locale", "country", "channel", "hour", "day_of_week"];
        known.extend(fixed.map(|name| format!("context.{name}")));
        known.extend(["candidate.rank".to_owned(), "candidate.sources".to_owned()]);
        let family = feature.split_once('.').map(|(family, _)| format!("{family}."));
        let of_family = |name: &&str| family.as_ref().is_some_and(|family| name.starts_with(family.as_str()));
        let known = || known.iter().map(String::as_str);
        let bare = || known().find(|name| name.split_once('.').is_some_and(|(_, rest)| rest == feature));
        // What is of the family that was named is nearer than what only looks alike: `item.prise` is `item.price` and
        // not `seed.price`.
        let near =
            nearest(feature, known().filter(of_family)).or_else(bare).or_else(|| nearest(feature, known()));
        near.map(str::to_owned)
    }

    fn item_columns(&self) -> Vec<String> {
        let mut columns = self.spec.snapshot.catalog().names().to_vec();
        for (_, artifact) in self.spec.snapshot.of_kind::<ItemFeatures>() {
            columns.extend_from_slice(artifact.features.names());
        }
        columns
    }
}

/// What the values of a column become for an input, if they are of a type that it takes.
fn value(input: &RankerInput, is_text: bool) -> Result<Value, InputError> {
    let codes = Codes::new(&input.categories);
    match (input.kind, is_text) {
        (InputKind::Number, false) => Ok(Value::Number),
        (InputKind::Number, true) => Err(InputError::TextForNumber),
        (InputKind::Category, true) if codes.is_empty() => Err(InputError::TextWithoutCodes),
        (InputKind::Category, true) if !codes.has_texts() => Err(InputError::TextForNumbers),
        (InputKind::Category, false) if !codes.is_empty() && !codes.has_numbers() => {
            Err(InputError::NumberForTexts)
        }
        (InputKind::Category, _) => Ok(Value::Code(codes)),
    }
}

/// The only one of these, each with the table it is in; `None` if there is none.
fn only<'a, T>(found: impl Iterator<Item = (&'a str, T)>) -> Result<Option<T>, InputError> {
    let mut found = found;
    match (found.next(), found.next()) {
        (Some((first, _)), Some((second, _))) => {
            Err(InputError::Ambiguous { first: first.to_owned(), second: second.to_owned() })
        }
        (found, _) => Ok(found.map(|(_, only)| only)),
    }
}
