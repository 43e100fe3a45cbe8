//! The process's own metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// HTTP requests, by method, route and status.
pub const HTTP_REQUESTS: &str = "slipstream_http_requests_total";
/// From the head of a request to the head of its answer, by route.
pub const HTTP_SECONDS: &str = "slipstream_http_request_seconds";
/// Whether the process is ready: 1 or 0.
pub const READY: &str = "slipstream_server_ready_state";
/// Constant 1, with the version as label.
pub const BUILD: &str = "slipstream_server_build_info";

/// Registers the descriptions.
pub fn describe() {
    describe_counter!(HTTP_REQUESTS, Unit::Count, "HTTP requests, by method, route and status");
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "From the head of a request to the head of its answer, by route");
    describe_gauge!(READY, "Whether the process is ready");
    describe_gauge!(BUILD, "Constant 1, with the version as label");
}
