//! Layers of settings. The defaults are the schema: a name that they do not have, or a value of another kind, is a fault.

use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use super::{Config, DEFAULTS};

/// Variables with our prefix that are no settings.
const OTHER_VARIABLES: &[&str] = &["config", "url", "token", "nats_bin", "postgres_bin"];

/// All that is wrong with the settings.
#[derive(Debug)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings have {}:", if self.0.len() == 1 { "a fault" } else { "faults" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
        f.write_str("\nall settings and their defaults: slipstream config --defaults")
    }
}

impl std::error::Error for Faults {}

/// The settings as their type.
pub(super) fn read(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Config, Faults> {
    let settings = merge(file, environment)?;
    serde_path_to_error::deserialize(settings).map_err(|e| Faults(vec![format!("{}: {}", e.path(), e.inner().message())]))
}

/// The settings as TOML, with secrets left out.
pub(super) fn render(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<String, Faults> {
    let mut settings = merge(file, environment)?;
    for (name, value) in &mut settings {
        let is_secret = name.contains("secret") || name.contains("_key") || name.contains("_url") || name == "issuers";
        match value {
            Value::String(text) if is_secret && !text.is_empty() => "(set)".clone_into(text),
            Value::Array(issuers) if is_secret => *value = Value::String(format!("({} set)", issuers.len())),
            _ => {}
        }
    }
    Ok(settings.to_string())
}

fn merge(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Table, Faults> {
    let mut faults = Vec::new();
    let mut settings: Table = DEFAULTS.parse().map_err(|e| Faults(vec![format!("the defaults: {e}")]))?;
    if let Some(file) = file {
        match std::fs::read_to_string(file).map_err(|e| e.to_string()).and_then(|text| text.parse::<Table>().map_err(|e| e.to_string())) {
            Ok(table) => faults.extend(table.into_iter().filter_map(|(name, value)| set(&mut settings, &name, &name, value).err())),
            Err(error) => faults.push(format!("{}: {error}", file.display())),
        }
    }
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix("SLIPSTREAM_").map(str::to_ascii_lowercase) else { continue };
        if OTHER_VARIABLES.contains(&name.as_str()) || name.starts_with("test_") {
            continue;
        }
        faults.extend(from_text(&settings, &name, &variable, &text).and_then(|value| set(&mut settings, &name, &variable, value)).err());
    }
    if faults.is_empty() { Ok(settings) } else { Err(Faults(faults)) }
}

/// Sets `name`, which `source` calls so, when the defaults have a value of the same kind there.
fn set(settings: &mut Table, name: &str, source: &str, value: Value) -> Result<(), String> {
    let default = settings.get_mut(name).ok_or_else(|| format!("{source}: there is no such setting"))?;
    if !default.same_type(&value) {
        return Err(format!("{source}: must be {}", kind(default)));
    }
    *default = value;
    Ok(())
}

/// The value that a text of the environment means, by the kind of the default.
fn from_text(settings: &Table, name: &str, source: &str, text: &str) -> Result<Value, String> {
    let default = settings.get(name).ok_or_else(|| format!("{source}: there is no such setting"))?;
    let wrong = || format!("{source}: must be {}", kind(default));
    Ok(match default {
        Value::Integer(_) => Value::Integer(text.trim().parse().map_err(|_| wrong())?),
        Value::Boolean(_) => Value::Boolean(match text.trim() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => return Err(wrong()),
        }),
        Value::Array(_) if name == "issuers" => return Err(format!("{source}: issuers can only be set in a file")),
        Value::Array(_) => Value::Array(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| Value::String(part.to_owned())).collect()),
        _ => Value::String(text.to_owned()),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        _ => "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(variables: &[(&str, &str)]) -> Result<Config, Faults> {
        read(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_defaults_are_complete() {
        let config = read_with(&[]).unwrap();
        assert_eq!((config.shards, config.heartbeat_ms, config.roles.len()), (1, 15_000, 6));
    }

    #[test]
    fn the_environment_overrides() {
        let config = read_with(&[
            ("SLIPSTREAM_SHARDS", "3"),
            ("SLIPSTREAM_ROLES", "api, relay"),
            ("SLIPSTREAM_TOKEN_SECRET", "00123"),
            ("SLIPSTREAM_QUERY_TOKEN", "on"),
            ("OTHER", "x"),
        ])
        .unwrap();
        assert_eq!((config.shards, config.roles.len(), config.token_secret.expose(), config.query_token), (3, 2, "00123", true));
    }

    #[test]
    fn all_faults_are_told_at_once_and_no_secret() {
        let faults = read_with(&[("SLIPSTREAM_SHARDS", "many"), ("SLIPSTREAM_NONSENSE", "1"), ("SLIPSTREAM_QUERY_TOKEN", "perhaps")]).unwrap_err();
        assert_eq!(faults.0.len(), 3, "{faults}");
        let config = read_with(&[("SLIPSTREAM_TOKEN_SECRET", "hush-hush")]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
        assert_eq!(config.check_serving().unwrap_err().0.len(), 3);
    }
}
