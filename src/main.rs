//! The binary: hands over to [`kernel_oracle::cli`] and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    kernel_oracle::cli::main()
}
