//! Rankers answer as the libraries that trained them: the same leaf in every tree, the same predictions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use larder::cpu::{self, Level};
use larder::model::{CategoryValue, Format, InputKind, Matrix, RankScratch, Ranker};
use serde::Deserialize;

use crate::support::levels;
use crate::support::skip::skip;

pub(crate) mod bad_models;
mod categories;
mod linear;
#[cfg(feature = "onnx")]
mod onnx;

/// What the script writes about a model.
#[derive(Debug, Clone, Deserialize)]
struct Case {
    name: String,
    format: String,
    rows: usize,
    inputs: usize,
    outputs: usize,
    objective: String,
    #[serde(default)]
    names: Vec<String>,
}

/// What the script wrote, in a directory that lives as long as the tests.
fn trained() -> Option<&'static (PathBuf, Vec<Case>)> {
    static TRAINED: OnceLock<Option<(PathBuf, Vec<Case>)>> = OnceLock::new();
    TRAINED.get_or_init(train).as_ref()
}

fn train() -> Option<(PathBuf, Vec<Case>)> {
    let imported = Command::new("python3").args(["-c", "import lightgbm, xgboost, pandas"]).output();
    if !imported.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rankers");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rankers/train_models.py");
    let output = Command::new("python3").arg(script).arg(&directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let index = std::fs::read(directory.join("index.json")).unwrap();
    Some((directory, serde_json::from_slice(&index).unwrap()))
}

/// The trained models; without the libraries says that `test` is skipped, which under CI is a failure.
fn trained_for(test: &str) -> Option<&'static (PathBuf, Vec<Case>)> {
    let trained = trained();
    if trained.is_none() {
        skip(test, "python3 with lightgbm, xgboost and pandas: pip install -r .ci/requirements.txt");
    }
    trained
}

impl Case {
    fn ranker(&self, directory: &Path) -> Ranker {
        let bytes = std::fs::read(directory.join(format!("{}.model", self.name))).unwrap();
        let format = Format::parse(&self.format).unwrap();
        assert_eq!(Format::guess(&bytes), Some(format), "{}", self.name);
        Ranker::read(format, &bytes).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn matrix(&self, directory: &Path) -> Matrix {
        let values = numbers(directory, &self.name, "rows", f32::from_le_bytes);
        let mut matrix = Matrix::default();
        matrix.reset(self.rows, self.inputs);
        for input in 0..self.inputs {
            for (row, value) in matrix.column_mut(input).iter_mut().enumerate() {
                *value = values[row * self.inputs + input];
            }
        }
        matrix
    }
}

fn numbers<const N: usize, T>(directory: &Path, name: &str, ending: &str, read: fn([u8; N]) -> T) -> Vec<T> {
    let bytes = std::fs::read(directory.join(format!("{name}.{ending}"))).unwrap();
    bytes.as_chunks().0.iter().map(|bytes| read(*bytes)).collect()
}

fn assert_near(name: &str, what: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{name}: {what}");
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let far = (ours - theirs).abs() / theirs.abs().max(1.0);
        assert!(far <= 1e-6, "{name}: {what} {at}: {ours}, but the library says {theirs}");
    }
}

#[test]
fn every_row_ends_in_the_leaf_of_every_tree_that_its_library_names() {
    let Some((directory, cases)) = trained_for("every_row_ends_in_the_leaf_of_every_tree") else { return };
    for case in cases {
        let (ranker, rows) = (case.ranker(directory), case.matrix(directory));
        let theirs = numbers(directory, &case.name, "leaves", i32::from_le_bytes);
        let trees = theirs.len() / case.rows;
        assert!(trees > 0, "{}", case.name);
        for (row, theirs) in theirs.chunks_exact(trees).enumerate() {
            let theirs: Vec<u32> = theirs.iter().map(|leaf| *leaf as u32).collect();
            assert_eq!(ranker.leaves(&rows, row), theirs, "{}, row {row}", case.name);
        }
    }
}

