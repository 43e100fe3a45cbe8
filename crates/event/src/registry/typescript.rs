//! The registry as TypeScript, for the cockpit's client.

use std::fmt::Write as _;

use super::{Declaration, Kind};

/// The whole module: `EventMetadata`, `EventType`, `Declaration`, `declarations` and `defaultQueryKeys`. Equal registries give equal texts.
pub fn module() -> String {
    let mut out = String::from(
        "// Generated from the registry of event types (crates/event/src/registry). Do not edit.\n\nimport type { Severity } from \"./envelope.ts\";\n\n",
    );
    out.push_str("/** What the metadata of each registered type holds, beside `amoId` and `module`. */\nexport interface EventMetadata {\n");
    super::all().for_each(|declaration| metadata(&mut out, declaration));
    out.push_str("}\n\n/** The registered types. */\nexport type EventType = keyof EventMetadata;\n\n");
    out.push_str("/** One registered type. `message` is a template: `{field}` stands for a field of the event or of its metadata. */\n");
    out.push_str("export interface Declaration {\n  readonly type: EventType;\n  readonly entityType: string;\n  readonly category: string;\n  readonly severity: Severity;\n");
    out.push_str("  readonly visibility: string;\n  readonly message: string;\n  readonly queryKeys: readonly string[];\n}\n\n");
    out.push_str("/** All registered types. */\nexport const declarations: readonly Declaration[] = [\n");
    super::all().for_each(|declaration| entry(&mut out, declaration));
    out.push_str("];\n\n/** Query keys that every event makes stale. */\nexport const defaultQueryKeys = [\"activity-history\"] as const;\n");
    out
}

fn metadata(out: &mut String, declaration: &Declaration) {
    let keys: Vec<String> =
        declaration.metadata.iter().map(|key| format!("readonly {}{}: {}", key.name, if key.required { "" } else { "?" }, kind(key.kind))).collect();
    let object = if keys.is_empty() { "Readonly<Record<string, unknown>>".to_owned() } else { format!("{{ {} }}", keys.join("; ")) };
    writeln!(out, "  readonly \"{}\": {object};", declaration.event_type).unwrap_or_default();
}

fn entry(out: &mut String, declaration: &Declaration) {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let entity_type = declaration.event_type.rsplit_once('.').map_or("", |(entity, _)| entity);
    let keys: Vec<String> = declaration.query_keys.iter().map(|key| quoted(key)).collect();
    let fields = [
        ("type", quoted(declaration.event_type)),
        ("entityType", quoted(entity_type)),
        ("category", quoted(declaration.category.as_str())),
        ("severity", quoted(declaration.severities[0].as_str())),
        ("visibility", quoted(declaration.visibility)),
        ("message", quoted(declaration.message)),
        ("queryKeys", format!("[{}]", keys.join(", "))),
    ];
    out.push_str("  {\n");
    for (name, value) in fields {
        writeln!(out, "    {name}: {value},").unwrap_or_default();
    }
    out.push_str("  },\n");
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::TextOrNull => "string | null",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Texts => "readonly string[]",
        Kind::Object => "Readonly<Record<string, unknown>>",
        Kind::Any => "unknown",
    }
}
