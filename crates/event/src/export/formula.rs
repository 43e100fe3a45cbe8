//! The guard against cells that a spreadsheet would run.

use std::borrow::Cow;

/// The text as it may stand in a cell: with an apostrophe in front when a spreadsheet would take it for a formula.
pub fn guard(text: &str) -> Cow<'_, str> {
    if starts_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Whether a spreadsheet could take a cell for a formula, or for a break between cells: its first character, after blanks and what is not shown, is one of
/// `=`, `+`, `-`, `@` in any of their widths, or a tab or line break.
pub fn starts_formula(text: &str) -> bool {
    text.chars().find(|c| !is_passed_over(*c)).is_some_and(|c| is_sign(c) || is_break(c))
}

/// ASCII, full-width and small forms, and the minus sign of mathematics.
fn is_sign(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

fn is_break(c: char) -> bool {
    matches!(c, '\t' | '\r' | '\n' | '\u{b}' | '\u{c}' | '\0' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Blanks, and characters without a shape: spreadsheets trim them.
fn is_passed_over(c: char) -> bool {
    let is_shapeless = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !is_break(c) && (c.is_whitespace() || c.is_control() || is_shapeless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_what_a_spreadsheet_would_run() {
        for bad in
            ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0=1", "＝1", "＋1", "－1", "＠x", " =1", "\u{3000}＝1", "\u{feff}=1", "  \t", "\u{a0}-1", "−1"]
        {
            assert_eq!(guard(bad), format!("'{bad}"), "{bad:?}");
        }
        for good in ["", " ", "a=1", "1-1", "D-ABCD", "'=1", "{\"a\":1}", "ü", "\u{200b}"] {
            assert_eq!(guard(good), good, "{good:?}");
        }
    }
}
