//! Checkpoints: what a ledger was at a moment, as a text that can be signed.

use crate::ledger::{Hash, Refused};
use crate::{Tenant, Timestamp, limits};

const ORIGIN: &str = "slipstream/";
const TIME: &str = "time ";

/// The root of a tenant's ledger at one size. Its text is that of <https://c2sp.org/tlog-checkpoint>: the origin `slipstream/<tenant>`, the size, the
/// root in base64, and one extension line with the time. Origin and size are signed with the root, so a checkpoint of one tenant is none of another.
/// One key signs for all tenants; its name is therefore not the origin, which the standard suggests but does not ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose ledger.
    pub tenant: Tenant,
    /// How many leaves it had, at most [`limits::LEDGER_LEAVES_MAX`].
    pub size: u64,
    /// The root of these leaves.
    pub root: Hash,
    /// When it was signed, by the signer's clock.
    pub at: Timestamp,
}

impl Checkpoint {
    /// The text that is signed: four lines, each with its end. Equal checkpoints give equal texts.
    pub fn to_text(&self) -> String {
        let Self { tenant, size, root, at } = self;
        format!("{ORIGIN}{tenant}\n{size}\n{}\n{TIME}{at}\n", root.to_base64())
    }

    /// Reads what [`Checkpoint::to_text`] writes, byte for byte.
    ///
    /// # Errors
    /// [`Refused::Checkpoint`], with the line that is wrong, for everything else: other origins, other extension lines, another form of a number, and
    /// an empty ledger whose root is not [`Hash::empty`].
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let tenant = line().strip_prefix(ORIGIN).and_then(|tenant| Tenant::new(tenant).ok()).ok_or(Refused::Checkpoint("origin"))?;
        let size = line().parse().ok().filter(|size| *size <= limits::LEDGER_LEAVES_MAX).ok_or(Refused::Checkpoint("size"))?;
        let root = Hash::from_base64(line()).filter(|root| size > 0 || *root == Hash::empty()).ok_or(Refused::Checkpoint("root"))?;
        let at = line().strip_prefix(TIME).and_then(Timestamp::parse).ok_or(Refused::Checkpoint("time"))?;
        let checkpoint = Self { tenant, size, root, at };
        if checkpoint.to_text() == text { Ok(checkpoint) } else { Err(Refused::Checkpoint("form")) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "slipstream/acme\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\ntime 2026-01-02T03:04:05.000006Z\n";

    pub(crate) fn example() -> Checkpoint {
        Checkpoint { tenant: Tenant::new("acme").unwrap(), size: 1, root: Hash::leaf(b""), at: Timestamp::parse("2026-01-02T03:04:05.000006Z").unwrap() }
    }

    #[test]
    fn has_one_text() {
        assert_eq!(example().to_text(), TEXT);
        assert_eq!(Checkpoint::parse(TEXT), Ok(example()));
        let empty = Checkpoint { size: 0, root: Hash::empty(), ..example() };
        assert_eq!(Checkpoint::parse(&empty.to_text()), Ok(empty));
    }

    #[test]
    fn refuses_every_other_text_and_names_the_line() {
        let changes = [
            ("slipstream/acme", "", "origin"),
            ("slipstream/", "other/", "origin"),
            ("acme", "acme/a", "origin"),
            ("acme\n", "acme\r\n", "origin"),
            ("\n1\n", "\n\n", "size"),
            ("\n1\n", "\n-1\n", "size"),
            ("\n1\n", "\n9223372036854775808\n", "size"),
            ("\n1\n", "\n01\n", "form"),
            ("\n1\n", "\n+1\n", "form"),
            ("\n1\n", "\n0\n", "root"),
            ("bjQL", "bjQ", "root"),
            ("0=", "1=", "root"),
            ("time ", "", "time"),
            ("time ", "time  ", "time"),
            (".000006Z", ".000006", "time"),
            (".000006Z", ".0000060Z", "form"),
            (".000006Z", ".000006+00:00", "form"),
            ("Z\n", "Z", "form"),
            ("Z\n", "Z\nmore\n", "form"),
            ("Z\n", "Z\n\n", "form"),
        ];
        for (from, to, line) in changes {
            assert_eq!(Checkpoint::parse(&TEXT.replacen(from, to, 1)), Err(Refused::Checkpoint(line)), "{from:?} {to:?}");
        }
        assert_eq!(Checkpoint::parse(""), Err(Refused::Checkpoint("origin")));
    }

    prop_compose! {
        pub(crate) fn checkpoint()(tenant in "[A-Za-z0-9_-]{1,64}", size in 1..=limits::LEDGER_LEAVES_MAX, root: [u8; 32], micros in 0_i64..100_000_000_000_000_000) -> Checkpoint {
            Checkpoint { tenant: Tenant::new(&tenant).unwrap(), size, root: Hash(root), at: Timestamp::from_micros(micros).unwrap() }
        }
    }

    proptest! {
        #[test]
        fn round_trips(checkpoint in checkpoint()) {
            prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()), Ok(checkpoint));
        }
    }
}
