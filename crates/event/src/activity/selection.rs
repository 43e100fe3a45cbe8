//! Which entries are asked for, by what the activity log's chips offer.

use crate::{Category, Fault, Severity};

/// Categories and severities that are asked for. The default asks for all. Small and cheap to compare: a stream looks at it for each event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// A bit for each category; 0 for all.
    categories: u8,
    /// A bit for each severity of an entry; 0 for all.
    severities: u8,
}

/// The severities of entries.
const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Error];

impl Selection {
    /// Reads `categories` and `severities` of a query: each may be repeated and may list words with commas. Other parameters are not looked at.
    ///
    /// # Errors
    /// A [`Fault`] for each parameter with an unknown word, at most one for each.
    pub fn from_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Fault>> {
        let (mut selection, mut faults) = (Self::default(), Vec::<Fault>::new());
        for (name, value) in pairs {
            let added = value.split(',').map(str::trim).filter(|word| !word.is_empty()).try_for_each(|word| match name {
                "categories" => Category::parse(word).map(|category| selection.categories |= category_bit(category)),
                "severities" => Severity::parse(word).filter(|s| SEVERITIES.contains(s)).map(|severity| selection.severities |= severity_bit(severity)),
                _ => Some(()),
            });
            if added.is_none() && !faults.iter().any(|fault| fault.field == name) {
                let words = if name == "categories" { "must be auth, device, entity, capture or system" } else { "must be info, warning or error" };
                faults.push(Fault::new(name, "enum", words));
            }
        }
        if faults.is_empty() { Ok(selection) } else { Err(faults) }
    }

    /// Whether it asks for an event of this category and severity.
    pub fn takes(self, category: Category, severity: Severity) -> bool {
        (self.categories == 0 || self.categories & category_bit(category) != 0) && (self.severities == 0 || self.severities & severity_bit(severity) != 0)
    }

    /// The categories that are asked for; none for all.
    pub fn categories(self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(move |category| self.categories & category_bit(*category) != 0)
    }

    /// The severities of events that are asked for; none for all.
    pub fn severities(self) -> impl Iterator<Item = Severity> {
        Severity::ALL.into_iter().filter(move |severity| self.severities & severity_bit(*severity) != 0)
    }
}

fn category_bit(category: Category) -> u8 {
    1 << category as u8
}

/// Of the severity that the entry shows.
fn severity_bit(severity: Severity) -> u8 {
    1 << super::severity(severity) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &[(&str, &str)]) -> Result<Selection, Vec<String>> {
        Selection::from_query(query.iter().copied()).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn selects_by_both_and_shows_critical_events_as_errors() {
        let all = of(&[("categories", ""), ("other", "x")]).unwrap();
        assert_eq!(all, Selection::default());
        assert!(Category::ALL.into_iter().all(|category| Severity::ALL.into_iter().all(|severity| all.takes(category, severity))));
        let some = of(&[("categories", "auth, device"), ("categories", "system"), ("severities", "error")]).unwrap();
        assert!(some.takes(Category::Auth, Severity::Critical) && some.takes(Category::System, Severity::Error));
        assert!(!some.takes(Category::Entity, Severity::Error) && !some.takes(Category::Auth, Severity::Warning));
        assert_eq!(some.categories().collect::<Vec<_>>(), [Category::Auth, Category::Device, Category::System]);
        assert_eq!(some.severities().collect::<Vec<_>>(), [Severity::Error, Severity::Critical]);
    }

    #[test]
    fn names_each_faulty_parameter_once() {
        let faults = of(&[("severities", "critical"), ("categories", "zoo,auth"), ("severities", "x")]).unwrap_err();
        assert_eq!(faults, ["severities", "categories"]);
    }
}
