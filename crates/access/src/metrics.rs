//! Names of the metrics of access.

/// Refused credentials and calls, by `code` (the word in the answer).
pub const DENIED_TOTAL: &str = "slipstream_access_denied_total";
/// Fetches of key sets, by `issuer` and `outcome` (`ok`, `failed`).
pub const JWKS_FETCHES_TOTAL: &str = "slipstream_access_jwks_fetches_total";

/// Describes the metrics to the recorder. Call once, after it is installed.
pub fn describe() {
    metrics::describe_counter!(DENIED_TOTAL, "Refused credentials and calls, by code.");
    metrics::describe_counter!(JWKS_FETCHES_TOTAL, "Fetches of issuers' key sets, by issuer and outcome.");
}
