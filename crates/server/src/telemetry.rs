//! Logs and metrics of the process.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Bounds of the buckets of all durations, in seconds: from half a millisecond to half a minute.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds of the buckets of batch sizes.
const EVENTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0];

/// Sets up log lines on standard error.
///
/// # Errors
/// When the filter of `config.log` cannot be read, or logging was set up before.
pub fn logs(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let set = match config.log_format {
        LogFormat::Pretty => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("logging: {error}"))
}

/// Sets up the metrics of the process, with all descriptions.
///
/// # Errors
/// When metrics were set up before.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_events".to_owned()), EVENTS)?
        .install_recorder()?;
    slipstream_access::metrics::describe();
    slipstream_broker::metrics::describe();
    slipstream_gateway::metrics::describe();
    slipstream_store::metrics::describe();
    slipstream_workers::metrics::describe();
    crate::metrics::describe();
    Ok(handle)
}
