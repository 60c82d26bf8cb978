//! ONNX networks of the small kind: rows of features in, rows of outputs out. Run by tract, in builds with the feature
//! `onnx`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use thiserror::Error;
use tract_onnx::prelude::*;

use super::input::Input;
use super::link::Link;
use super::parts::{MAX_OUTPUTS, Parts};
use super::{Matrix, ModelError};

mod file;

/// What can be served instead of most of what cannot.
const INSTEAD: &str = "export a network with one input of shape [rows, features] and one output of shape [rows], \
                       [rows, 1] or [rows, outputs], both 32-bit floats";

/// A network with one input [rows, inputs] and one output [rows, outputs] or [rows], of f32.
///
/// It always runs on [`Matrix::BLOCK`] rows at once: the one shape that it was optimised for and tried out with when it
/// was read, small enough for what passes between its layers to stay in the cache.
pub(super) struct Onnx {
    plan: Arc<TypedRunnableModel>,
    inputs: usize,
    outputs: usize,
    /// What the network gets where a feature is missing.
    missing: f32,
    bytes: usize,
}

/// The rows of a block, row by row, as tract wants them.
#[derive(Debug, Default)]
pub(super) struct OnnxScratch {
    block: Option<Arc<Tensor>>,
}

impl Onnx {
    pub(super) fn read(bytes: &[u8]) -> Result<Parts<Box<Self>>, ModelError> {
        let graph = |fault: NetworkFault| ModelError::unreadable("the graph", fault);
        let framework = tract_onnx::onnx();
        let proto = guarded(|| framework.proto_model_for_read(&mut &*bytes));
        let proto = proto.map_err(|fault| ModelError::unreadable("the file", fault))?;
        let inputs = file::check(&proto, |operation| framework.op_register.0.contains_key(operation))?;
        let model = guarded(|| {
            let fact = InferenceFact::dt_shape(f32::datum_type(), [Matrix::BLOCK, inputs]);
            framework.model_for_proto_model(&proto)?.with_input_fact(0, fact)?.into_optimized()
        });
        let model = model.map_err(graph)?;
        let outputs = outputs(&model)?;
        let plan = guarded(|| model.into_runnable()).map_err(graph)?;
        let network = Self { plan, inputs, outputs, missing: f32::NAN, bytes: bytes.len() };
        // What fails on made-up rows would have failed in every request.
        network.try_out()?;
        Ok(Parts {
            objective: "network".to_owned(),
            inputs: vec![Input::number(None); inputs],
            body: Box::new(network),
            link: Link::Identity,
            outputs,
            divisor: 1.0,
        })
    }

    pub(super) fn set_missing(&mut self, value: f32) {
        self.missing = value;
    }

    /// Writes the outputs of each row: `sums` has `stride` places for output 0, then as many for output 1. NaN, which
    /// sinks to the end of every slate, for rows that the network cannot be run on.
    pub(super) fn sum(&self, rows: &Matrix, scratch: &mut OnnxScratch, stride: usize, sums: &mut [f64]) {
        sums.fill(f64::NAN);
        for first in (0..rows.rows()).step_by(Matrix::BLOCK) {
            let Ok(values) = self.run(rows, first, scratch) else { continue };
            let Some(values) = numbers(&values) else { continue };
            for (row, outputs) in values.chunks_exact(self.outputs).enumerate() {
                for (output, value) in outputs.iter().enumerate() {
                    if let Some(sum) = sums.get_mut(output * stride + first + row) {
                        *sum = f64::from(*value);
                    }
                }
            }
        }
    }

    pub(super) fn operations(&self) -> usize {
        self.plan.model().nodes.len()
    }

    pub(super) fn resident_bytes(&self) -> usize {
        // Nearly all of a file are weights, and so is nearly all of what tract keeps.
        self.bytes
    }

    /// The outputs of the block of rows from `first`.
    fn run(&self, rows: &Matrix, first: usize, scratch: &mut OnnxScratch) -> Result<TValue, NetworkFault> {
        guarded(|| {
            let shape = [Matrix::BLOCK, self.inputs];
            // Reused where tract has given the last one back: blocks are as wide as the network.
            let mut block = match scratch.block.take().and_then(|block| Arc::try_unwrap(block).ok()) {
                Some(block) if block.shape() == shape => block,
                _ => Tensor::zero::<f32>(&shape)?,
            };
            self.fill(block.try_as_plain_ram_mut()?.as_slice_mut()?, rows, first);
            let block = Arc::new(block);
            scratch.block = Some(block.clone());
            let outputs = self.plan.run(tvec!(TValue::from_const(block)))?;
            outputs.into_iter().next().ok_or_else(|| TractError::msg("it gave no output"))
        })
    }

