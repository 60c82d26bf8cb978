//! The program: runs the command line and exits with its code.

/// Requests make and free many small pieces, on all threads, and a snapshot's swap many large ones. Without huge pages
/// for all: the arrays that gain by them ask for them themselves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    larder::cli::main()
}