#[test]
fn predictions_are_those_of_the_library() {
    let Some((directory, cases)) = trained_for("predictions_are_those_of_the_library") else { return };
    for case in cases {
        let (ranker, rows) = (case.ranker(directory), case.matrix(directory));
        assert_eq!((ranker.outputs(), ranker.inputs().len()), (case.outputs, case.inputs), "{}", case.name);
        assert_eq!(ranker.objective(), case.objective, "{}", case.name);
        assert!(ranker.resident_bytes() > 0 && !ranker.describe().is_empty());
        let theirs = numbers(directory, &case.name, "predictions", f64::from_le_bytes);
        let raw = numbers(directory, &case.name, "raw", f64::from_le_bytes);
        let mut scratch = RankScratch::default();
        let mut ours = vec![0.0; case.rows * case.outputs];
        ranker.predict_raw(&rows, &mut scratch, &mut ours);
        assert_near(&case.name, "raw prediction", &ours, &raw);
        ranker.predict(&rows, &mut scratch, &mut ours);
        assert_near(&case.name, "prediction", &ours, &theirs);
        let name = case.name.clone();
        for (output, ranker) in (0..case.outputs).map(|k| (k, case.ranker(directory).with_output(k).unwrap()))
        {
            let mut scores = vec![0.0; case.rows];
            ranker.score(&rows, &mut scratch, &mut scores);
            let wanted: Vec<f64> = ours.iter().skip(output).step_by(case.outputs).copied().collect();
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            assert_near(&name, "score", &scores, &wanted);
        }
        assert!(ranker.with_output(case.outputs).is_err());
    }
}

/// LightGBM adds up doubles, and so does its ranker, in the same order: not a bit differs.
#[test]
fn sums_of_lightgbm_models_are_equal_to_the_last_bit() {
    let Some((directory, cases)) = trained_for("sums_of_lightgbm_models_are_equal") else { return };
    for case in cases.iter().filter(|case| case.format == "lightgbm") {
        let (ranker, rows) = (case.ranker(directory), case.matrix(directory));
        let theirs = numbers(directory, &case.name, "raw", f64::from_le_bytes);
        let mut ours = vec![0.0; case.rows * case.outputs];
        ranker.predict_raw(&rows, &mut RankScratch::default(), &mut ours);
        assert!(ours == theirs, "{}", case.name);
    }
}

#[test]
fn every_level_of_instructions_gives_the_same_bits() {
    let Some((directory, cases)) = trained_for("every_level_of_instructions_gives_the_same_bits") else {
        return;
    };
    let _guard = levels::one_at_a_time();
    for case in cases {
        let (ranker, rows) = (case.ranker(directory), case.matrix(directory));
        let at = |level: Level| {
            cpu::limit_to(level);
            let mut scores = vec![0.0; case.rows];
            ranker.score(&rows, &mut RankScratch::default(), &mut scores);
            scores.iter().map(|score| score.to_bits()).collect::<Vec<u32>>()
        };
        let wanted = at(Level::SCALAR);
        assert!(Level::all().all(|level| at(level) == wanted), "{}", case.name);
    }
}

#[test]
fn inputs_have_the_names_and_categories_of_the_data_frame() {
    let Some((directory, cases)) = trained_for("inputs_have_the_names_and_categories") else { return };
    let frames: Vec<&Case> = cases.iter().filter(|case| !case.names.is_empty()).collect();
    assert_eq!(frames.len(), 3, "LightGBM, XGBoost as JSON and as UBJSON");
    for case in frames {
        let ranker = case.ranker(directory);
        let inputs = ranker.inputs();
        let names: Vec<&str> = inputs.iter().filter_map(|input| input.name.as_deref()).collect();
        assert_eq!(names, case.names);
        let kinds: Vec<InputKind> = inputs.iter().map(|input| input.kind).collect();
        use InputKind::{Category, Number};
        assert_eq!(kinds, [Number, Category, Category, Number], "{}", case.name);
        assert_eq!(inputs[1].categories[0], CategoryValue::Text("colour 0".to_owned()));
        // XGBoost 3.2 cuts its texts off where they are not ASCII.
        let last = if case.format == "lightgbm" { "süß" } else { "sü" };
        assert_eq!(inputs[1].categories[12], CategoryValue::Text(last.to_owned()));
        assert_eq!(inputs[2].categories[1], CategoryValue::Number(398.0));
        assert_eq!((inputs[1].categories.len(), inputs[2].categories.len()), (13, 400));
    }
    let plain = cases.iter().find(|case| case.name == "lightgbm-binary").unwrap().ranker(directory);
    let kinds: Vec<bool> = plain.inputs().iter().map(|input| input.kind == InputKind::Category).collect();
    assert_eq!(kinds, [false, false, false, true, true, false]);
}