    fn fill(&self, block: &mut [f32], rows: &Matrix, first: usize) {
        block.fill(self.missing);
        for column in 0..self.inputs {
            let values = rows.padded(column).get(first..).unwrap_or(&[]);
            for (row, value) in block.chunks_exact_mut(self.inputs).zip(values) {
                row[column] = if value.is_nan() { self.missing } else { *value };
            }
        }
    }

    /// Runs it on made-up rows: what fails there would have failed in every request.
    fn try_out(&self) -> Result<(), ModelError> {
        const PLACE: &str = "run on a batch of rows, the network";
        let failed = |fault: NetworkFault| ModelError::unreadable(PLACE, fault);
        let mut rows = Matrix::default();
        rows.reset(2 * Matrix::BLOCK, self.inputs);
        let mut random = fastrand::Rng::with_seed(1);
        for column in 0..self.inputs {
            let values = rows.column_mut(column);
            for value in values.iter_mut() {
                *value = 2.0 * random.f32() - 1.0;
            }
            // The first row again as the first of the next block, where its neighbours are others.
            values.copy_within(..1, Matrix::BLOCK);
        }
        let mut scratch = OnnxScratch::default();
        let first_row = |first: usize, scratch: &mut OnnxScratch| {
            let values = self.run(&rows, first, scratch).map_err(failed)?;
            let values = numbers(&values).filter(|values| values.len() == Matrix::BLOCK * self.outputs);
            let row = values.and_then(|values| values.get(..self.outputs));
            let row = row.ok_or_else(|| ModelError::malformed(PLACE, "gives another shape than it says"))?;
            Ok(row.iter().map(|value| value.to_bits()).collect::<Vec<u32>>())
        };
        // The same row in other company.
        if first_row(0, &mut scratch)? != first_row(Matrix::BLOCK, &mut scratch)? {
            let what = "an ONNX network whose output for a row depends on the other rows or on chance";
            return Err(ModelError::unsupported(what, "export one that scores each row by itself"));
        }
        Ok(())
    }
}

impl fmt::Debug for Onnx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, outputs, .. } = self;
        formatter
            .debug_struct("Onnx")
            .field("inputs", inputs)
            .field("outputs", outputs)
            .finish_non_exhaustive()
    }
}

/// How many outputs it has for a row.
fn outputs(model: &TypedModel) -> Result<usize, ModelError> {
    let fact = model
        .output_fact(0)
        .map_err(|error| ModelError::unreadable("the output", NetworkFault::refused(&error)))?;
    let shape = fact.shape.as_concrete().unwrap_or(&[]);
    let outputs = match shape {
        [rows] if *rows == Matrix::BLOCK => 1,
        [rows, outputs] if *rows == Matrix::BLOCK => *outputs,
        _ => 0,
    };
    if fact.datum_type != f32::datum_type() || !(1..=MAX_OUTPUTS).contains(&outputs) {
        let (kind, block) = (fact.datum_type, Matrix::BLOCK);
        let what =
            format!("an ONNX network whose output for {block} rows is of shape {shape:?} and type {kind:?}");
        return Err(ModelError::unsupported(what, INSTEAD));
    }
    Ok(outputs)
}

fn numbers(tensor: &Tensor) -> Option<&[f32]> {
    tensor.try_as_plain_ram().ok()?.as_slice().ok()
}

/// Why tract cannot work with a network.
#[derive(Debug, Error)]
enum NetworkFault {
    /// What it says, with its causes.
    #[error("{0}")]
    Refused(String),
    #[error("cannot be worked with ({0})")]
    Panicked(String),
}

impl NetworkFault {
    fn refused(error: &TractError) -> Self {
        Self::Refused(printable(&error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")))
    }
}

/// Runs tract, and takes a panic of it as a fault of the file: it was not written for files that may be wrong.
fn guarded<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, NetworkFault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(NetworkFault::refused(&error)),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(NetworkFault::Panicked(printable(said.unwrap_or("for a reason that is not known"))))
        }
    }
}

/// A text that may quote the file, as part of one line of a log.
fn printable(text: &str) -> String {
    const MOST: usize = 400;
    text.chars().take(MOST).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
