//! Standard output: buffered, and at peace with a reader that goes away.

use std::io;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, sleep};

/// How often it is looked whether stdout still has a reader, while there is nothing to write.
const LOOK: Duration = Duration::from_millis(250);

/// What is written before it is sent on, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Nobody reads the output any more: the end of the command, and no error of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct Closed;

/// Where a command writes its result.
pub struct Output {
    out: Box<dyn AsyncWrite + Send + Unpin>,
    buffer: Vec<u8>,
    is_terminal: bool,
    is_stdout: bool,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self { out: Box::new(tokio::io::stdout()), buffer: Vec::new(), is_terminal: io::stdout().is_terminal(), is_stdout: true }
    }

    /// Some other place.
    pub fn to(out: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { out: Box::new(out), buffer: Vec::new(), is_terminal: false, is_stdout: false }
    }

    /// Whether a person looks at it.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a line. It is not sent on before [`Output::flush`], or before much has come together.
    ///
    /// # Errors
    /// [`Closed`], and other errors of writing.
    pub async fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    /// Writes bytes as they are. As [`Output::line`].
    ///
    /// # Errors
    /// As [`Output::line`].
    pub async fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    /// Sends on what was written.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        let written = match self.out.write_all(&self.buffer).await {
            Ok(()) => self.out.flush().await,
            Err(error) => Err(error),
        };
        self.buffer.clear();
        written.map_err(
            |error| if error.kind() == io::ErrorKind::BrokenPipe { Closed.into() } else { anyhow::Error::new(error).context("cannot write the output") },
        )
    }

    /// Waits until nobody reads it any more; for ever where that cannot be known.
    pub async fn closed(&self) {
        loop {
            sleep(LOOK).await;
            if self.is_stdout && is_broken() {
                return;
            }
        }
    }
}

/// Turns the end of the output into the end of the command.
///
/// # Errors
/// All but [`Closed`].
pub fn until_closed(result: anyhow::Result<()>) -> anyhow::Result<()> {
    result.or_else(|error| if error.is::<Closed>() { Ok(()) } else { Err(error) })
}

fn is_broken() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let ready = poll(&mut fds, PollTimeout::ZERO);
    ready.is_ok() && fds[0].revents().is_some_and(|revents| revents.intersects(PollFlags::POLLERR | PollFlags::POLLNVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_goes_away_ends_the_command_without_an_error() {
        let (ours, theirs) = tokio::io::duplex(64);
        let mut output = Output::to(ours);
        output.line("one").await.unwrap();
        output.flush().await.unwrap();
        drop(theirs);
        output.line("two").await.unwrap();
        let error = output.flush().await.unwrap_err();
        assert!(error.is::<Closed>());
        assert!(until_closed(Err(error)).is_ok());
        assert!(until_closed(Err(anyhow::anyhow!("another"))).is_err());
    }
}
