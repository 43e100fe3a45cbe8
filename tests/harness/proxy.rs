//! A line between client and server that can be cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Connections that wait to be taken.
const BACKLOG: u32 = 128;

/// Forwards TCP connections from an address of its own, which stays the same whatever happens to the server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    /// Holds the port while nobody listens on it.
    _port: TcpSocket,
    accepting: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Line {
    target: Mutex<String>,
    /// How often everything was cut: a connection lives until it changes.
    cuts: watch::Sender<u64>,
    stalled: watch::Sender<bool>,
    /// Bytes towards clients after which everything is cut; negative: no such order.
    cut_after: AtomicI64,
    open: AtomicUsize,
    connections: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// Forwards to this server, `http://host:port`.
    pub async fn before(target: &str) -> Self {
        let port = socket("127.0.0.1:0".parse().unwrap());
        let line = Line {
            target: Mutex::default(),
            cuts: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
            cut_after: AtomicI64::new(-1),
            open: AtomicUsize::new(0),
            connections: Mutex::default(),
        };
        let proxy = Self { address: port.local_addr().unwrap(), line: Arc::new(line), _port: port, accepting: Mutex::default() };
        proxy.aim(target);
        proxy.accept();
        proxy
    }

    /// The address to call, `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Forwards new connections to another server.
    pub fn aim(&self, target: &str) {
        target.trim_start_matches("http://").clone_into(&mut self.line.target.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Cuts every connection now, in both directions.
    pub fn cut(&self) {
        self.line.cut();
    }

    /// Cuts every connection after so many further bytes towards the clients, wherever that is.
    pub fn cut_after(&self, bytes: usize) {
        self.line.cut_after.store(i64::try_from(bytes).unwrap(), Ordering::SeqCst);
    }

    /// Lets the kernel refuse new connections; those that are open stay.
    pub async fn refuse(&self) {
        let mut task = std::mem::take(&mut *self.accepting.lock().unwrap_or_else(PoisonError::into_inner));
        // Its end closes the listener.
        task.shutdown().await;
    }

    /// Ends [`Proxy::refuse`].
    pub fn accept(&self) {
        let listener = socket(self.address).listen(BACKLOG).unwrap();
        let line = self.line.clone();
        self.accepting.lock().unwrap_or_else(PoisonError::into_inner).spawn(accept(listener, line));
    }

    /// Passes no byte on to clients, and takes at most one piece more from the server, until [`Proxy::flow`].
    pub fn stall(&self) {
        self.line.stalled.send_replace(true);
    }

    /// Ends [`Proxy::stall`].
    pub fn flow(&self) {
        self.line.stalled.send_replace(false);
    }

    /// How many connections are open through it.
    pub fn open(&self) -> usize {
        self.line.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Line {
    fn cut(&self) {
        self.cut_after.store(-1, Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many of these bytes may still pass; fewer than all: then everything is cut.
    fn allowance(&self, bytes: usize) -> usize {
        let before = self.cut_after.load(Ordering::SeqCst);
        let Ok(left) = usize::try_from(before) else { return bytes };
        self.cut_after.fetch_sub(i64::try_from(bytes.min(left)).unwrap(), Ordering::SeqCst);
        bytes.min(left)
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut connections = line.connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        connections.spawn(forward(client, line.clone()));
    }
}

async fn forward(client: TcpStream, line: Arc<Line>) {
    let mut cuts = line.cuts.subscribe();
    let target = line.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Without a server the client's connection ends here.
    let Ok(server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    line.open.fetch_add(1, Ordering::SeqCst);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = cuts.changed() => {}
        () = up(from_client, to_server) => {}
        () = down(from_server, to_client, &line) => {}
    }
    line.open.fetch_sub(1, Ordering::SeqCst);
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    drop(tokio::io::copy(&mut from, &mut to).await);
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let mut stalled = line.stalled.subscribe();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let Ok(length @ 1..) = from.read(&mut chunk).await else { return };
        if stalled.wait_for(|stalled| !stalled).await.is_err() {
            return;
        }
        let allowed = line.allowance(length);
        if to.write_all(&chunk[..allowed]).await.is_err() {
            return;
        }
        if allowed < length {
            line.cut();
        }
    }
}
