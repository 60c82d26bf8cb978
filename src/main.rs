//! The front door: parses the command line and leaves with the right code.

fn main() -> std::process::ExitCode {
    larder::cli::main()
}
