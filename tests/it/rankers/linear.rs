//! Linear models: small enough to be computed by hand.

use larder::model::{Format, Matrix, RankScratch, Ranker};

fn rows() -> Matrix {
    let mut rows = Matrix::default();
    rows.reset(3, 2);
    rows.column_mut(0).copy_from_slice(&[1.0, f32::NAN, -2.0]);
    rows.column_mut(1).copy_from_slice(&[10.0, 20.0, 30.0]);
    rows
}

fn scores(model: &str) -> Vec<f32> {
    let ranker = Ranker::read(Format::Linear, model.as_bytes()).unwrap();
    let mut scores = vec![0.0; 3];
    ranker.score(&rows(), &mut RankScratch::default(), &mut scores);
    scores
}

#[test]
fn a_linear_score_is_the_weighted_sum_and_missing_values_add_nothing() {
    assert_eq!(scores(r#"{"weights": [2.0, 0.5], "intercept": 1.0}"#), [8.0, 11.0, 12.0]);
    assert_eq!(scores(r#"{"weights": {"price": 2, "age": 0.5}, "intercept": -7, "link": "exp"}"#)[0], 1.0);
    assert_eq!(scores(r#"{"weights": [2], "intercept": -2, "link": "logistic"}"#)[0], 0.5);
}

#[test]
fn linear_inputs_are_named_in_the_order_of_the_file() {
    let model = br#"{"weights": {"price": 2, "age": 0.5}}"#;
    let ranker = Ranker::read(Format::Linear, model).unwrap();
    let names: Vec<Option<&str>> = ranker.inputs().iter().map(|input| input.name.as_deref()).collect();
    assert_eq!(names, [Some("price"), Some("age")]);
    assert_eq!((ranker.outputs(), ranker.objective()), (1, "identity"));
    assert!(ranker.leaves(&rows(), 0).is_empty());
}

#[test]
fn a_matrix_without_an_input_counts_as_missing_there() {
    assert_eq!(scores(r#"{"weights": [1.0, 0.0, 5.0]}"#), [1.0, 0.0, -2.0]);
}
