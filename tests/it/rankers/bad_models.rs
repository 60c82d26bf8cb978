//! Model files that make no sense are refused, with the place and the reason, and without a panic.

use larder::model::{Format, Matrix, ModelError, RankScratch, Ranker};

/// Two trees over three inputs: the first with a number and a category, the second a single leaf.
pub(crate) const LIGHTGBM: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=price colour age
feature_infos=[0:9] 0:1:2:3 none
tree_sizes=300 60

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
threshold=1.5 0
decision_type=10 1
left_child=1 -1
right_child=-3 -2
leaf_value=0.25 -0.5 1
cat_boundaries=0 1
cat_threshold=5
shrinkage=1

Tree=1
num_leaves=1
num_cat=0
leaf_value=0.125
shrinkage=1

end of trees

pandas_categorical:[[\"red\", \"green\", \"blue\", \"grey\"]]
";

/// A tree over two inputs, the second of them categorical.
pub(crate) const XGBOOST: &str = r#"{"version": [3, 2, 0], "learner": {
    "attributes": {}, "feature_names": ["price", "colour"], "feature_types": ["float", "c"],
    "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
    "objective": {"name": "binary:logistic"},
    "gradient_booster": {"name": "gbtree", "model": {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"}, "tree_info": [0], "trees": [{
            "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "5", "size_leaf_vector": "1"},
            "left_children": [1, 3, -1, -1, -1], "right_children": [2, 4, -1, -1, -1],
            "split_indices": [0, 1, 0, 0, 0], "split_conditions": [1.5, 0.0, 1.0, 0.25, -0.5],
            "default_left": [1, 0, 0, 0, 0], "split_type": [0, 1, 0, 0, 0],
            "categories": [1, 3], "categories_nodes": [1], "categories_segments": [0], "categories_sizes": [2]
        }]}}}}"#;

pub(crate) const LINEAR: &str =
    r#"{"weights": {"price": 2.0, "age": -0.5}, "intercept": 1.0, "link": "logistic"}"#;

/// Changes one part of a sound file; the part must be there.
fn refusal(format: Format, sound: &str, from: &str, to: &str) -> String {
    assert!(sound.contains(from), "{from}");
    match Ranker::read(format, sound.replacen(from, to, 1).as_bytes()) {
        Ok(_) => panic!("accepted with {to:?} for {from:?}"),
        Err(error) => error.to_string(),
    }
}

fn assert_refused(format: Format, sound: &str, faults: &[(&str, &str, &str)]) {
    for (from, to, reason) in faults {
        let said = refusal(format, sound, from, to);
        assert!(said.contains(reason), "with {to:?} for {from:?}: {said:?} does not say {reason:?}");
    }
}

#[test]
fn the_sound_files_are_read_and_give_the_scores_computed_by_hand() {
    let mut rows = Matrix::default();
    rows.reset(4, 3);
    rows.column_mut(0).copy_from_slice(&[1.0, 1.0, 2.0, f32::NAN]);
    rows.column_mut(1).copy_from_slice(&[2.0, 1.0, 0.0, 3.0]);
    let raw = |format, text: &str| {
        let mut sums = vec![0.0; 4];
        Ranker::read(format, text.as_bytes()).unwrap().predict_raw(
            &rows,
            &mut RankScratch::default(),
            &mut sums,
        );
        sums
    };
    assert_eq!(raw(Format::LightGbm, LIGHTGBM), [0.375, -0.375, 1.125, -0.375]);
    assert_eq!(raw(Format::XgboostJson, XGBOOST), [0.25, -0.5, 1.0, -0.5]);
    rows.column_mut(1).fill(0.0);
    assert_eq!(Ranker::read(Format::Linear, LINEAR.as_bytes()).unwrap().inputs().len(), 2);
}

