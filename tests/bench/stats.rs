//! Percentiles.

/// Samples in nanoseconds, to be read in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

impl Samples {
    /// p50, p90, p99 and the largest, in milliseconds; all empty without a sample.
    pub(crate) fn quantiles(mut self) -> [Option<f64>; 4] {
        self.0.sort_unstable();
        [0.50, 0.90, 0.99, 1.0].map(|part| {
            let rank = (part * self.0.len() as f64).ceil() as usize;
            self.0.get(rank.saturating_sub(1)).map(|nanos| *nanos as f64 / 1e6)
        })
    }
}

/// The middle of some figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

impl FromIterator<u64> for Samples {
    fn from_iter<T: IntoIterator<Item = u64>>(samples: T) -> Self {
        Self(samples.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_sample_that_so_many_are_not_above() {
        let samples: Samples = (1..=200).rev().map(|n| n * 1_000_000).collect();
        assert_eq!(samples.quantiles(), [Some(100.0), Some(180.0), Some(198.0), Some(200.0)]);
        assert_eq!(Samples::default().quantiles(), [None; 4]);
        assert_eq!(Samples(vec![5_000_000]).quantiles(), [Some(5.0); 4]);
    }
}
