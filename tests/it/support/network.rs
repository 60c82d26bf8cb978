//! Writes ONNX files of small networks, field by field as `onnx.proto` numbers them.

/// A dimension of an input or output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dim {
    Of(usize),
    Named(&'static str),
}

/// Any number of rows.
pub(crate) const ROWS: Dim = Dim::Named("batch");

/// ONNX's number for 32-bit floats.
pub(crate) const FLOAT: u64 = 1;

/// An ONNX graph in the making. What is given to it is written as it is, sound or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network(Vec<u8>);

impl Network {
    pub(crate) fn input(self, name: &str, kind: u64, dims: &[Dim]) -> Self {
        self.with(11, &value_info(name, kind, dims))
    }

    pub(crate) fn output(self, name: &str, dims: &[Dim]) -> Self {
        self.with(12, &value_info(name, FLOAT, dims))
    }

    /// Constant floats, row by row.
    pub(crate) fn weights(self, name: &str, dims: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = dims.iter().flat_map(|dim| number(1, *dim as u64));
        let parts = [dims.collect(), number(2, FLOAT), text(8, name), part(9, &bytes)];
        self.with(5, &parts.concat())
    }

    pub(crate) fn node(self, operation: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(operation, inputs, output, &[])
    }

    /// `more` are further fields of the node: attributes, its domain.
    pub(crate) fn node_with(self, operation: &str, inputs: &[&str], output: &str, more: &[Vec<u8>]) -> Self {
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| text(1, input)).collect();
        self.with(1, &[inputs, text(2, output), text(4, operation), more.concat()].concat())
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let graph = [text(2, "network"), self.0.clone()].concat();
        let opset = number(2, 12);
        [number(1, 7), text(2, "larder"), part(7, &graph), part(8, &opset)].concat()
    }

    fn with(mut self, field: u64, content: &[u8]) -> Self {
        self.0.extend(part(field, content));
        self
    }
}

/// A node's attribute that is a number.
pub(crate) fn int(name: &str, value: u64) -> Vec<u8> {
    part(5, &[text(1, name), number(3, value), number(20, 2)].concat())
}

/// A node's attribute that is a list with one number.
pub(crate) fn ints(name: &str, value: u64) -> Vec<u8> {
    part(5, &[text(1, name), number(8, value), number(20, 7)].concat())
}

/// A node's attribute that is a graph.
pub(crate) fn graph(name: &str, graph: &Network) -> Vec<u8> {
    part(5, &[text(1, name), part(6, &graph.0), number(20, 5)].concat())
}

/// A node's domain.
pub(crate) fn domain(name: &str) -> Vec<u8> {
    text(7, name)
}

fn value_info(name: &str, kind: u64, dims: &[Dim]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|dim| match dim {
        Dim::Of(size) => part(1, &number(1, *size as u64)),
        Dim::Named(name) => part(1, &text(2, name)),
    });
    let tensor = [number(1, kind), part(2, &dims.collect::<Vec<u8>>())].concat();
    [text(1, name), part(2, &part(1, &tensor))].concat()
}

fn text(field: u64, value: &str) -> Vec<u8> {
    part(field, value.as_bytes())
}

/// A field of protobuf with a length before its content.
fn part(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
