//! Which part of history `history` and `export` are about.

use slipstream_event::Timestamp;

use super::filters::Filters;
use super::when;

/// Filters, times and text.
#[derive(Clone, Debug, clap::Args)]
pub struct Selection {
    /// Not before this time: RFC 3339, a day, or how long ago (2h)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Not after this time: RFC 3339, a day (its begin), or how long ago (2h)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// With this text in the message, or in the names or ids of entity or actor
    #[arg(long = "query", short = 'q', value_name = "TEXT")]
    pub text: Option<String>,
    /// Actions: created,deleted
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    pub action: Vec<String>,
    /// What belongs together under this id
    #[arg(long, value_name = "ID")]
    pub correlation_id: Option<String>,
    /// What to show.
    #[command(flatten)]
    pub filters: Filters,
}

impl Selection {
    /// As parameters of a query.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = self.filters.query();
        let texts = [
            ("timeStart", self.since.map(|t| t.to_string())),
            ("timeEnd", self.until.map(|t| t.to_string())),
            ("q", self.text.clone()),
            ("correlationId", self.correlation_id.clone()),
        ];
        query.extend(texts.into_iter().filter_map(|(name, value)| Some((name, value?))));
        query.extend(self.action.iter().map(|action| ("action", action.clone())));
        query
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    when::moment(text, Timestamp::now())
}
