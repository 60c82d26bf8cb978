//! Filter expressions from text to rows, what refusals say, and that no text makes the parser panic.

mod select;

use std::collections::BTreeMap;

use super::*;
use crate::domain::FilterValue;
use crate::feature::{ColumnBuilder, ColumnKind, Table, Value};

fn shop() -> Table {
    let mut table = Table::new(4);
    let mut add = |name: &str, kind, values: Vec<Value<'_>>| {
        let mut column = ColumnBuilder::new(kind);
        values.into_iter().for_each(|value| column.push(value));
        assert!(table.add(name, column.finish()));
    };
    let (yes, no) = (Value::Bool(true), Value::Bool(false));
    add("in_stock", ColumnKind::Bool, vec![yes.clone(), no, Value::Null, yes]);
    add(
        "price",
        ColumnKind::Float,
        vec![Value::Float(5.0), Value::Float(10.0), Value::Float(15.0), Value::Null],
    );
    add(
        "category",
        ColumnKind::Text,
        vec![Value::Text("tea"), Value::Text("jam"), Value::Null, Value::Text("tea")],
    );
    add(
        "tags",
        ColumnKind::List,
        vec![Value::List(vec!["new", "bio"]), Value::List(vec![]), Value::Null, Value::List(vec!["bio"])],
    );
    add("launched", ColumnKind::Time, (0..4).map(|day| Value::Time(day * 86_400_000)).collect());
    table
}

fn rows(filter: &str) -> Vec<usize> {
    let table = shop();
    let parameters = BTreeMap::from([
        ("max".to_owned(), FilterValue::Number(10.0)),
        ("kinds".to_owned(), FilterValue::List(vec![FilterValue::Text("jam".to_owned())])),
    ]);
    let predicate =
        Predicate::compile(filter, &table, &parameters).unwrap_or_else(|e| panic!("{filter}: {e}"));
    (0..4).filter(|row| predicate.holds(*row)).collect()
}

fn refusal(filter: &str) -> String {
    Predicate::compile(filter, &shop(), &BTreeMap::new()).err().map(|e| e.to_string()).unwrap_or_default()
}

#[test]
fn expressions_select_rows() {
    assert_eq!(rows("in_stock"), [0, 3]);
    assert_eq!(rows("!in_stock"), [1, 2]);
    assert_eq!(rows("in_stock == false"), [1]);
    assert_eq!(rows("price > 5 && price <= 15.0"), [1, 2]);
    assert_eq!(rows("price != 5"), [1, 2]);
    assert_eq!(rows("price <= $max"), [0, 1]);
    assert_eq!(rows("category == 'tea'"), [0, 3]);
    assert_eq!(rows("category != \"tea\""), [1]);
    assert_eq!(rows("category == \"coffee\""), [] as [usize; 0]);
    assert_eq!(rows("category in $kinds || tags == 'new'"), [0, 1]);
    assert_eq!(rows("category not in ['tea']"), [1, 2]);
    assert_eq!(rows("tags in ['bio', 'old'] && (price < 9 || !(price > 0))"), [0, 3]);
    assert_eq!(rows("price in [5, 15]"), [0, 2]);
    assert_eq!(rows("launched >= '1970-01-03T00:00:00Z'"), [2, 3]);
}

#[test]
fn refusals_say_where_and_what_to_do() {
    assert!(refusal("pricee > 1").contains("did you mean \"price\""));
    assert!(refusal("price > 'x'").contains("type float"));
    assert!(refusal("category > 'a'").contains("has no order"));
    assert!(refusal("price >").contains("character 8"));
    assert!(refusal("price > 1 price").contains("`&&`"));
    assert!(refusal("(price > 1").contains("`)`"));
    assert!(refusal("price < $limit").contains("$limit"));
    assert!(refusal("category == 'tea").contains("closing quote"));
    assert!(refusal("price > 1e999").contains("a number"));
    assert!(refusal("").contains("an attribute name"));
    assert!(refusal(&"(".repeat(5000)).contains("4096"));
    assert!(refusal(&"!".repeat(2000)).contains("nesting"));
    assert!(refusal("§").contains("an attribute"));
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "price", "tags", "in", "not", "[", "]", "(", ")", "!", "&&", "||", "==", "<", "1", "-", ".5", "'a'",
        "\"", "$x", ",", "é", "\\", " ",
    ];
    let mut random = fastrand::Rng::with_seed(11);
    let table = shop();
    for _ in 0..20_000 {
        let text: String = (0..random.usize(0..12)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
        let _ = Predicate::compile(&text, &table, &BTreeMap::new()).map(|p| p.bitmap(4));
    }
}
