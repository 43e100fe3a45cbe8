//! `slipstream publish`: one event from flags, or a few from a file.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::json;
use serde_json::value::RawValue;
use slipstream_event::{Draft, Object, Severity, limits};
use tokio_util::sync::CancellationToken;

use super::output::until_closed;
use super::{Output, filters};
use crate::client::{Batch, Client, Connection, Error, Form, Patience, Reach, Receipt};

/// Publishes events. When the command has ended well the events are durable; all of them, or none.
#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").required(true).args(["file", "event_type"]),
    after_help = "Examples:
  slipstream publish --type fleet.aircraft.grounded --entity-id HB-JNA --severity warning --message 'Grounded: oil leak' --metadata '{\"station\":\"ZRH\"}'
  echo '{\"type\":\"fleet.aircraft.released\",\"entityId\":\"HB-JNA\"}' | slipstream publish -
  slipstream publish events.json          # one event, an array, or one event a line; for large files: slipstream import events FILE

An event without an id gets one, which is printed: id, cursor, and stored or duplicate. To repeat an event without storing it twice, give the id again (--id)."
)]
pub struct Args {
    /// File with events as JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What happened: <module>.<entity>.<action>
    #[arg(long = "type", value_name = "TYPE", requires = "entity_id")]
    pub event_type: Option<String>,
    /// Parts of the event.
    #[command(flatten)]
    pub event: Parts,
    /// Print each receipt as JSON, one a line
    #[arg(long)]
    pub json: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connection: Connection,
}

/// The parts of one event.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Event")]
pub struct Parts {
    /// Id of the entity that it happened to
    #[arg(long, value_name = "ID", requires = "event_type")]
    pub entity_id: Option<String>,
    /// Name of the entity
    #[arg(long, value_name = "NAME", requires = "event_type")]
    pub entity_name: Option<String>,
    /// Id of the event: a UUID, or any id of yours
    #[arg(long, value_name = "ID", requires = "event_type")]
    pub id: Option<String>,
    /// When it happened, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", requires = "event_type")]
    pub timestamp: Option<String>,
    /// info, warning, error or critical
    #[arg(long, value_name = "SEVERITY", requires = "event_type", value_parser = filters::severity)]
    pub severity: Option<Severity>,
    /// auth, device, entity, capture or system
    #[arg(long, value_name = "CATEGORY", requires = "event_type")]
    pub category: Option<String>,
    /// Who may see it: tenant, department:<name>, quality, subject, external, admin or platform
    #[arg(long, value_name = "CLASS", requires = "event_type")]
    pub visibility: Option<String>,
    /// A sentence for people
    #[arg(long, value_name = "TEXT", requires = "event_type")]
    pub message: Option<String>,
    /// Id under which events belong together
    #[arg(long, value_name = "ID", requires = "event_type")]
    pub correlation_id: Option<String>,
    /// Free JSON object
    #[arg(long, value_name = "JSON", requires = "event_type", value_parser = object)]
    pub metadata: Option<Object>,
    /// Who did it, as JSON object {"userId": …}; needs the scope events:write-as [default: the caller]
    #[arg(long, value_name = "JSON", requires = "event_type", value_parser = object)]
    pub actor: Option<Object>,
}

/// Publishes, and prints a receipt for each event.
///
/// # Errors
/// When there is no event, when one is faulty (then none is stored), or when the server does not answer.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<()> {
    let events = match &args.file {
        Some(path) => read(path)?,
        None => vec![args.event.build(args.event_type.as_deref().unwrap_or_default())?],
    };
    check(&events)?;
    let client = Client::new(args.connection.resolve(Reach::Tenant)?, |line| eprintln!("{line}"))?;
    let batch = Batch { tenant: None, form: Form::Json, count: events.len(), body: body(&events)?.into() };
    let receipts = client.ingest(&batch, Patience::new(crate::client::limits::PATIENCE_COMMAND), &shutdown).await.map_err(|error| explain(error, &events))?;
    until_closed(print(&receipts, args.json, output).await)
}

impl Parts {
    fn build(&self, event_type: &str) -> anyhow::Result<Object> {
        let mut event = Object::new();
        let severity = self.severity.map(|severity| severity.as_str().to_owned());
        let texts = [
            ("id", &self.id),
            ("type", &Some(event_type.to_owned())),
            ("entityId", &self.entity_id),
            ("entityName", &self.entity_name),
            ("timestamp", &self.timestamp),
            ("severity", &severity),
            ("category", &self.category),
            ("visibility", &self.visibility),
            ("message", &self.message),
            ("correlationId", &self.correlation_id),
        ];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            event.set(name, text)?;
        }
        for (name, value) in [("metadata", &self.metadata), ("actor", &self.actor)].into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            event.set(name, value)?;
        }
        with_id(event)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Object>> {
    let mut bytes = Vec::new();
    let named = || format!("cannot read {}", path.display());
    let bytes_max = limits::BATCH_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(bytes_max).read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        std::fs::File::open(path).with_context(named)?.take(bytes_max).read_to_end(&mut bytes).with_context(named)?;
    }
    ensure!(bytes.len() <= limits::BATCH_BYTES_MAX, "more than {} bytes: use `slipstream import events`, which takes any size", limits::BATCH_BYTES_MAX);
    parse(&bytes)
}

