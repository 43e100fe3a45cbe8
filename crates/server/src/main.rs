//! The `slipstream` program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    slipstream_server::cli::run().await
}
