//! Sets of categories of every size: few, more than fit into a byte, and numbers too great for a table.

use larder::machine::{self, Level};
use larder::model::{Format, InputKind, Matrix, RankScratch, Ranker};

use crate::support::levels;

/// XGBoost's tree with one node: the listed categories give 1, the others 2, a missing one 1.
fn model(categories: &[u32]) -> Ranker {
    let text = serde_json::json!({"learner": {
        "learner_model_param": {"base_score": "0", "num_class": "0", "num_feature": "1"},
        "objective": {"name": "reg:squarederror"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_trees": "1"}, "tree_info": [0], "trees": [{
                "tree_param": {"num_nodes": "3"}, "left_children": [1, -1, -1], "right_children": [2, -1, -1],
                "split_indices": [0, 0, 0], "split_conditions": [0.0, 2.0, 1.0], "default_left": [0, 0, 0],
                "split_type": [1, 0, 0], "categories": categories, "categories_nodes": [0],
                "categories_segments": [0], "categories_sizes": [categories.len()]
            }]
        }}
    }});
    Ranker::read(Format::XgboostJson, text.to_string().as_bytes()).unwrap()
}

fn assert_told_apart(categories: &[u32], others: &[u32]) {
    let ranker = model(categories);
    assert_eq!(ranker.inputs()[0].kind, InputKind::Category);
    let values: Vec<f32> = categories.iter().chain(others).map(|category| *category as f32).collect();
    let mut rows = Matrix::default();
    rows.reset(values.len() + 5, 1);
    let column = rows.column_mut(0);
    column[..values.len()].copy_from_slice(&values);
    column[values.len()..].copy_from_slice(&[-1.0, -0.5, f32::INFINITY, 1e20, f32::NAN]);
    let mut wanted = vec![1.0; categories.len()];
    wanted.resize(values.len() + 4, 2.0);
    wanted.push(1.0);
    let guard = levels::one_at_a_time();
    for level in Level::all() {
        machine::limit_to(level);
        let mut scores = vec![0.0; rows.rows()];
        ranker.score(&rows, &mut RankScratch::default(), &mut scores);
        assert_eq!(scores, wanted, "{level:?}");
    }
    drop(guard);
    let fractions = rows.column_mut(0).iter_mut().take(categories.len());
    fractions.filter(|value| **value < 1000.0).for_each(|value| *value += 0.7);
    let mut scores = vec![0.0; rows.rows()];
    ranker.score(&rows, &mut RankScratch::default(), &mut scores);
    assert_eq!(scores, wanted, "fractions are cut off");
}

#[test]
fn sets_of_every_size_tell_their_categories_from_others() {
    assert_told_apart(&[3], &[0, 2, 4, 1000]);
    assert_told_apart(&[0, 7, 8, 63, 64, 300], &[1, 9, 65, 299, 301]);
    let even: Vec<u32> = (0..1000).map(|number| 2 * number).collect();
    let odd: Vec<u32> = (0..1000).map(|number| 2 * number + 1).collect();
    assert_told_apart(&even[..253], &odd[..253]);
    assert_told_apart(&even[..254], &odd[..254]);
    assert_told_apart(&even[..255], &odd[..255]);
    assert_told_apart(&even, &odd);
    assert_told_apart(&[1, 9_000_000, 16_777_215], &[0, 2, 8_999_999, 9_000_001, 16_777_214]);
}
