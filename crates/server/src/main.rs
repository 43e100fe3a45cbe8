//! The `slipstream` program.

use std::process::ExitCode;

use tokio::runtime::Runtime;

/// Of the image; chosen by measurement: see "Measured" in ARCHITECTURE.md.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return slipstream_server::cli::failed(&error.into()),
    };
    let code = runtime.block_on(slipstream_server::cli::run());
    // A write that nobody reads must not hold up the end.
    runtime.shutdown_background();
    code
}
