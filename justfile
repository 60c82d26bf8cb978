# The steps of .ci/run one by one, and what people do besides. `just` without a recipe lists them.

event_systems := "larder/kafka,larder/kinesis,larder/sqs,larder/nats,larder/firehose,larder/eventbridge"

_list:
    @just --list --unsorted

# Everything that CI does
ci:
    .ci/run

# CI: format
format:
    cargo fmt --all --check

# CI: test
test:
    cargo test --workspace

# CI: the features that are off by default: rankers that are ONNX networks, event systems
features:
    CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo test --workspace --features larder/onnx,{{event_systems}} --lib --test it -- onnx kafka kinesis sqs nats aws

# Fuzz one parser for a minute (needs a nightly compiler and cargo-fuzz); `just fuzz` lists them
fuzz target="" seconds="60":
    @if [ -z "{{target}}" ]; then cargo +nightly fuzz list; else cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}}; fi

# CI: lint
lint:
    cargo clippy --workspace --all-targets --features {{event_systems}} -- -D warnings

# CI: document
document:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --features {{event_systems}}

# CI: examples
examples:
    cargo build --examples --no-default-features
    cargo run --example embed --no-default-features -- models

# CI: dependencies
dependencies:
    cargo deny check

# Serve models/ on the standard ports
run *arguments:
    cargo run --release -- serve {{arguments}}

# Make models/ anew from the generated sample shop, small enough for git
sample:
    rm -rf models/channels models/snapshots
    cargo run --release -- sample --out target/sample
    cargo run --release -- train --events target/sample/events.parquet --catalog target/sample/catalog.parquet --users target/sample/users.parquet --neighbors 30 --factors 32 --max-sessions 12000 --out models

# Count the instructions of a request to each placement (needs valgrind); writes benches/instructions.json
instructions:
    cargo bench --bench instructions --no-default-features

# Speed beside the libraries that do the same: one table of ratios, and benches/peers/results.json
bench-peers *arguments:
    python3 benches/peers/run.py {{arguments}}

# Proofs under load: reference-day, capacity, overload, swaps, drain, slow-clients, soak, or all; reports go to loadtest/runs/
prove name *arguments:
    cargo build --release --workspace
    python3 loadtest/proofs/prove.py {{name}} {{arguments}}
