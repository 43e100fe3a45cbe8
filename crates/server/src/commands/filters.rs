//! The filters of `tail` and `history`.

use slipstream_event::Severity;

/// Which events to show. Values of one filter are alternatives; filters narrow each other.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct Filters {
    /// Types, or their beginnings in whole tokens: copilot.tool_call,iam.user.created
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Modules: cloudtrail,copilot
    #[arg(long, value_name = "MODULE", value_delimiter = ',')]
    pub module: Vec<String>,
    /// Entity types: cloudtrail.iam
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub entity_type: Vec<String>,
    /// Id of an entity; may be given several times
    #[arg(long, value_name = "ID")]
    pub entity_id: Vec<String>,
    /// User id of an actor; may be given several times
    #[arg(long, value_name = "ID")]
    pub actor: Vec<String>,
    /// Severities: info, warning, error, critical
    #[arg(long, value_name = "SEVERITY", value_delimiter = ',', value_parser = severity)]
    pub severity: Vec<Severity>,
}

impl Filters {
    /// As parameters of a query.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let lists =
            [("types", &self.types), ("module", &self.module), ("entityType", &self.entity_type), ("entityId", &self.entity_id), ("actor", &self.actor)];
        let texts = lists.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone())));
        texts.chain(self.severity.iter().map(|severity| ("severity", severity.as_str().to_owned()))).collect()
    }
}

/// Reads a severity.
///
/// # Errors
/// A sentence for people.
pub fn severity(word: &str) -> Result<Severity, String> {
    Severity::parse(word).ok_or_else(|| "must be info, warning, error or critical".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use slipstream_event::Filter;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        filters: Filters,
    }

    #[test]
    fn the_server_reads_what_was_meant() {
        let cli = Cli::parse_from([
            "x",
            "--types",
            "a.b,c",
            "--entity-id",
            "x,y",
            "--severity",
            "error",
            "--severity",
            "info",
            "--actor",
            "u",
            "--entity-type",
            "a.b",
        ]);
        let query = cli.filters.query();
        let filter = Filter::from_query(query.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
        let texts = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        assert_eq!(filter.types, texts(&["a.b", "c"]));
        assert_eq!((filter.entity_ids, filter.actors, filter.entity_types), (texts(&["x,y"]), texts(&["u"]), texts(&["a.b"])));
        assert_eq!(filter.severities, [Severity::Error, Severity::Info]);
        assert!(Cli::try_parse_from(["x", "--severity", "bad"]).is_err());
    }
}
