//! Every limit of access, and what happens at it.

use std::time::Duration;

/// Allowed difference between our clock and an issuer's, in seconds, for `exp`, `nbf` and `iat`. Beyond it: refused.
pub const LEEWAY_SECONDS: u64 = 5;
/// Longest credential, in bytes. Longer: refused unread.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Longest key id in a token's header, in bytes. Longer: refused.
pub const KID_BYTES_MAX: usize = 256;
/// Most roles, and most scopes, of one token. More: refused.
pub const WORDS_MAX: usize = 64;

/// Most issuers. More: a fault of the configuration.
pub const ISSUERS_MAX: usize = 16;
/// Most keys taken from one key set. Further keys are not looked at.
pub const KEYS_PER_SET_MAX: usize = 32;
/// Shortest RSA modulus, in bits. Shorter: the key is not used.
pub const RSA_BITS_MIN: usize = 2_048;
/// Longest RSA modulus, in bits. Longer: the key is not used.
pub const RSA_BITS_MAX: usize = 8_192;

/// Largest key set, in bytes. Larger: the fetch has failed.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;
/// Longest fetch of a key set. Longer: the fetch has failed.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(3);
/// Age at which a key set is fetched anew. The old keys stay in use until a fetch succeeds.
pub const JWKS_TTL: Duration = Duration::from_secs(300);
/// Shortest time between two fetches of one key set. A token with an unknown key within it: refused.
pub const JWKS_INTERVAL_MIN: Duration = Duration::from_secs(30);
/// Most unknown key ids remembered per issuer. Beyond it the memory starts anew.
pub const KIDS_UNKNOWN_MAX: usize = 256;

/// Longest wait of a request for the first read of the revocations, after a start of the process. Longer: 503.
pub const REVOCATIONS_WAIT: Duration = Duration::from_secs(3);
/// How long a ticket may be used, in seconds. Later: refused.
pub const TICKET_SECONDS: i64 = 60;
/// Most revocations of one tenant. More: refused, until some are deleted.
pub const REVOCATIONS_TENANT_MAX: usize = 10_000;
/// Longest note of a revocation, in characters. Longer: refused.
pub const NOTE_LEN_MAX: usize = 500;

/// Largest JSON body of an ordinary request, in bytes. Larger: 413.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Most parameters of a query string. More: 422.
pub const QUERY_PAIRS_MAX: usize = 256;
/// Longest request id taken from a caller, in characters. Longer: we make our own.
pub const REQUEST_ID_LEN_MAX: usize = 128;
/// Most refused values named in one answer. Further ones are left out.
pub const FAULTS_MAX: usize = 100;
