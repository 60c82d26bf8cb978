//! ONNX networks answer as the same network computed by hand; what cannot be served is refused before a request sees
//! it.

use larder::model::{Format, Matrix, RankScratch, Ranker};

use crate::support::network::{Dim, FLOAT, Network, ROWS, domain, graph, int, ints};

/// A layer: weights by input, then by output, and an addend for each output.
struct Layer {
    inputs: usize,
    outputs: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

fn layers(sizes: &[usize]) -> Vec<Layer> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut numbers = |count: usize| (0..count).map(|_| random.f32() - 0.5).collect::<Vec<f32>>();
    let layer = |pair: &[usize]| Layer {
        inputs: pair[0],
        outputs: pair[1],
        weights: numbers(pair[0] * pair[1]),
        bias: numbers(pair[1]),
    };
    sizes.windows(2).map(layer).collect()
}

/// The network with ReLU between its layers, as PyTorch writes it (weights by output) or with a product and a sum
/// apart.
fn mlp(layers: &[Layer], rows: Dim, transposed: bool) -> Network {
    let (first, last) = (&layers[0], &layers[layers.len() - 1]);
    let mut network = Network::default()
        .input("features", FLOAT, &[rows, Dim::Of(first.inputs)])
        .output(&format!("sum{}", layers.len() - 1), &[rows, Dim::Of(last.outputs)]);
    let mut before = "features".to_owned();
    for (at, Layer { inputs, outputs, weights, bias }) in layers.iter().enumerate() {
        let [w, b, product, sum, relu] =
            ["w", "b", "product", "sum", "relu"].map(|name| format!("{name}{at}"));
        network = network.weights(&b, &[*outputs], bias);
        network = if transposed {
            let cell = |at: usize| weights[at % inputs * outputs + at / inputs];
            let by_output: Vec<f32> = (0..inputs * outputs).map(cell).collect();
            network.weights(&w, &[*outputs, *inputs], &by_output).node_with(
                "Gemm",
                &[&before, &w, &b],
                &sum,
                &[int("transB", 1)],
            )
        } else {
            network.weights(&w, &[*inputs, *outputs], weights).node("MatMul", &[&before, &w], &product).node(
                "Add",
                &[&product, &b],
                &sum,
            )
        };
        if at + 1 < layers.len() {
            network = network.node("Relu", &[&sum], &relu);
            before = relu;
        }
    }
    network
}

/// What the network says of a row, in f64.
fn by_hand(layers: &[Layer], row: &[f32]) -> Vec<f64> {
    let mut values: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
    for (at, layer) in layers.iter().enumerate() {
        let output = |output: usize| {
            let terms = values
                .iter()
                .enumerate()
                .map(|(i, v)| v * f64::from(layer.weights[i * layer.outputs + output]));
            f64::from(layer.bias[output]) + terms.sum::<f64>()
        };
        let sums: Vec<f64> = (0..layer.outputs).map(output).collect();
        let last = at + 1 == layers.len();
        values = sums.into_iter().map(|sum| if last { sum } else { sum.max(0.0) }).collect();
    }
    values
}

fn matrix(rows: usize, columns: usize) -> Matrix {
    let mut random = fastrand::Rng::with_seed(rows as u64);
    let mut matrix = Matrix::default();
    matrix.reset(rows, columns);
    for column in 0..columns {
        matrix.column_mut(column).iter_mut().for_each(|value| *value = random.f32() * 4.0 - 2.0);
    }
    matrix
}

fn row(matrix: &Matrix, row: usize) -> Vec<f32> {
    (0..matrix.columns()).map(|column| matrix.column(column)[row]).collect()
}

fn read(network: &Network) -> Ranker {
    let bytes = network.bytes();
    assert_eq!(Format::guess(&bytes), Some(Format::Onnx));
    Ranker::read(Format::Onnx, &bytes).unwrap()
}

fn refusal(network: &Network) -> String {
    Ranker::read(Format::Onnx, &network.bytes()).unwrap_err().to_string()
}

fn scores(ranker: &Ranker, rows: &Matrix) -> Vec<f32> {
    let mut scores = vec![0.0; rows.rows()];
    ranker.score(rows, &mut RankScratch::default(), &mut scores);
    scores
}

