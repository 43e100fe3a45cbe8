//! `GET /api/ledger/export`.

use bytes::{Buf, BytesMut};
use reqwest::{Method, Response};

use super::{Client, Error};

/// The lines of a ledger's export, as they come.
pub struct LedgerLines {
    client: Client,
    response: Response,
    buffer: BytesMut,
}

impl Client {
    /// The ledger of the tenant, line by line. Not repeated when it breaks off: its export is recorded each time.
    ///
    /// # Errors
    /// [`Error`], when the server refuses or does not answer.
    pub async fn ledger(&self) -> Result<LedgerLines, Error> {
        let response = self.send(self.request(Method::GET, "/api/ledger/export", None, &[])).await?;
        Ok(LedgerLines { client: self.clone(), response, buffer: BytesMut::new() })
    }
}

impl LedgerLines {
    /// The next line, without its end; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it was cut.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.advance(end + 1);
                return Ok(Some(line));
            }
            match self.response.chunk().await.map_err(|error| self.client.unreachable(&error))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(String::from_utf8_lossy(&self.buffer.split()).into_owned())),
            }
        }
    }
}
