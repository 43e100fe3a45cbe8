//! How far an import is: a bar on a terminal, now and then a line elsewhere. On stderr.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Summary;

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

/// How often the bar is drawn anew.
const DRAW: Duration = Duration::from_millis(100);

/// Shortest time between two notes of trouble.
const NOTE: Duration = Duration::from_secs(2);

/// Shows how far an import is.
pub struct Progress {
    bar: Option<ProgressBar>,
    is_quiet: bool,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    shown: Instant,
}

impl Progress {
    /// Shows it on stderr; `bytes` is the length of the input, when that is known.
    pub fn new(bytes: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| match bytes {
            Some(bytes) => ProgressBar::new(bytes).with_style(style("{bar:30} {percent:>3} %  {msg}  {eta} left")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {msg}")),
        });
        Self { bar, is_quiet: false, state: state() }
    }

    /// Shows nothing.
    pub fn none() -> Self {
        Self { bar: None, is_quiet: true, state: state() }
    }

    /// What writes a line without tearing the bar.
    pub(super) fn notify(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let bar = self.bar.clone();
        let last: Mutex<Option<Instant>> = Mutex::new(None);
        move |line| {
            // Requests that run side by side meet the same trouble: one tells of it.
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last.elapsed() < NOTE) {
                return;
            }
            *last = Some(Instant::now());
            match &bar {
                Some(bar) => bar.suspend(|| eprintln!("{line}")),
                None => eprintln!("{line}"),
            }
        }
    }

    /// So much of the input is read, and this is what became of it.
    pub(super) fn at(&self, bytes: u64, summary: &Summary) {
        if self.is_quiet {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.duration_since(state.shown) < if self.bar.is_some() { DRAW } else { LINE } {
            return;
        }
        state.shown = now;
        let seconds = now.duration_since(state.began).as_secs_f64();
        let line = line(summary, seconds);
        match &self.bar {
            Some(bar) => {
                bar.set_position(bytes);
                bar.set_message(line);
            }
            None => eprintln!("{line}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn state() -> Mutex<State> {
    let now = Instant::now();
    Mutex::new(State { began: now, shown: now })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn line(summary: &Summary, seconds: f64) -> String {
    let loaded = summary.loaded();
    let rate = loaded as f64 / seconds.max(0.001);
    let refused = if summary.refused > 0 { format!(", {} refused", summary.refused) } else { String::new() };
    format!("{loaded} events, {rate:.0}/s{refused}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_count_and_rate() {
        let mut summary = Summary { accepted: 900, duplicates: 100, ..Summary::default() };
        assert_eq!(line(&summary, 2.0), "1000 events, 500/s");
        summary.refused = 2;
        assert_eq!(line(&summary, 2.0), "1000 events, 500/s, 2 refused");
    }
}