#[test]
fn a_network_scores_as_it_does_by_hand() {
    let layers = layers(&[7, 16, 8, 1]);
    for (dim, transposed) in [(ROWS, true), (ROWS, false), (Dim::Of(1), true), (Dim::Of(500), false)] {
        let ranker = read(&mlp(&layers, dim, transposed));
        assert_eq!((ranker.inputs().len(), ranker.outputs(), ranker.objective()), (7, 1, "network"));
        assert!(ranker.inputs().iter().all(|input| input.name.is_none()));
        assert!(ranker.resident_bytes() > 4 * (7 * 16 + 16 * 8), "{}", ranker.describe());
        assert!(ranker.leaves(&matrix(1, 7), 0).is_empty());
        let mut scratch = RankScratch::default();
        for rows in [130, 1, 64, 0, 65] {
            let rows = matrix(rows, 7);
            let mut scores = vec![0.0; rows.rows()];
            ranker.score(&rows, &mut scratch, &mut scores);
            for (at, score) in scores.iter().enumerate() {
                let wanted = by_hand(&layers, &row(&rows, at))[0];
                assert!((f64::from(*score) - wanted).abs() < 1e-5, "row {at}: {score}, by hand {wanted}");
            }
        }
    }
}

#[test]
fn any_output_of_a_network_can_be_the_score() {
    let layers = layers(&[3, 5, 4]);
    let network = mlp(&layers, ROWS, true);
    let rows = matrix(70, 3);
    let mut all = vec![0.0; 70 * 4];
    read(&network).predict(&rows, &mut RankScratch::default(), &mut all);
    for output in 0..4 {
        let scores = scores(&read(&network).with_output(output).unwrap(), &rows);
        for (at, score) in scores.into_iter().enumerate() {
            let wanted = by_hand(&layers, &row(&rows, at))[output];
            assert!((f64::from(score) - wanted).abs() < 1e-5, "row {at}, output {output}");
            assert!((all[at * 4 + output] - wanted).abs() < 1e-5, "row {at}, output {output}");
        }
    }
    assert!(read(&network).with_output(4).is_err());
}

#[test]
fn a_network_may_give_a_number_for_each_row_instead_of_a_column() {
    let network = Network::default()
        .input("x", FLOAT, &[ROWS, Dim::Of(2)])
        .weights("w", &[2, 1], &[3.0, -1.0])
        .node("MatMul", &["x", "w"], "column")
        .node_with("Squeeze", &["column"], "y", &[ints("axes", 1)])
        .output("y", &[ROWS]);
    let rows = matrix(66, 2);
    let wanted: Vec<f32> = (0..66).map(|at| 3.0 * rows.column(0)[at] - rows.column(1)[at]).collect();
    let near = |(ours, wanted): (&f32, &f32)| (ours - wanted).abs() < 1e-5;
    assert!(scores(&read(&network), &rows).iter().zip(&wanted).all(near));
}