#[test]
fn lightgbm_objectives_that_say_sqrt_predict_the_signed_square_of_their_sum() {
    let mut rows = Matrix::default();
    rows.reset(2, 3);
    rows.column_mut(0).copy_from_slice(&[1.0, 2.0]);
    rows.column_mut(1).copy_from_slice(&[1.0, 0.0]);
    let predictions = |objective: &str| {
        let text = LIGHTGBM.replacen("binary sigmoid:1", objective, 1);
        let ranker = Ranker::read(Format::LightGbm, text.as_bytes()).unwrap();
        let mut predictions = vec![0.0; 2];
        ranker.predict(&rows, &mut RankScratch::default(), &mut predictions);
        predictions
    };
    for objective in ["regression", "regression_l1", "fair", "quantile", "mape"] {
        assert_eq!(predictions(objective), [-0.375, 1.125], "{objective}");
        assert_eq!(predictions(&format!("{objective} sqrt")), [-0.140625, 1.265625], "{objective}");
    }
    assert_eq!(predictions("huber sqrt"), [-0.375, 1.125], "huber ignores the word");
}

#[test]
fn a_lightgbm_model_with_a_fault_is_refused_with_its_place() {
    assert_refused(
        Format::LightGbm,
        LIGHTGBM,
        &[
            ("tree\nversion", "treee\nversion", "line 1: a LightGBM model begins"),
            ("version=v4", "version=v9", "version \"v9\""),
            ("version=v4\n", "", "head: there is no `version`"),
            ("end of trees", "end of trees?", "cut off"),
            (
                "max_feature_idx=2",
                "max_feature_idx=1",
                "line 8, head, feature_names: there are 3 names for 2 inputs",
            ),
            ("max_feature_idx=2", "max_feature_idx=4000000000", "more than 65536 inputs"),
            ("max_feature_idx=2", "max_feature_idx=-1", "line 6, head, max_feature_idx: \"-1\""),
            ("objective=binary", "objective=brier", "objective \"brier\""),
            ("sigmoid:1", "sigmoid:-1", "its sigmoid is not a number above 0"),
            ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "0 trees an iteration"),
            ("num_tree_per_iteration=1", "num_tree_per_iteration=3", "3 trees an iteration, at 2 trees"),
            ("num_tree_per_iteration=1", "num_tree_per_iteration=99999999999", "trees an iteration"),
            ("tree_sizes=300 60", "tree_sizes=300", "1 trees are announced, 2 are there"),
            ("Tree=1", "Tree=2", "line 25: tree 1 was expected"),
            (
                "num_leaves=3",
                "num_leaves=4",
                "line 20, Tree=0, leaf_value: there are 3 numbers; 4 were expected",
            ),
            ("num_leaves=3", "num_leaves=0", "at least one leaf"),
            ("num_leaves=3", "num_leaves=18446744073709551615", "num_leaves"),
            ("num_leaves=3\n", "num_leaves=3\nnum_leaves=3\n", "is there twice"),
            ("split_feature=0 1", "split_feature=0 3", "Tree=0: a node asks for input 3 of 3"),
            ("split_feature=0 1", "split_feature=0 -1", "\"-1\" (number 1)"),
            ("split_feature=0 1", "split_feature=0", "there are 1 numbers; 2 were expected"),
            ("threshold=1.5 0", "threshold=nan 0", "that of node 0 is not a number"),
            ("threshold=1.5 0", "threshold=1.5 1", "node 1 asks for set 1 of 1"),
            ("threshold=1.5 0", "threshold=1.5 0.5", "node 1 asks for set 0.5 of 1"),
            ("threshold=1.5 0", "threshold=1.5 -1", "node 1 asks for set -1 of 1"),
            (
                "threshold=1.5 0",
                "threshold=1.5 18446744073709551616",
                "node 1 asks for set 18446744073709552000",
            ),
            ("threshold=1.5 0", "threshold=1.5 4294967296", "node 1 asks for set 4294967296 of 1"),
            ("decision_type=10 1", "decision_type=1 1", "node 0 asks for set 1.5 of 1"),
            (
                "threshold=1.5 0\ndecision_type=10 1",
                "threshold=0 0\ndecision_type=1 1",
                "node 1 asks for set 0, as another node does",
            ),
            ("decision_type=10", "decision_type=14", "14 (node 0) is not known"),
            ("left_child=1 -1", "left_child=0 -1", "Tree=0: two nodes lead to node 0"),
            ("left_child=1 -1", "left_child=1 -3", "two nodes lead to leaf 2"),
            ("left_child=1 -1", "left_child=5 -1", "a node leads to node 5, which does not exist"),
            ("left_child=1 -1", "left_child=1 -9", "a node leads to leaf 8, which does not exist"),
            ("left_child=1 -1", "left_child=-1 1", "that the root does not lead to"),
            ("leaf_value=0.25", "leaf_value=nan", "leaf 0 has no finite value"),
            ("leaf_value=0.25", "leaf_value=1e999", "leaf 0 has no finite value"),
            ("leaf_value=0.25", "leaf_value=x", "\"x\" (number 0) is not a number"),
            ("num_cat=1", "num_cat=2", "cat_boundaries: there are 2 numbers; 3 were expected"),
            ("num_cat=1", "num_cat=18446744073709551615", "num_cat"),
            ("cat_boundaries=0 1", "cat_boundaries=1 0", "do not ascend from 0"),
            ("cat_boundaries=0 1", "cat_boundaries=0 9", "there are 1 numbers; 9 were expected"),
            ("shrinkage=1", "is_linear=1", "train with linear_tree=false"),
            ("pandas_categorical:[[", "pandas_categorical:[", "line 33, pandas_categorical"),
        ],
    );
    let said = Ranker::read(Format::LightGbm, b"tree\n\xff").unwrap_err().to_string();
    assert!(said.contains("byte 5: it is not UTF-8"), "{said}");
}

