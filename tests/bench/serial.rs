//! Serial numbers of events, by which a reader sees that none is missing, none comes twice, and all are in order.

use std::fmt;

/// Publishers that may be at work at the same time. The log keeps the order of each, not the order between them.
pub(crate) const LANES: usize = 4;
/// Digits of a serial number: one for the lane.
pub(crate) const DIGITS: usize = 7;
/// Most events of a lane.
pub(crate) const NUMBERS: u32 = 1_000_000;

/// The publisher of an event, and the how manieth of its events it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Serial {
    /// Below [`LANES`].
    pub(crate) lane: u8,
    /// Below [`NUMBERS`].
    pub(crate) number: u32,
}

/// What a stream has to show from now on: of each lane every number once, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    next: [u32; LANES],
    left: u32,
    order: u64,
}

impl Serial {
    /// Of the first lane.
    pub(crate) fn first_lane(number: usize) -> Self {
        Self { lane: 0, number: u32::try_from(number).unwrap() }
    }

    /// Reads the digits.
    pub(crate) fn parse(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; DIGITS] = digits.try_into().ok()?;
        let all = digits.iter().try_fold(0, |all, digit| digit.is_ascii_digit().then(|| all * 10 + u32::from(digit - b'0')))?;
        let lane = u8::try_from(all / NUMBERS).ok().filter(|lane| usize::from(*lane) < LANES)?;
        Some(Self { lane, number: all % NUMBERS })
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, number } = self;
        write!(f, "{lane}{number:06}")
    }
}

impl Expect {
    /// So many events, those of each lane from here on.
    pub(crate) fn from(next: [u32; LANES], events: usize) -> Self {
        Self { next, left: u32::try_from(events).unwrap(), order: 0 }
    }

    /// So many events from the beginning.
    pub(crate) fn all(events: usize) -> Self {
        Self::from([0; LANES], events)
    }

    /// So many events of the first lane, from this number on.
    pub(crate) fn after(number: usize, events: usize) -> Self {
        Self::from([u32::try_from(number).unwrap(), 0, 0, 0], events)
    }

    /// How many are still to come.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// The same for streams that showed the same events in the same order.
    pub(crate) fn order(&self) -> u64 {
        self.order
    }

    /// Takes an event that came; what is wrong with it.
    pub(crate) fn take(&mut self, serial: Serial) -> Result<(), String> {
        let next = &mut self.next[usize::from(serial.lane)];
        if serial.number != *next {
            let fault = if serial.number > *next { "is missing" } else { "came before: this is a repeat" };
            return Err(format!("event {serial} came where {} was due, which {fault}", Serial { number: *next, ..serial }));
        }
        if self.left == 0 {
            return Err(format!("event {serial} came after the last one that was published"));
        }
        *next += 1;
        self.left -= 1;
        self.order = self.order.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(serial.lane) * u64::from(NUMBERS) + u64::from(serial.number) + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_read_as_it_is_written() {
        let serial = Serial { lane: 3, number: 41 };
        assert_eq!(serial.to_string(), "3000041");
        assert_eq!(Serial::parse(b"3000041"), Some(serial));
        for bad in [b"4000041".as_slice(), b"300004", b"30000411", b"300x041"] {
            assert_eq!(Serial::parse(bad), None);
        }
    }

    #[test]
    fn gaps_repeats_and_surplus_are_faults() {
        let of = |lane, number| Serial { lane, number };
        let mut expect = Expect::all(3);
        assert_eq!([expect.take(of(0, 0)), expect.take(of(1, 0)), expect.take(of(0, 1))], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(expect.left(), 0);
        assert!(expect.take(of(0, 3)).unwrap_err().contains("0000002 was due, which is missing"));
        assert!(expect.take(of(0, 1)).unwrap_err().contains("repeat"));
        assert!(expect.take(of(1, 1)).unwrap_err().contains("after the last"));
    }

    #[test]
    fn another_order_between_lanes_shows() {
        let (mut one, mut other) = (Expect::all(2), Expect::all(2));
        let [a, b] = [0, 1].map(|lane| Serial { lane, number: 0 });
        assert_eq!([one.take(a), one.take(b), other.take(b), other.take(a)], [Ok(()), Ok(()), Ok(()), Ok(())]);
        assert_ne!(one.order(), other.order());
    }
}