/// The events of a text: one, an array, or several one after another (NDJSON is that).
fn parse(bytes: &[u8]) -> anyhow::Result<Vec<Object>> {
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Box<RawValue>>() {
        let value = value.with_context(|| format!("event {} is no JSON", events.len()))?;
        let is_array = value.get().starts_with('[');
        let items: Vec<Box<RawValue>> = if is_array { serde_json::from_str(value.get())? } else { vec![value] };
        for item in items {
            let event = Object::parse(item.get()).map_err(|_| anyhow::anyhow!("event {} is no JSON object", events.len()))?;
            events.push(with_id(event)?);
        }
    }
    ensure!(!events.is_empty(), "there is no event in the input");
    ensure!(events.len() <= limits::BATCH_EVENTS_MAX, "more than {} events: use `slipstream import events`, which takes any number", limits::BATCH_EVENTS_MAX);
    Ok(events)
}

/// An event must have its id before it is sent: a request that is repeated then stores it once.
fn with_id(mut event: Object) -> anyhow::Result<Object> {
    if event.get("id").is_none_or(|id| id == "null") {
        event.set("id", &slipstream_event::id::new())?;
    }
    Ok(event)
}

/// Finds what cannot be an event before anything is sent.
fn check(events: &[Object]) -> anyhow::Result<()> {
    for (i, event) in events.iter().enumerate() {
        if let Err(fault) = Draft::from_json(serde_json::to_string(event)?.as_bytes()) {
            bail!("event {i}: {fault}");
        }
    }
    Ok(())
}

/// One event goes alone, several as an array: faults are named accordingly.
fn body(events: &[Object]) -> serde_json::Result<String> {
    if let [one] = events { serde_json::to_string(one) } else { serde_json::to_string(events) }
}

/// The refusal, with all that is wrong; and that nothing was stored.
fn explain(error: Error, events: &[Object]) -> anyhow::Error {
    let is_refused = matches!(&error, Error::Refused(problem) if !problem.fields.is_empty());
    let error = anyhow::Error::new(error);
    match (is_refused, events.len()) {
        (true, 1) => error.context("the event was refused"),
        (true, _) => error.context("nothing was stored (events are counted from 0)"),
        (false, _) => error,
    }
}

async fn print(receipts: &[Receipt], json: bool, output: &mut Output) -> anyhow::Result<()> {
    for Receipt { id, cursor, duplicate } in receipts {
        let line = if json {
            json!({"id": id, "cursor": cursor, "duplicate": duplicate}).to_string()
        } else {
            format!("{id} {cursor} {}", if *duplicate { "duplicate" } else { "stored" })
        };
        output.line(&line).await?;
    }
    output.flush().await
}

fn object(text: &str) -> Result<Object, String> {
    Object::parse(text).map_err(|error| format!("must be a JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn builds_an_event_of_flags() {
        let cli = Cli::parse_from(["x", "--type", "a.b.c", "--entity-id", "e", "--severity", "error", "--metadata", r#"{"n": 1.10}"#, "--id", "mine"]);
        let event = cli.args.event.build("a.b.c").unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"id":"mine","type":"a.b.c","entityId":"e","severity":"error","metadata":{"n":1.10}}"#);
        assert!(check(&[event]).is_ok());
    }

    #[test]
    fn wants_either_flags_or_a_file() {
        for bad in [&["x"][..], &["x", "--type", "a.b.c"], &["x", "f", "--type", "a.b.c", "--entity-id", "e"], &["x", "f", "--message", "m"]] {
            assert!(Cli::try_parse_from(bad).is_err(), "{bad:?}");
        }
        assert!(Cli::try_parse_from(["x", "--type", "a.b.c", "--entity-id", "e", "--metadata", "[]"]).is_err());
    }

    #[test]
    fn reads_every_form_of_input_and_gives_ids() {
        let one = r#"{"type":"a.b.c","entityId":"1"}"#;
        for (text, count) in [
            (one.to_owned(), 1),
            (format!("[{one},\n{one}]"), 2),
            (format!("{one}\n\n{one}\n{one}"), 3),
            ("{\n \"type\": \"a.b.c\",\n \"entityId\": \"1\"\n}".to_owned(), 1),
        ] {
            let events = parse(text.as_bytes()).unwrap();
            assert_eq!(events.len(), count, "{text}");
            assert!(events.iter().all(|event| event.text("id").is_some_and(|id| id.len() == 36)));
            assert!(!body(&events).unwrap().contains('\n'));
        }
        assert_eq!(parse(br#"{"id":"x"}"#).unwrap()[0].text("id").as_deref(), Some("x"));
        for bad in ["", "[]", "5", "[5]", "{", "{}x"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
