//! A model, whoever trained it, behind one face.

use super::error::ModelError;
use super::forest::{Forest, ForestScratch};
use super::format::Format;
use super::input::Input;
use super::linear::Linear;
use super::link::Link;
use super::matrix::Matrix;
use super::parts::Parts;
use super::{lightgbm, xgboost};

/// A trained model. Never changes; scoring from many threads at once needs a [`RankScratch`] for each.
#[derive(Debug)]
pub struct Ranker {
    format: Format,
    objective: String,
    inputs: Vec<Input>,
    body: Body,
    link: Link,
    divisor: f64,
    outputs: usize,
    chosen: usize,
}

/// Memory that scoring needs, reused between calls: after the first calls nothing is allocated.
#[derive(Debug, Default)]
pub struct RankScratch {
    /// By output, then by padded row.
    sums: Vec<f64>,
    forest: ForestScratch,
    #[cfg(feature = "onnx")]
    onnx: super::onnx::OnnxScratch,
}

/// What scores, by the form that a format is read into.
#[derive(Debug)]
enum Body {
    Linear(Linear),
    Forest(Box<Forest>),
    #[cfg(feature = "onnx")]
    Onnx(Box<super::onnx::Onnx>),
}

impl Ranker {
    /// Reads a model file. Everything in it is checked here, so that scoring cannot fail.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, ModelError> {
        let parts = match format {
            Format::LightGbm => lightgbm::read(bytes)?.map(Body::Forest),
            Format::XgboostJson => xgboost::read_json(bytes)?.map(Body::Forest),
            Format::XgboostUbj => xgboost::read_ubjson(bytes)?.map(Body::Forest),
            Format::Linear => Linear::read(bytes)?.map(Body::Linear),
            #[cfg(feature = "onnx")]
            Format::Onnx => super::onnx::Onnx::read(bytes)?.map(Body::Onnx),
            #[cfg(not(feature = "onnx"))]
            Format::Onnx => {
                return Err(ModelError::unsupported(
                    "an ONNX model",
                    "use a build with the feature `onnx`, or publish trees or a linear ranker",
                ));
            }
        };
        // Destructured whole: what a reader adds must find its place here.
        let Parts { objective, inputs, body, link, outputs, divisor } = parts;
        Ok(Self { format, objective, inputs, body, link, divisor, outputs, chosen: 0 })
    }

    /// The same model, with [`Ranker::score`] giving another output: for multiclass models, the class; 0 unless said.
    pub fn with_output(self, output: usize) -> Result<Self, ModelError> {
        if output >= self.outputs {
            return Err(ModelError::NoSuchOutput { output, outputs: self.outputs });
        }
        Ok(Self { chosen: output, ..self })
    }

    /// The same model, getting `value` where a feature is missing. For ONNX networks, which do not know missing values;
    /// the other formats say themselves what becomes of one.
    pub fn with_missing(self, value: f32) -> Result<Self, ModelError> {
        match self.body {
            #[cfg(feature = "onnx")]
            Body::Onnx(mut network) => {
                network.set_missing(value);
                Ok(Self { body: Body::Onnx(network), ..self })
            }
            _ => {
                let what = format!("{value} in place of a missing feature of a {} model", self.format.name());
                Err(ModelError::unsupported(what, "leave it out: the model says itself what becomes of them"))
            }
        }
    }

    /// The columns that the matrix must have, in this order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// How many numbers it predicts for a row: more than 1 for multiclass models.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// What it was trained for, as its library calls it: `lambdarank`, `binary:logistic`.
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// Which format it was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let size = match &self.body {
            Body::Linear(_) => "linear".to_owned(),
            Body::Forest(forest) => format!("{} trees, {} leaves", forest.trees(), forest.leaf_count()),
            #[cfg(feature = "onnx")]
            Body::Onnx(network) => format!("{} operations", network.operations()),
        };
        format!("{} {}: {size}, {} inputs", self.format.name(), self.objective, self.inputs.len())
    }

    /// Gives each row its score: what the library's own `predict` returns for it (of a multiclass model, the
    /// probability of the class chosen by [`Ranker::with_output`]).
    ///
    /// Columns beyond [`Ranker::inputs`] are not looked at; columns that are not there count as missing. As many scores
    /// are written as there are rows and places in `out`.
    pub fn score(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f32]) {
        let stride = self.sum(rows, scratch);
        for (row, score) in out.iter_mut().enumerate().take(rows.rows()) {
            *score = self.prediction(&scratch.sums, stride, row, self.chosen) as f32;
        }
    }

    /// The predictions in full precision: by row, then by output.
    pub fn predict(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f64]) {
        let stride = self.sum(rows, scratch);
        for (row, outputs) in out.chunks_exact_mut(self.outputs).enumerate().take(rows.rows()) {
            for (output, prediction) in outputs.iter_mut().enumerate() {
                *prediction = self.prediction(&scratch.sums, stride, row, output);
            }
        }
    }

    /// The sums of leaves or terms, before averaging and the objective's transformation (sigmoid, exp, softmax): what
    /// the libraries call raw score or margin.
    pub fn predict_raw(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f64]) {
        let stride = self.sum(rows, scratch);
        for (row, outputs) in out.chunks_exact_mut(self.outputs).enumerate().take(rows.rows()) {
            for (output, sum) in outputs.iter_mut().enumerate() {
                *sum = scratch.sums[output * stride + row];
            }
        }
    }

    /// What the library calls the leaf that the row ends up in, for each tree in the order of the file: LightGBM's
    /// number of the leaf, XGBoost's number of the node. Empty for models without trees, and for rows that do not
    /// exist.
    pub fn leaves(&self, rows: &Matrix, row: usize) -> Vec<u32> {
        match &self.body {
            Body::Forest(forest) => forest.leaves(rows, row, &mut ForestScratch::default()),
            _ => Vec::new(),
        }
    }

    /// The bytes it occupies.
    pub fn resident_bytes(&self) -> usize {
        let body = match &self.body {
            Body::Linear(linear) => linear.resident_bytes(),
            Body::Forest(forest) => forest.resident_bytes(),
            #[cfg(feature = "onnx")]
            Body::Onnx(network) => network.resident_bytes(),
        };
        size_of::<Self>() + body + self.inputs.iter().map(Input::resident_bytes).sum::<usize>()
    }

    /// Fills `scratch.sums`; returns how far apart outputs are in it.
    fn sum(&self, rows: &Matrix, scratch: &mut RankScratch) -> usize {
        // Whole blocks, as forests write the sums of all rows of a block, padding included.
        let stride = rows.rows().next_multiple_of(Matrix::BLOCK);
        scratch.sums.resize(self.outputs * stride, 0.0);
        match &self.body {
            Body::Linear(linear) => linear.sum(rows, &mut scratch.sums),
            Body::Forest(forest) => forest.sum(rows, &mut scratch.forest, &mut scratch.sums),
            #[cfg(feature = "onnx")]
            Body::Onnx(network) => network.sum(rows, &mut scratch.onnx, stride, &mut scratch.sums),
        }
        stride
    }

    fn prediction(&self, sums: &[f64], stride: usize, row: usize, output: usize) -> f64 {
        self.link.apply(|output| sums[output * stride + row] / self.divisor, self.outputs, output)
    }
}
