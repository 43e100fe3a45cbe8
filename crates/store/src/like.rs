//! Patterns of `like`.

/// The pattern of texts that contain `part` to the letter.
pub(crate) fn contains(part: &str) -> String {
    format!("%{}", begins(part))
}

/// The pattern of texts that begin with `part` to the letter.
pub(crate) fn begins(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 1);
    for c in part.chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn means_its_part_to_the_letter() {
        assert_eq!(super::contains(r"50%_\x"), r"%50\%\_\\x%");
    }
}