#[test]
fn what_is_missing_is_nan_to_a_network_unless_said_otherwise() {
    let network = mlp(&layers(&[3, 1]), ROWS, false);
    let mut rows = matrix(66, 3);
    rows.column_mut(1)[65] = f32::NAN;
    let plain = scores(&read(&network), &rows);
    assert!(plain[65].is_nan() && plain[..65].iter().all(|score| score.is_finite()));
    let filled = read(&network).with_missing(0.25).unwrap();
    let ours = scores(&filled, &rows);
    rows.column_mut(1)[65] = 0.25;
    assert_eq!(ours, scores(&read(&network), &rows));
    // A matrix without the last column misses it in every row.
    let narrow = scores(&filled, &matrix(3, 2));
    let mut wide = matrix(3, 2);
    let columns = [0, 1].map(|column| wide.column(column).to_vec());
    wide.reset(3, 3);
    columns.iter().enumerate().for_each(|(at, values)| wide.column_mut(at).copy_from_slice(values));
    wide.column_mut(2).fill(0.25);
    assert_eq!(narrow, scores(&filled, &wide));
    let linear = Ranker::read(Format::Linear, br#"{"weights": [1]}"#).unwrap();
    let said = linear.with_missing(0.0).unwrap_err().to_string();
    assert!(said.contains("0 in place of a missing feature of a linear model cannot be served"), "{said}");
}

/// A network of one product, before `change` is made to it.
fn product(kind: u64, dims: &[Dim]) -> Network {
    Network::default().input("x", kind, dims).weights("w", &[2, 1], &[1.0, 2.0]).node(
        "MatMul",
        &["x", "w"],
        "y",
    )
}

#[test]
fn networks_of_another_shape_or_type_are_refused_with_the_shape_that_is_wanted() {
    let sound = || product(FLOAT, &[ROWS, Dim::Of(2)]);
    let done = |network: Network| network.output("y", &[]);
    assert!(Ranker::read(Format::Onnx, &sound().output("y", &[ROWS, Dim::Of(1)]).bytes()).is_ok());
    for (network, words) in [
        (done(sound().input("z", FLOAT, &[ROWS])), "2 inputs and 1 output cannot"),
        (done(sound()).output("y", &[]), "1 input and 2 outputs cannot"),
        (done(product(11, &[ROWS, Dim::Of(2)])), "input \"x\" has elements of ONNX's type 11"),
        (done(product(FLOAT, &[ROWS, ROWS])), "input \"x\" does not say how many features"),
        (done(product(FLOAT, &[ROWS, Dim::Of(0)])), "takes 0 features"),
        (done(product(FLOAT, &[ROWS, Dim::Of(1 << 40)])), "not 1 to 65536"),
        (done(product(FLOAT, &[ROWS, Dim::Of(3), Dim::Of(2)])), "input \"x\" has 3 dimensions"),
        (sound().node_with("Cast", &["y"], "z", &[int("to", 11)]).output("z", &[]), "type F64"),
        (
            sound().node_with("Unsqueeze", &["y"], "z", &[ints("axes", 0)]).output("z", &[]),
            "shape [1, 64, 1]",
        ),
    ] {
        let said = refusal(&network);
        assert!(said.contains(words) && said.contains("one input of shape [rows, features]"), "{said}");
    }
}

#[test]
fn operations_that_cannot_be_run_are_refused_by_name() {
    let sound = || product(FLOAT, &[ROWS, Dim::Of(2)]);
    let inner = graph("then_branch", &Network::default());
    for (network, words) in [
        (sound().node("Teleport", &["y"], "z"), "the operation \"Teleport\" of an ONNX network"),
        (sound().node_with("If", &["y"], "z", &[inner]), "the operation \"If\" of"),
        (sound().node_with("Relu", &["y"], "z", &[domain("my.own")]), "\"Relu\" of \"my.own\""),
    ] {
        let said = refusal(&network.output("z", &[]));
        assert!(said.contains(words) && said.contains("plain operations"), "{said}");
    }
}

#[test]
fn graphs_that_do_not_fit_together_are_refused() {
    let input = || Network::default().input("x", FLOAT, &[ROWS, Dim::Of(2)]);
    let says = |network: &Network, words: &str| {
        let said = refusal(network);
        assert!(said.contains(words), "{said}");
    };
    let wide = input().weights("w", &[3, 1], &[1.0; 3]).node("MatMul", &["x", "w"], "y").output("y", &[]);
    says(&wide, "the graph: ");
    let short = input().weights("w", &[2, 1], &[1.0]).node("MatMul", &["x", "w"], "y").output("y", &[]);
    says(&short, "the graph: ");
    let dangling = input().node("Add", &["x", "nowhere"], "y").output("y", &[]);
    says(&dangling, "the graph: ");
    says(&input().node("Relu", &["x"], "y").output("z", &[]), "output \"z\": no operation makes it");
    let said = Ranker::read(Format::Onnx, b"\x08\x08\x12\x07pytorch").unwrap_err().to_string();
    assert_eq!(said, "the file: it has no graph");
    let said = Ranker::read(Format::Onnx, b"\x08\x08\x12\x0fpytorch").unwrap_err().to_string();
    assert!(said.starts_with("the file: "), "{said}");
}

/// Rows run in blocks, beside rows that are not there: a score must not depend on them.
#[test]
fn a_network_that_compares_rows_is_refused() {
    let network = product(FLOAT, &[ROWS, Dim::Of(2)])
        .node_with("ReduceMean", &["y"], "mean", &[ints("axes", 0)])
        .node("Sub", &["y", "mean"], "z")
        .output("z", &[]);
    let said = refusal(&network);
    assert!(said.contains("depends on the other rows") && said.contains("by itself"), "{said}");
}

/// A file that is cut off anywhere, or has some bytes changed, is refused or read; nothing panics out of it.
#[test]
fn damaged_onnx_files_do_no_harm() {
    let sound = mlp(&layers(&[3, 4, 1]), ROWS, true).bytes();
    let rows = matrix(3, 3);
    let try_reading = |bytes: &[u8]| match Ranker::read(Format::Onnx, bytes) {
        Ok(ranker) => {
            ranker.score(&rows, &mut RankScratch::default(), &mut [0.0; 3]);
            true
        }
        Err(_) => false,
    };
    assert!(try_reading(&sound));
    let read = (0..sound.len()).filter(|end| try_reading(&sound[..*end])).count();
    assert!(read < 20, "{read} of {} beginnings were read", sound.len());
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..400 {
        let mut bytes = sound.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        try_reading(&bytes);
    }
}
