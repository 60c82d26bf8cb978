//! Holds the checked-in code to `proto/`: regenerates it and compares, or rewrites it when `LARDER_REGENERATE=1`.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use prost::Message as _;

/// Messages of `google.protobuf` that have a JSON form of their own, and the types that know it.
const WELL_KNOWN: [(&str, &str); 4] = [
    (".google.protobuf.Duration", "::pbjson_types::Duration"),
    (".google.protobuf.Timestamp", "::pbjson_types::Timestamp"),
    (".google.protobuf.Struct", "crate::Struct"),
    (".google.protobuf.Value", "crate::Value"),
];

const FILES: [&str; 3] = ["larder.v1.rs", "larder.v1.serde.rs", "larder.v1.bin"];

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir().unwrap();
    generate(root, scratch.path());
    for file in FILES {
        let fresh = fs::read(scratch.path().join(file)).unwrap();
        let kept = root.join("src/gen").join(file);
        if std::env::var_os("LARDER_REGENERATE").is_some() {
            fs::write(&kept, fresh).unwrap();
        } else {
            assert!(
                fs::read(&kept).is_ok_and(|old| old == fresh),
                "src/gen/{file} is stale: run `LARDER_REGENERATE=1 cargo test -p larder-proto`"
            );
        }
    }
}

fn generate(root: &Path, out: &Path) {
    let descriptors =
        protox::compile(["larder/v1/recommendation.proto", "larder/v1/events.proto"], [root.join("proto")])
            .unwrap();
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("larder.v1.bin"), &encoded).unwrap();

    let mut rust = tonic_prost_build::configure().btree_map(".").out_dir(out);
    let mut json = pbjson_build::Builder::new();
    for (proto, path) in WELL_KNOWN {
        rust = rust.extern_path(proto, path);
        json.extern_path(proto, path);
    }
    rust.compile_fds(descriptors).unwrap();
    json.register_descriptors(&encoded).unwrap().btree_map(["."]).emit_fields();
    json.out_dir(out).build(&[".larder"]).unwrap();
}
