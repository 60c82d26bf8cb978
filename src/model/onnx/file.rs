//! What an ONNX file must say about its inputs, outputs and operations, checked before anything is made of it.

use tract_onnx::pb::tensor_shape_proto::dimension::Value;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto, type_proto};

use super::INSTEAD;
use crate::model::ModelError;
use crate::model::error::shown;
use crate::model::parts::MAX_INPUTS;

/// ONNX's number for tensors of 32-bit floats.
const FLOAT: i32 = 1;

/// Whose operations are known: ONNX's own, by either name, and its classical models.
const DOMAINS: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

/// The number of features that the network takes, if it is one that can be served.
pub(super) fn check(model: &ModelProto, known: impl Fn(&str) -> bool) -> Result<usize, ModelError> {
    let graph = model.graph.as_ref().ok_or_else(|| ModelError::malformed("the file", "it has no graph"))?;
    // Older files list the weights among the inputs, too.
    let given = |name: &str| graph.initializer.iter().any(|weights| weights.name == name);
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !given(&input.name)).collect();
    let ([input], [output]) = (inputs.as_slice(), graph.output.as_slice()) else {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (inputs, outputs) = (count(inputs.len(), "input"), count(graph.output.len(), "output"));
        return Err(ModelError::unsupported(format!("an ONNX network with {inputs} and {outputs}"), INSTEAD));
    };
    // Checked here and not left to tract, whose message would name neither the operation nor what to do.
    for node in &graph.node {
        operation(node, &known)?;
    }
    outputs_exist(graph, &output.name)?;
    width(input)
}

fn operation(node: &NodeProto, known: impl Fn(&str) -> bool) -> Result<(), ModelError> {
    let name = node.op_type.as_str();
    let inner = node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
    if inner || !known(name) || !DOMAINS.contains(&node.domain.as_str()) {
        let of = if node.domain.is_empty() { String::new() } else { format!(" of {}", shown(&node.domain)) };
        let what = format!("the operation {}{of} of an ONNX network", shown(name));
        return Err(ModelError::unsupported(what, "export the network with plain operations of ONNX"));
    }
    Ok(())
}

fn outputs_exist(graph: &GraphProto, output: &str) -> Result<(), ModelError> {
    if !graph.node.iter().any(|node| node.output.iter().any(|made| made == output)) {
        return Err(ModelError::malformed(format!("output {}", shown(output)), "no operation makes it"));
    }
    Ok(())
}

/// The second dimension of a [rows, features] input of floats.
fn width(input: &ValueInfoProto) -> Result<usize, ModelError> {
    let wrong = |reason: String| {
        ModelError::unsupported(
            format!("an ONNX network whose input {} {reason}", shown(&input.name)),
            INSTEAD,
        )
    };
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        return Err(wrong("is no tensor".to_owned()));
    };
    if tensor.elem_type != FLOAT {
        return Err(wrong(format!("has elements of ONNX's type {}", tensor.elem_type)));
    }
    let dimensions = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    match dimensions {
        [_, features] => match features.value {
            Some(Value::DimValue(features)) => usize::try_from(features)
                .ok()
                .filter(|features| (1..=MAX_INPUTS).contains(features))
                .ok_or_else(|| wrong(format!("takes {features} features, not 1 to {MAX_INPUTS}"))),
            _ => Err(wrong("does not say how many features it takes".to_owned())),
        },
        _ => Err(wrong(format!("has {} dimensions", dimensions.len()))),
    }
}
