//! What indexes find is what looking at every row finds, whatever the table, the expression and the changes since; and
//! what a filter costs is known, and ends with its deadline.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::domain::{AttributeValue, Deadline, FilterValue, ItemIdx};
use crate::feature::{ColumnBuilder, ColumnKind, Predicate, PredicateError, Table, Value};

/// Enough for columns to be worth an index, and no multiple of anything.
const ROWS: usize = 4999;
const NO_LIMIT: usize = usize::MAX;

const COLUMNS: [(&str, ColumnKind); 9] = [
    ("flag", ColumnKind::Bool),
    ("stars", ColumnKind::Int),
    ("stock", ColumnKind::Int),
    ("price", ColumnKind::Float),
    ("since", ColumnKind::Time),
    ("kind", ColumnKind::Text),
    ("brand", ColumnKind::Text),
    ("title", ColumnKind::Text),
    ("tags", ColumnKind::List),
];

/// A value of a column, as an event would bring it.
fn value(name: &str, random: &mut fastrand::Rng) -> AttributeValue {
    let text = |text: String| AttributeValue::Text(text.into());
    match name {
        _ if random.u8(..) < 20 => AttributeValue::Null,
        "flag" => AttributeValue::Bool(random.bool()),
        "stars" => AttributeValue::Int(random.i64(0..5)),
        "stock" => AttributeValue::Int(random.i64(-500..500)),
        "price" => {
            let odd = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
            let price = if random.u8(..) < 40 { odd[random.usize(0..5)] } else { random.f64() * 10.0 };
            AttributeValue::Float(price)
        }
        "since" => AttributeValue::Int(random.i64(0..30) * 86_400_000),
        "kind" => text(format!("kind{}", random.u8(..).leading_zeros())),
        "brand" => text(format!("brand{}", random.usize(0..300))),
        "title" => text(format!("title{}", random.usize(0..9999))),
        _ => {
            let tags = (0..random.usize(0..5)).map(|_| tag(random).into());
            AttributeValue::List(tags.collect())
        }
    }
}

/// Some tags are in most lists, most in few.
fn tag(random: &mut fastrand::Rng) -> String {
    let among = [3, 40, 900][random.usize(0..3)];
    format!("tag{}", random.usize(0..among))
}

fn table(random: &mut fastrand::Rng) -> Table {
    let mut table = Table::new(ROWS);
    for (name, kind) in COLUMNS {
        let mut column = ColumnBuilder::new(kind);
        (0..ROWS).for_each(|_| column.push(Value::Null));
        let mut column = column.finish();
        for row in 0..ROWS {
            assert!(column.set(row, &value(name, random)), "{name}");
        }
        // Built anew, so that its texts are those of a catalogue and not new ones.
        let mut builder = ColumnBuilder::new(kind);
        (0..ROWS).for_each(|row| builder.push(column.value(row)));
        assert!(table.add(name, builder.finish()));
    }
    table
}

/// A literal that fits a column, as an expression has it.
fn literal(name: &str, random: &mut fastrand::Rng) -> String {
    match value(name, random) {
        AttributeValue::Bool(value) => value.to_string(),
        AttributeValue::Int(value) => value.to_string(),
        AttributeValue::Float(value) if value.is_finite() => value.to_string(),
        AttributeValue::Text(text) => format!("'{text}'"),
        _ if ["kind", "brand", "title", "tags"].contains(&name) => format!("'{}'", tag(random)),
        _ if name == "flag" => "true".to_owned(),
        _ => "3".to_owned(),
    }
}

fn term(random: &mut fastrand::Rng) -> String {
    let (name, kind) = COLUMNS[random.usize(0..COLUMNS.len())];
    let operators: &[&str] = match kind {
        ColumnKind::Text | ColumnKind::List => &["==", "!="],
        _ => &["==", "!=", "<", "<=", ">", ">="],
    };
    match random.u8(0..10) {
        0 if kind == ColumnKind::Bool => name.to_owned(),
        0..6 => format!("{name} {} {}", operators[random.usize(0..operators.len())], literal(name, random)),
        6 if kind == ColumnKind::List => format!("{name} in $tags"),
        form => {
            let list: Vec<String> = (0..random.usize(0..12)).map(|_| literal(name, random)).collect();
            format!("{name} {}in [{}]", if form == 9 { "not " } else { "" }, list.join(", "))
        }
    }
}

fn expression(depth: usize, random: &mut fastrand::Rng) -> String {
    match random.u8(0..8) {
        0 if depth > 0 => format!("!({})", expression(depth - 1, random)),
        join @ (1..=5) if depth > 0 => {
            let branches: Vec<String> =
                (0..random.usize(2..4)).map(|_| expression(depth - 1, random)).collect();
            format!("({})", branches.join(if join < 4 { " && " } else { " || " }))
        }
        _ => term(random),
    }
}

