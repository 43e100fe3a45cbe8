//! Pages over a short-lived consumer: the second way, slower to begin, but not stopped by a server that hangs.

use tokio::time::Instant;

use super::Request;
use super::page::Page;
use crate::reader::{self, Reader};
use crate::{Broker, Error};

impl Broker {
    pub(crate) async fn consumer_page(&self, request: &Request<'_>) -> Result<Page, Error> {
        let open = reader::Request {
            purpose: "replay",
            shard: request.shard,
            epoch: request.epoch,
            from_seq: request.from_seq,
            filter: request.filter,
            messages_max: request.messages_max,
        };
        let mut reader = Reader::open(self, &open).await?;
        let page = read(&mut reader, request, Instant::now() + self.timeout()).await;
        reader.close().await;
        page
    }
}

async fn read(reader: &mut Reader, request: &Request<'_>, until: Instant) -> Result<Page, Error> {
    let (mut page, mut bytes) = (Page::default(), 0);
    while reader.pending() > 0 && page.messages.len() < request.messages_max && bytes < request.bytes_max {
        let message = reader.next(until).await?.ok_or_else(|| Error::Unavailable("the consumer gave no page in time".to_owned()))?;
        bytes += message.payload.len();
        page.messages.push(message);
    }
    page.more = reader.pending() > 0;
    Ok(page)
}
