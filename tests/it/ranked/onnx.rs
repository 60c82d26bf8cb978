//! A network from an ONNX file ranks as any other ranker does, once the manifest says which features it gets.

use super::*;
use crate::support::network::{Dim, FLOAT, Network, ROWS};

/// The first feature weighs −1, the second 100.
fn network() -> Vec<u8> {
    Network::default()
        .input("features", FLOAT, &[ROWS, Dim::Of(2)])
        .weights("w", &[2, 1], &[-1.0, 100.0])
        .node("MatMul", &["features", "w"], "score")
        .output("score", &[ROWS, Dim::Of(1)])
        .bytes()
}

#[test]
fn an_onnx_network_decides_the_order_by_the_features_of_the_manifest() {
    let shop =
        Shop::new("judge.onnx", network(), "[judge]\ninputs = [\"item.price\", \"seed.same_category\"]\n");
    let recommender = shop.open();
    assert_eq!(ask(&recommender, &ranked()), "assam sencha chai rooibos teapot milk");
    let answer = recommender.recommend(&ranked()).unwrap();
    assert_eq!(answer.slate.items[0].score, 98.0, "assam costs 2 and is tea as Earl Grey is");
}

#[test]
fn missing_features_sink_an_item_or_count_as_the_manifest_says() {
    let margins = |params: &str| {
        let params = format!("[judge]\ninputs = [\"item.price\", \"item.margin\"]\n{params}");
        let shop = Shop::new("judge.onnx", network(), &params);
        let rows = vec![("item_id", texts(["chai", "lemon"])), ("margin", floats([0.5, 0.9]))];
        table(shop.path(), "margins", rows);
        ask(&shop.open(), &ranked())
    };
    assert!(margins("").starts_with("lemon chai "), "nothing else has a margin");
    assert_eq!(margins("missing = 0.7"), "assam sencha rooibos lemon teapot chai");
}

#[test]
fn an_onnx_network_without_its_features_refuses_the_snapshot() {
    let says = |model: &[u8], params: &str, words: &str| {
        let shop = Shop::new("judge.onnx", model, &format!("[judge]\nformat = \"onnx\"\n{params}"));
        let message = shop.refusal();
        assert!(message.contains("artifact \"judge\"") && message.contains(words), "{message}");
    };
    says(&network(), "", "list a feature for each of the 2 inputs in params.inputs");
    says(&network(), "inputs = [\"item.price\"]", "names 1 features, the model has 2 inputs");
    let inputs = "inputs = [\"item.price\", \"item.price\"]";
    says(&network(), &format!("{inputs}\noutput = 1"), "params.output is 1");
    says(&network(), &format!("{inputs}\nmissing = \"none\""), "params.missing is \"none\"");
    says(&network()[..40], inputs, "the file: ");
}