/// Holds the index against the twin for some expressions; says how many were cheaper than looking at every row once.
fn assert_same(table: &Table, random: &mut fastrand::Rng) -> usize {
    let mut tags = || FilterValue::Text(tag(random));
    let tags = FilterValue::List((0..50).map(|_| tags()).collect());
    let parameters = BTreeMap::from([("tags".to_owned(), tags)]);
    let mut cheap = 0;
    for _ in 0..90 {
        let text = expression(3, random);
        let predicate =
            Predicate::compile(&text, table, &parameters).unwrap_or_else(|e| panic!("{text}: {e}"));
        let (expected, found) = (predicate.bitmap(table.rows()), predicate.select(Deadline::NEVER).unwrap());
        assert_eq!(found.len(), expected.len());
        assert!(found == expected, "{text}: {} rows and not {}", found.count(), expected.count());
        let mut items: Vec<ItemIdx> = (0..200).map(|_| ItemIdx(random.u32(0..ROWS as u32))).collect();
        let passing: Vec<ItemIdx> = items.iter().copied().filter(|item| expected.contains(*item)).collect();
        predicate.retain(&mut items, Deadline::NEVER).unwrap();
        assert_eq!(items, passing, "{text}");
        cheap += usize::from(predicate.price() < ROWS as u64);
    }
    cheap
}

#[test]
fn an_index_finds_what_looking_at_every_row_finds_whatever_has_changed_since() {
    for seed in 0..3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let plain = table(&mut random);
        assert_same(&plain, &mut random);
        let mut indexed = plain.clone();
        indexed.index(NO_LIMIT);
        assert!(indexed.index_bytes() > 0);
        assert!(assert_same(&indexed, &mut random) > 20, "most terms are looked up");
        // A copy that others hold stays as it is; items come behind the catalogue's.
        let mut live = indexed.clone();
        live.extend_to(ROWS + 700);
        assert_same(&live, &mut random);
        for changes in [1, 50, 3000, 20_000] {
            for _ in 0..changes {
                let at = random.usize(0..COLUMNS.len());
                let row = random.usize(0..ROWS + 700);
                assert!(live.set(at, row, &value(COLUMNS[at].0, &mut random)));
            }
            assert_same(&live, &mut random);
        }
        assert!(live.has_stale_index());
        live.renew_indexes();
        assert!(!live.has_stale_index());
        assert!(assert_same(&live, &mut random) > 20, "terms are looked up again");
        assert_same(&indexed, &mut random);
    }
}

#[test]
fn a_bound_on_memory_leaves_out_the_largest_indexes() {
    let plain = table(&mut fastrand::Rng::with_seed(9));
    let bytes = |memory| {
        let mut table = plain.clone();
        table.index(memory);
        table.index_bytes()
    };
    let all = bytes(NO_LIMIT);
    assert_eq!(bytes(0), 0);
    for memory in [all / 8, all / 3, all / 2] {
        let some = bytes(memory);
        assert!(some > 0 && some <= memory, "{some} of {memory}");
    }
}

#[test]
fn a_price_grows_with_rows_terms_and_lists_and_an_index_lowers_it() {
    let plain = table(&mut fastrand::Rng::with_seed(3));
    let mut indexed = plain.clone();
    indexed.index(NO_LIMIT);
    let price = |table: &Table, text: &str| {
        Predicate::compile(text, table, &BTreeMap::new()).unwrap_or_else(|e| panic!("{text}: {e}")).price()
    };
    let rows = ROWS as u64;
    assert_eq!(price(&plain, "price < 3"), rows);
    assert!(price(&plain, "price < 3 && stock > 2") >= 2 * rows);
    let list = |length| {
        let list: Vec<String> = (0..length).map(|at| format!("{at}.5")).collect();
        format!("price in [{}]", list.join(","))
    };
    assert!(price(&plain, &list(200)) > 7 * rows);
    for text in ["price < 3", "kind == 'kind2'", "tags == 'tag7'", "stars >= 2 && !flag"] {
        assert!(price(&indexed, text) < rows / 4, "{text}: {}", price(&indexed, text));
    }
}

#[test]
fn a_list_that_many_terms_name_is_bound_once() {
    let mut table = table(&mut fastrand::Rng::with_seed(4));
    table.index(NO_LIMIT);
    let tags = (0..1000).map(|at| FilterValue::Text(format!("tag{at}"))).collect();
    let parameters = BTreeMap::from([("t".to_owned(), FilterValue::List(tags))]);
    let price = |terms| {
        let text = vec!["tags not in $t"; terms].join(" && ");
        Predicate::compile(&text, &table, &parameters).unwrap().price_of(0)
    };
    assert_eq!(price(64), price(1));
}

#[test]
fn a_filter_ends_with_its_deadline_unless_there_are_few_rows() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut table = table(&mut random);
    let past = Deadline::at(Instant::now(), Duration::ZERO);
    let none = BTreeMap::new();
    for text in ["price < 3 && stock > 1", "title != 'x' || tags != 'y'"] {
        let predicate = Predicate::compile(text, &table, &none).unwrap();
        assert_eq!(predicate.select(past), Err(PredicateError::Late), "{text}");
        let mut few = vec![ItemIdx(1); 100];
        assert_eq!(predicate.retain(&mut few, past), Ok(()));
        let mut many = vec![ItemIdx(1); 50_000];
        assert_eq!(predicate.retain(&mut many, past), Err(PredicateError::Late));
    }
    table.index(NO_LIMIT);
    let dear = vec!["price != 3"; 64].join(" && ");
    let predicate = Predicate::compile(&dear, &table, &none).unwrap();
    assert_eq!(predicate.select(past), Err(PredicateError::Late));
    let cheap = Predicate::compile("price < 3", &table, &none).unwrap();
    assert!(cheap.select(past).is_ok());
}
