//! `placements.toml` as values: what is written is what is read, by serde and for people alike.

use fastrand::Rng;
use larder::pipeline::filter::Exclusion;
use larder::recommender::{Objective, PlacementSpec, PlacementsFile, StageSpec};
use toml::{Spanned, Table, Value};

/// Files that people and programs wrote.
const FILES: [&str; 3] = [
    include_str!("../../benches/quality/references.toml"),
    include_str!("../../sample/src/scale/placements.toml"),
    crate::support::grocer::PLACEMENTS,
];

const EXCLUSIONS: [Exclusion; 5] =
    [Exclusion::Current, Exclusion::Seeds, Exclusion::Session, Exclusion::Purchased, Exclusion::Seen];

/// Texts that a careless writer would not bring back.
const TEXTS: [&str; 10] = [
    "",
    "popular",
    "with \"quotes\"",
    "it's",
    "back\\slash",
    "two\nlines",
    "a = 1 # no",
    "[x]",
    "Größe 茶",
    "\u{1}\t\r",
];

fn random_file(random: &mut Rng) -> PlacementsFile {
    let mut file = PlacementsFile::default();
    for _ in 0..random.usize(0..4) {
        file.placements.insert(random_text(random), Spanned::new(0..0, random_spec(random)));
    }
    file
}

fn random_spec(random: &mut Rng) -> PlacementSpec {
    let objectives =
        [Objective::NextItem, Objective::NextInBasket, Objective::UserItems, Objective::NewItems];
    PlacementSpec {
        page_size: random.usize(0..200),
        max_latency_ms: random.bool().then(|| random.u64(0..=i64::MAX as u64)),
        sources: random_stages(random),
        filter: random.bool().then(|| Spanned::new(0..0, random_text(random))),
        filters: random_stages(random),
        exclude: EXCLUSIONS.into_iter().filter(|_| random.u8(0..3) == 0).collect(),
        history: random.bool().then(|| Spanned::new(0..0, random_text(random))),
        scorer: random.bool().then(|| random_stage(random).into()),
        rerank: random_stages(random),
        fallback: random_stages(random),
        objective: objectives[random.usize(0..objectives.len())],
        cache: random.bool(),
    }
}

fn random_stages(random: &mut Rng) -> Vec<Spanned<StageSpec>> {
    (0..random.usize(0..4)).map(|_| random_stage(random).into()).collect()
}

fn random_stage(random: &mut Rng) -> StageSpec {
    let stage = StageSpec::new(&random_text(random));
    let mut stage = if random.bool() { stage.named(&random_text(random)) } else { stage };
    stage.params = random_table(random, 2);
    stage
}

fn random_table(random: &mut Rng, depth: usize) -> Table {
    let mut table = Table::new();
    for _ in 0..random.usize(0..4) {
        table.insert(random_text(random), random_value(random, depth));
    }
    table
}

fn random_value(random: &mut Rng, depth: usize) -> Value {
    match random.u8(0..if depth == 0 { 5 } else { 7 }) {
        0 => random_text(random).into(),
        1 => random.i64(..).into(),
        2 => [0.0, -1.5, 2.0, 1e-9, 1e300, f64::INFINITY][random.usize(0..6)].into(),
        3 => random.bool().into(),
        4 => Value::Datetime("2026-11-20T03:00:00Z".parse().unwrap()),
        5 => Value::Array((0..random.usize(0..3)).map(|_| random_value(random, depth - 1)).collect()),
        _ => random_table(random, depth - 1).into(),
    }
}

fn random_text(random: &mut Rng) -> String {
    format!("{}{}", TEXTS[random.usize(0..TEXTS.len())], TEXTS[random.usize(0..TEXTS.len())])
}

fn read(text: &str) -> PlacementsFile {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_file_that_is_read_written_and_read_again_says_the_same() {
    let mut random = Rng::with_seed(11);
    let written = (0..500).map(|_| random_file(&mut random));
    for file in FILES.into_iter().map(read).chain(written) {
        assert_eq!(read(&file.to_toml().unwrap()), file, "as people would write it");
        assert_eq!(read(&toml::to_string(&file).unwrap()), file, "as serde writes it");
    }
}

#[test]
fn a_written_file_has_a_line_for_each_setting_and_each_stage() {
    let popular = || StageSpec::new("popular").with("artifact", "popularity");
    let scorer =
        StageSpec::new("blend").with("weights", Table::from_iter([("similar".to_owned(), 0.5.into())]));
    let spec = PlacementSpec {
        max_latency_ms: Some(100),
        sources: vec![
            StageSpec::new("neighbors").named("similar").with("artifact", "similar").with("take", 200).into(),
            popular().into(),
        ],
        filter: Some(Spanned::new(0..0, "category = \"mugs\" and in_stock".to_owned())),
        exclude: vec![Exclusion::Seeds],
        scorer: Some(scorer.into()),
        fallback: vec![popular().into()],
        ..PlacementSpec::default()
    };
    let mut file = PlacementsFile::default();
    file.placements.insert("pdp.similar".to_owned(), Spanned::new(0..0, spec));
    let expected = r#"[placements."pdp.similar"]
page_size = 12
max_latency_ms = 100
sources = [
  { kind = "neighbors", name = "similar", artifact = "similar", take = 200 },
  { kind = "popular", artifact = "popularity" },
]
filter = 'category = "mugs" and in_stock'
exclude = ["seeds"]
scorer = { kind = "blend", weights = { similar = 0.5 } }
fallback = [
  { kind = "popular", artifact = "popularity" },
]
"#;
    assert_eq!(file.to_toml().unwrap(), expected);
}
