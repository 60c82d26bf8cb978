//! The front door: parses the command line and leaves with the right code.

/// Requests make and free many small pieces, on all threads, and a snapshot's swap many large ones.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    larder::cli::main()
}
