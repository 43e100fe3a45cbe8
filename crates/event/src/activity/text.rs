//! Cleaning of text that strangers wrote and that people, terminals and logs will show.

use std::borrow::Cow;

/// `text` as one clean line of at most `len_max` characters: escape sequences of terminals, control characters and marks that turn the direction of
/// writing are taken out; line breaks and tabs become one space; blanks at the ends go.
pub fn clean(text: &str, len_max: usize) -> Cow<'_, str> {
    let text = text.trim();
    if !text.chars().any(is_odd) {
        return match text.char_indices().nth(len_max) {
            None => Cow::Borrowed(text),
            Some((end, _)) => Cow::Borrowed(text[..end].trim_end()),
        };
    }
    let (mut out, mut chars) = (String::with_capacity(text.len()), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            // The one-character forms of `ESC [` and of `ESC ]` and its kin.
            '\u{9b}' => skip_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            _ if is_break(c) => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            _ if is_odd(c) => {}
            _ => out.push(c),
        }
    }
    let end = out.char_indices().nth(len_max).map_or(out.len(), |(end, _)| end);
    out.truncate(end);
    out.truncate(out.trim_end().len());
    Cow::Owned(out)
}

/// The JSON `value` with every string in it cleaned, as by [`clean`] without a limit. Numbers and the order of keys stay to the letter.
pub fn clean_json(value: &str) -> Cow<'_, str> {
    // In JSON a control character is written with a backslash; only those above U+007F, and the marks of direction, may stand as they are.
    if !value.contains('\\') && !value.chars().any(is_odd) {
        return Cow::Borrowed(value);
    }
    let (mut out, mut rest) = (String::with_capacity(value.len()), value);
    while let Some(start) = rest.find('"') {
        out.push_str(&rest[..start]);
        let literal = &rest[start..start + literal_len(&rest[start..])];
        let clean = serde_json::from_str::<String>(literal).ok().and_then(|text| serde_json::to_string(&clean(&text, usize::MAX)).ok());
        out.push_str(clean.as_deref().unwrap_or("\"\""));
        rest = &rest[start + literal.len()..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes of the string literal that `json` begins with, both quotes included.
fn literal_len(json: &str) -> usize {
    let mut escaped = false;
    for (i, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    json.len()
}

fn is_odd(c: char) -> bool {
    c.is_control() || is_break(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_break(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What follows an ESC (ECMA-48 §5.3): a control sequence, a string, or one character.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        // Intermediate characters, then the last one.
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters and intermediate characters, then the last one.
fn skip_sequence(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Up to BEL, ST or `ESC \`. A string without an end ends with its line.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| !is_break(*c)) {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_out_what_plays_tricks_and_nothing_else() {
        let cases = [
            ("Asha Rao – \"Zürich\" 東京", "Asha Rao – \"Zürich\" 東京"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{9b}2Jgone", "gone"),
            ("a\r\nb\n\n\tc\u{2028}d", "a b c d"),
            ("  \n x \n ", "x"),
            ("nul\0bell\u{7}del\u{7f}", "nulbelldel"),
            ("\u{1b}(Bplain\u{1b}", "plain"),
            ("user\u{202e}gpj.exe", "usergpj.exe"),
            ("\u{1b}]unended\nnext", "next"),
        ];
        for (given, want) in cases {
            assert_eq!(clean(given, 100), want, "{given:?}");
        }
        assert_eq!((clean("äöü", 2), clean("a\0b c", 2), clean("ab   c", 4)), ("äö".into(), "ab".into(), "ab".into()));
    }

    #[test]
    fn cleans_strings_in_json_and_leaves_the_rest_to_the_letter() {
        let json = r#"{"a":1.50,"b":["x\ny","\u001b[31mred",12345678901234567890123],"c\t":"\"q\"\\"}"#;
        assert_eq!(clean_json(json), r#"{"a":1.50,"b":["x y","red",12345678901234567890123],"c":"\"q\"\\"}"#);
        assert_eq!(clean_json("1.50"), "1.50");
    }

    proptest! {
        #[test]
        fn is_clean_short_and_stays_as_it_is(text in any::<String>(), len_max in 1_usize..40) {
            let once = clean(&text, len_max).into_owned();
            prop_assert!(!once.chars().any(is_odd) && once.chars().count() <= len_max && once.trim() == once);
            prop_assert_eq!(clean(&once, len_max), once.as_str());
        }

        #[test]
        fn json_stays_json(texts in prop::collection::vec(any::<String>(), 0..4), number in any::<f64>()) {
            let json = serde_json::json!({"texts": texts, "number": number}).to_string();
            let value: serde_json::Value = serde_json::from_str(&clean_json(&json)).unwrap();
            let got: Vec<&str> = value["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
            let want: Vec<_> = texts.iter().map(|text| if json.contains('\\') || json.chars().any(is_odd) { clean(text, usize::MAX).into_owned() } else { text.clone() }).collect();
            prop_assert_eq!(got, want);
        }
    }
}