#[test]
fn an_xgboost_model_with_a_fault_is_refused_with_its_path() {
    let tree = "learner.gradient_booster.model.trees[0]";
    assert_refused(
        Format::XgboostJson,
        XGBOOST,
        &[
            (
                "\"learner\": {",
                "\"learner\": 1, \"x\": {",
                "learner: there is no field `learner_model_param`",
            ),
            ("binary:logistic", "binary:magic", "objective \"binary:magic\""),
            ("\"gbtree\", \"model\"", "\"gblinear\", \"model\"", "publish a linear ranker"),
            ("[5E-1]", "[x]", "learner.learner_model_param.base_score: \"[x]\" is not a number"),
            ("[5E-1]", "[5E-1,5E-1]", "there are 2 numbers for 1 outputs"),
            ("[5E-1]", "2", "2 cannot be a prediction of this objective"),
            ("\"num_feature\": \"2\"", "\"num_feature\": \"1\"", "asks for input 1 of 1"),
            ("\"num_feature\": \"2\"", "\"num_feature\": \"99999999\"", "is not a whole number up to 65536"),
            ("\"num_class\": \"0\"", "\"num_class\": \"1e9\"", "is not a whole number up to 4096"),
            ("\"num_trees\": \"1\"", "\"num_trees\": \"2\"", "2 trees are announced, 1 are there"),
            ("\"tree_info\": [0]", "\"tree_info\": [1]", "1 (number 0) is not a whole number up to 0"),
            ("\"tree_info\": [0]", "\"tree_info\": [-1]", "is no output"),
            ("\"tree_info\": [0]", "\"tree_info\": []", "there are 0 numbers; 1 were expected"),
            (
                "\"num_nodes\": \"5\"",
                "\"num_nodes\": \"6\"",
                "left_children: there are 5 numbers; 6 were expected",
            ),
            ("\"num_nodes\": \"5\"", "\"num_nodes\": \"0\"", "at least one node"),
            ("\"size_leaf_vector\": \"1\"", "\"size_leaf_vector\": \"3\"", "multi_strategy"),
            ("[1, 3, -1", "[1, 0, -1", "more than one node leads to node 0"),
            ("[1, 3, -1", "[1, 4, -1", "more than one node leads to node 4"),
            ("[1, 3, -1", "[1, 5, -1", "left_children: 5 (number 1) is not a whole number up to 4"),
            ("[1, 3, -1", "[1, -1, -1", "node 1 has one child only"),
            ("[1, 3, -1", "[1, 2.5, -1", "2.5 (number 1)"),
            ("\"split_indices\": [0, 1", "\"split_indices\": [0, 2", "node 1 asks for input 2 of 2"),
            ("\"split_indices\": [0, 1", "\"split_indices\": [0, -3", "-3 (number 1) is not a whole number"),
            ("\"split_indices\": [0, 1", "\"split_indices\": [0.5, 1", "split_indices: 0.5 (number 0)"),
            ("\"split_indices\": [0, 1", "\"split_indices\": [0, -1", "node 1 asks for input -1 of 2"),
            ("[1.5, 0.0, 1.0", "[1e39, 0.0, 1.0", "that of node 0 is not a finite number"),
            ("[1.5, 0.0, 1.0", "[1.5, 0.0, 1e39", "leaf 2 has no finite value"),
            (
                "\"split_type\": [0, 1",
                "\"split_type\": [1, 1",
                "that of node 0 does not fit categories_nodes",
            ),
            (
                "\"categories\": [1, 3]",
                "\"categories\": [1, 99999999]",
                "is not a whole number up to 16777216",
            ),
            ("\"categories_nodes\": [1]", "\"categories_nodes\": [7]", "is not a whole number up to 4"),
            ("\"categories_sizes\": [2]", "\"categories_sizes\": [3]", "is not a whole number up to 2"),
            ("\"categories_segments\": [0]", "\"categories_segments\": [1]", "reach beyond the list"),
            (
                "\"categories_nodes\": [1], \"categories_segments\": [0], \"categories_sizes\": [2]",
                "\"categories_nodes\": [0, 1], \"categories_segments\": [0, 1], \"categories_sizes\": [2, 1]",
                "they add up to 3, but there are 2 categories",
            ),
            ("\"feature_names\": [\"price\", ", "\"feature_names\": [", "there are 1 for 2 inputs"),
            (
                "\"default_left\": [1",
                "\"default_left\": [\"a\"",
                "default_left: this must be a list of numbers",
            ),
        ],
    );
    assert!(refusal(Format::XgboostJson, XGBOOST, "[1, 3, -1", "[1, 5, -1").contains(tree));
    assert!(refusal(Format::XgboostJson, XGBOOST, "\"learner\"", "learner").contains("line 1, column"));
}

