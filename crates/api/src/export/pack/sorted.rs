//! JSON with its keys in order, values to the letter.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The same JSON with the keys of all objects sorted; of a key that is there twice, the last counts. Numbers keep their digits.
pub(super) fn json(text: &str) -> Result<String, serde_json::Error> {
    let mut out = String::with_capacity(text.len());
    write(text, &mut out)?;
    Ok(out)
}

fn write(text: &str, out: &mut String) -> Result<(), serde_json::Error> {
    match text.trim_start().bytes().next() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            out.push('{');
            for (i, (key, value)) in members.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                out.push_str(&serde_json::to_string(key)?);
                out.push(':');
                write(value.get(), out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            out.push('[');
            for (i, value) in elements.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write(value.get(), out)?;
            }
            out.push(']');
        }
        _ => out.push_str(text.trim()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_keys_and_nothing_else() {
        let sorted = json(r#" {"b":[3,{"z":1.50,"a":"{\"y\":1}"},1],"a":12345678901234567890123, "é":null} "#).unwrap();
        assert_eq!(sorted, r#"{"a":12345678901234567890123,"b":[3,{"a":"{\"y\":1}","z":1.50},1],"é":null}"#);
        assert!(json("{").is_err());
    }
}
