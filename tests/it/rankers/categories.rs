//! Sets of categories of every size: few, more than fit into a byte, and numbers too great for a table.

use larder::cpu::{self, Level};
use larder::model::{Format, InputKind, Matrix, ModelError, RankScratch, Ranker};

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
        cpu::limit_to(level);
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

/// XGBoost's tree that asks for one set after the other: set k gives k + 1, none gives 0.
fn chain(sets: &[Vec<u32>]) -> Result<Ranker, ModelError> {
    let count = 2 * sets.len() + 1;
    let inner = |at: usize| at.is_multiple_of(2) && at + 1 < count;
    let by_node = |number: &dyn Fn(usize) -> i64| (0..count).map(number).collect::<Vec<i64>>();
    let sizes: Vec<usize> = sets.iter().map(Vec::len).collect();
    let starts: Vec<usize> = (0..sets.len()).map(|set| sizes[..set].iter().sum()).collect();
    let text = serde_json::json!({"learner": {
        "learner_model_param": {"base_score": "0", "num_class": "0", "num_feature": "1"},
        "objective": {"name": "reg:squarederror"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_trees": "1"}, "tree_info": [0], "trees": [{
                "tree_param": {"num_nodes": count},
                "left_children": by_node(&|at| if inner(at) { at as i64 + 2 } else { -1 }),
                "right_children": by_node(&|at| if inner(at) { at as i64 + 1 } else { -1 }),
                "split_indices": vec![0; count], "default_left": vec![1; count],
                "split_conditions": by_node(&|at| (at as i64 + 1) / 2 * (at as i64 % 2)),
                "categories": sets.concat(), "categories_nodes": (0..sets.len()).map(|set| 2 * set).collect::<Vec<_>>(),
                "categories_segments": starts, "categories_sizes": sizes
            }]
        }}
    }});
    Ranker::read(Format::XgboostJson, text.to_string().as_bytes())
}

#[test]
fn several_sets_answer_each_for_itself() {
    for (sets, step) in [(3u32, 40), (7, 100), (20, 100)] {
        let listed: Vec<Vec<u32>> =
            (0..sets).map(|set| (0..step).map(|at| at * sets + set).collect()).collect();
        let ranker = chain(&listed).unwrap();
        let mut rows = Matrix::default();
        rows.reset((sets * step) as usize + 2, 1);
        let mut wanted = Vec::new();
        for (category, value) in (0..sets * step).zip(rows.column_mut(0)) {
            *value = category as f32;
            wanted.push((category % sets + 1) as f32);
        }
        rows.column_mut(0)[wanted.len()] = 1e6;
        wanted.extend([0.0, 0.0]);
        let mut scores = vec![7.0; rows.rows()];
        ranker.score(&rows, &mut RankScratch::default(), &mut scores);
        assert_eq!(scores, wanted, "{sets} sets");
    }
}

#[test]
fn sets_that_would_fill_the_memory_are_refused_before_they_do() {
    let mut sets = vec![(0..1_000_000).collect::<Vec<u32>>()];
    sets.extend((0..2200).map(|category| vec![category]));
    let said = chain(&sets).unwrap_err().to_string();
    assert!(said.contains("2201 sets among 1000000 categories of input 0 cannot be served"), "{said}");
    assert!(said.contains("256 MiB"), "{said}");
    // The same few sets again and again need little.
    sets.iter_mut().skip(1).for_each(|set| *set = vec![3]);
    assert!(chain(&sets).is_ok());
}