#[test]
fn a_linear_model_with_a_fault_is_refused() {
    assert_refused(
        Format::Linear,
        LINEAR,
        &[
            ("\"price\": 2.0", "\"price\": null", "line 1, column"),
            ("\"price\": 2.0", "\"age\": 2.0", "weights: \"age\" is there twice"),
            ("{\"price\": 2.0, \"age\": -0.5}", "{}", "there are none"),
            ("{\"price\": 2.0, \"age\": -0.5}", "3", "weights by name, or a list"),
            ("logistic", "probit", "unknown variant `probit`"),
            ("intercept", "intercpt", "unknown field `intercpt`"),
            ("2.0", "1e999", "number out of range"),
        ],
    );
    let many = format!("{{\"weights\": [{}1]}}", "1,".repeat(65_536));
    let said = Ranker::read(Format::Linear, many.as_bytes()).unwrap_err().to_string();
    assert!(said.contains("more than 65536 weights"), "{said}");
}

#[cfg(not(feature = "onnx"))]
#[test]
fn without_the_feature_an_onnx_model_is_refused_with_what_to_do_instead() {
    let said = Ranker::read(Format::Onnx, b"\x08\x08\x12\x07pytorch").unwrap_err().to_string();
    assert_eq!(
        said,
        "an ONNX model cannot be served: use a build with the feature `onnx`, or publish trees or a linear ranker"
    );
}

