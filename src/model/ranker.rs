//! A model, whoever trained it, behind one face.

use super::error::ModelError;
use super::format::Format;
use super::input::Input;
use super::linear::Linear;
use super::link::Link;
use super::matrix::Matrix;

/// A trained model. Never changes; scoring from many threads at once needs a [`RankScratch`] for each.
#[derive(Debug)]
pub struct Ranker {
    format: Format,
    objective: String,
    inputs: Vec<Input>,
    body: Body,
    link: Link,
    outputs: usize,
    chosen: usize,
}

/// Memory that scoring needs, reused between calls: after the first calls nothing is allocated.
#[derive(Debug, Default)]
pub struct RankScratch {
    /// By output, then by row.
    sums: Vec<f64>,
}

/// What the readers hand over.
#[derive(Debug)]
struct Parts {
    objective: String,
    inputs: Vec<Input>,
    body: Body,
    link: Link,
    outputs: usize,
}

#[derive(Debug)]
enum Body {
    Linear(Linear),
}

impl Ranker {
    /// Reads a model file. Everything in it is checked here, so that scoring cannot fail.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, ModelError> {
        let parts = match format {
            Format::Linear => {
                let (linear, inputs, link) = Linear::read(bytes)?;
                let objective = match link {
                    Link::Logistic { .. } => "logistic",
                    Link::Exp => "exp",
                    _ => "identity",
                };
                Parts {
                    objective: objective.to_owned(),
                    inputs,
                    body: Body::Linear(linear),
                    link,
                    outputs: 1,
                }
            }
            Format::LightGbm | Format::XgboostJson | Format::XgboostUbj | Format::Onnx => {
                return Err(ModelError::unsupported(format.name(), "not read yet"));
            }
        };
        let Parts { objective, inputs, body, link, outputs } = parts;
        Ok(Self { format, objective, inputs, body, link, outputs, chosen: 0 })
    }

    /// The same model, with [`Ranker::score`] giving another output: for multiclass models, the class; 0 unless said.
    pub fn with_output(self, output: usize) -> Result<Self, ModelError> {
        if output >= self.outputs {
            return Err(ModelError::NoSuchOutput { output, outputs: self.outputs });
        }
        Ok(Self { chosen: output, ..self })
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
        };
        format!("{} {}: {size}, {} inputs", self.format.name(), self.objective, self.inputs.len())
    }

    /// Gives each row its score: what the library's own `predict` returns for it (of a multiclass model, the probability of
    /// the class chosen by [`Ranker::with_output`]).
    ///
    /// Columns beyond [`Ranker::inputs`] are not looked at; columns that are not there count as missing. As many scores are
    /// written as there are rows and places in `out`.
    pub fn score(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f32]) {
        self.sum(rows, scratch);
        let stride = rows.rows();
        for (row, score) in out.iter_mut().enumerate().take(stride) {
            *score = self.prediction(&scratch.sums, stride, row, self.chosen) as f32;
        }
    }

    /// The predictions in full precision: by row, then by output.
    pub fn predict(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f64]) {
        self.sum(rows, scratch);
        let stride = rows.rows();
        for (row, outputs) in out.chunks_exact_mut(self.outputs).enumerate().take(stride) {
            for (output, prediction) in outputs.iter_mut().enumerate() {
                *prediction = self.prediction(&scratch.sums, stride, row, output);
            }
        }
    }

    /// As [`Ranker::predict`], before the objective's transformation (sigmoid, exp, softmax).
    pub fn predict_raw(&self, rows: &Matrix, scratch: &mut RankScratch, out: &mut [f64]) {
        self.sum(rows, scratch);
        for (row, outputs) in out.chunks_exact_mut(self.outputs).enumerate().take(rows.rows()) {
            for (output, sum) in outputs.iter_mut().enumerate() {
                *sum = scratch.sums[output * rows.rows() + row];
            }
        }
    }

    /// The bytes it occupies.
    pub fn resident_bytes(&self) -> usize {
        let body = match &self.body {
            Body::Linear(linear) => linear.resident_bytes(),
        };
        size_of::<Self>() + body + self.inputs.iter().map(Input::resident_bytes).sum::<usize>()
    }

    fn sum(&self, rows: &Matrix, scratch: &mut RankScratch) {
        scratch.sums.resize(self.outputs * rows.rows(), 0.0);
        match &self.body {
            Body::Linear(linear) => linear.sum(rows, &mut scratch.sums),
        }
    }

    fn prediction(&self, sums: &[f64], stride: usize, row: usize, output: usize) -> f64 {
        self.link.apply(|output| sums[output * stride + row], self.outputs, output)
    }
}