/// A file that is cut off anywhere, or has one byte changed, is refused or read; it never panics or takes long.
#[test]
fn damaged_files_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut rows = Matrix::default();
    rows.reset(70, 3);
    let try_reading = |format: Format, bytes: &[u8]| {
        if let Ok(ranker) = Ranker::read(format, bytes) {
            ranker.score(&rows, &mut RankScratch::default(), &mut [0.0; 70]);
            assert!(ranker.leaves(&rows, 69).len() <= 2);
        }
    };
    let ubj = ubjson(&serde_json::from_str(XGBOOST).unwrap());
    assert!(Ranker::read(Format::XgboostUbj, &ubj).is_ok());
    let files = [
        (Format::LightGbm, LIGHTGBM.as_bytes()),
        (Format::XgboostJson, XGBOOST.as_bytes()),
        (Format::XgboostUbj, &ubj),
        (Format::Linear, LINEAR.as_bytes()),
    ];
    for (format, sound) in files {
        let whole = sound.trim_ascii_end().len();
        for end in 0..whole {
            try_reading(format, &sound[..end]);
        }
        for _ in 0..4000 {
            let mut bytes = sound.to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] =
                    if random.bool() { random.u8(..) } else { b"0123456789-.[]{}#$LZ"[random.usize(..20)] };
            }
            try_reading(format, &bytes);
        }
        let half = Ranker::read(format, &sound[..whole / 2]).unwrap_err();
        assert!(matches!(half, ModelError::Malformed { .. } | ModelError::Unreadable { .. }), "{half}");
    }
}

#[test]
pub(crate) fn ubjson_that_lies_about_its_size_is_refused() {
    let refused = |bytes: &[u8], reason: &str| {
        let said = Ranker::read(Format::XgboostUbj, bytes).unwrap_err().to_string();
        assert!(said.contains(reason), "{said}");
    };
    refused(b"{L\0\0\0\0\0\0\0\x07learner[$d#L\0\0\0\0\0\0\0\x10", "longer than the file");
    refused(b"{L\x7f\0\0\0\0\0\0\x07learner", "is not a length within the file");
    refused(b"{i\x07learner[$Z#L\0\0\0\0\x7f\0\0\0", "take no space");
    refused(b"{i\x07learner[$di\x01", "must have a count");
    refused(&[b'['; 5000], "deep");
    refused(b"{i\x07learnerQ", "byte 10: 'Q' does not begin a value");
    refused(b"{}{}", "there is more after the end");
    let many = 1 << 23;
    let nulls = [b"[#l".as_slice(), &i32::to_be_bytes(many), &vec![b'Z'; many as usize]].concat();
    refused(&nulls, "its lists, maps and texts take more than 34603036 bytes of memory, 4 times the file");
    let truths = [b"[".as_slice(), &vec![b'T'; 4 << 20], b"]"].concat();
    refused(&truths, "4 times the file");
}

#[test]
fn documents_that_take_far_more_memory_than_their_file_are_refused_while_they_are_read() {
    let refused = |bytes: &[u8], reason: &str| {
        let said = Ranker::read(Format::XgboostJson, bytes).unwrap_err().to_string();
        assert!(said.contains(reason), "{said}");
    };
    for value in ["[]", "{}", "\"\"", "null"] {
        let list = format!(r#"{{"learner":[{}0]}}"#, format!("{value},").repeat(1_000_000));
        refused(list.as_bytes(), "4 times the file");
    }
    // The first value that is no number makes documents of all that came before.
    let mixed = format!(r#"{{"learner":[{}null]}}"#, "1,".repeat(2_000_000));
    refused(mixed.as_bytes(), "4 times the file");
    let map = format!(r#"{{"learner":{{{}"z":1}}}}"#, r#""":0,"#.repeat(1_000_000));
    refused(map.as_bytes(), "4 times the file");
    refused(format!("{}1{}", "[".repeat(100), "]".repeat(100)).as_bytes(), "more than 64 deep");
}

#[test]
fn lightgbms_text_is_bounded_in_trees_fields_and_lines() {
    let refused = |text: String, reason: &str| {
        let said = Ranker::read(Format::LightGbm, text.as_bytes()).unwrap_err().to_string();
        assert!(said.contains(reason), "{said}");
    };
    let trees: String = (0..100_000).map(|tree| format!("Tree={tree}\n")).collect();
    refused(format!("tree\nversion=v4\n{trees}end of trees\n"), "no trees are so small");
    let fields: String = (0..1_000).map(|field| format!("f{field}=1\n")).collect();
    refused(format!("tree\nversion=v4\n{fields}end of trees\n"), "it has more than 200 fields");
    refused(LIGHTGBM.to_owned() + &"x\n".repeat(300_000), "more than 200000 lines follow the trees");
    let (before, _) = LIGHTGBM.split_once("pandas_categorical:").unwrap();
    let categories = format!("pandas_categorical:[[{}1]]\n", "1,".repeat(1_100_000));
    refused(before.to_owned() + &categories, "it has more than 1048576 values");
}

#[test]
fn xgboost_may_write_its_flags_as_true_and_false() {
    let flags = XGBOOST
        .replace("\"default_left\": [1, 0, 0, 0, 0]", "\"default_left\": [true, false, false, false, false]");
    assert_ne!(flags, XGBOOST);
    let mut rows = Matrix::default();
    rows.reset(2, 2);
    rows.column_mut(1).copy_from_slice(&[2.0, 3.0]);
    let read = |format, bytes: &[u8]| {
        let mut sums = vec![0.0; 2];
        let ranker = Ranker::read(format, bytes).unwrap();
        ranker.predict_raw(&rows, &mut RankScratch::default(), &mut sums);
        sums
    };
    assert_eq!(read(Format::XgboostJson, flags.as_bytes()), [0.25, -0.5]);
    assert_eq!(read(Format::XgboostUbj, &ubjson(&serde_json::from_str(&flags).unwrap())), [0.25, -0.5]);
}

/// JSON as UBJSON, the way XGBoost writes it.
pub(crate) fn ubjson(value: &serde_json::Value) -> Vec<u8> {
    let length = |count: usize| [b"L".as_slice(), &(count as i64).to_be_bytes()].concat();
    match value {
        serde_json::Value::Null => b"Z".to_vec(),
        serde_json::Value::Bool(yes) => if *yes { b"T" } else { b"F" }.to_vec(),
        serde_json::Value::Number(number) => {
            [b"d".as_slice(), &(number.as_f64().unwrap() as f32).to_be_bytes()].concat()
        }
        serde_json::Value::String(text) => {
            [b"S".to_vec(), length(text.len()), text.as_bytes().to_vec()].concat()
        }
        serde_json::Value::Array(list)
            if !list.is_empty() && list.iter().all(serde_json::Value::is_number) =>
        {
            let mut bytes = [b"[$d#".to_vec(), length(list.len())].concat();
            list.iter().for_each(|number| {
                bytes.extend((number.as_f64().unwrap() as f32).to_be_bytes());
            });
            bytes
        }
        serde_json::Value::Array(list) => {
            [b"[#".to_vec(), length(list.len()), list.iter().flat_map(ubjson).collect()].concat()
        }
        serde_json::Value::Object(fields) => {
            let field = |(key, value): (&String, &serde_json::Value)| {
                [length(key.len()), key.as_bytes().to_vec(), ubjson(value)].concat()
            };
            [b"{".to_vec(), fields.iter().flat_map(field).collect(), b"}".to_vec()].concat()
        }
    }
}
