//! A balancer of connections, as it stands before several gateways.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Wire;

/// How often it asks a server for its health, and how long it waits for the answer.
const HEALTH_CHECK: Duration = Duration::from_millis(100);
const HEALTH_PATIENCE: Duration = Duration::from_secs(2);

/// Spreads new connections over the servers that say that they are ready. Open ones stay where they are.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    servers: Arc<Vec<Server>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Server {
    address: Mutex<String>,
    is_ready: AtomicBool,
}

impl Balancer {
    /// Stands before these servers, `http://host:port`.
    pub async fn before(urls: &[String]) -> Self {
        let servers: Arc<Vec<Server>> = Arc::new(urls.iter().map(|url| Server { address: Mutex::new(url.clone()), is_ready: AtomicBool::new(true) }).collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        for server in 0..servers.len() {
            tasks.spawn(watch(servers.clone(), server));
        }
        tasks.spawn(accept(listener, servers.clone()));
        Self { address, servers, _tasks: tasks }
    }

    /// The address to call, `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A server came back at another address.
    pub fn aim(&self, server: usize, url: &str) {
        url.clone_into(&mut self.servers[server].address.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether a server takes new connections.
    pub fn is_ready(&self, server: usize) -> bool {
        self.servers[server].is_ready.load(Ordering::SeqCst)
    }
}

impl Server {
    fn url(&self) -> String {
        self.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(self.url().trim_start_matches("http://")).await.ok()
    }

    async fn check(&self) -> bool {
        let asked = async {
            let mut wire = Wire::connect(&self.url()).await.ok()?;
            wire.send("GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ok()?;
            Some(wire.head().await.ok()?.status == 200)
        };
        timeout(HEALTH_PATIENCE, asked).await.ok().flatten().unwrap_or_default()
    }
}

async fn watch(servers: Arc<Vec<Server>>, server: usize) {
    loop {
        let is_ready = servers[server].check().await;
        servers[server].is_ready.store(is_ready, Ordering::SeqCst);
        sleep(HEALTH_CHECK).await;
    }
}

async fn accept(listener: TcpListener, servers: Arc<Vec<Server>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(forward(client, servers.clone(), turn.clone()));
    }
}

async fn forward(mut client: TcpStream, servers: Arc<Vec<Server>>, turn: Arc<AtomicUsize>) {
    let turn = turn.fetch_add(1, Ordering::Relaxed);
    let order = (0..servers.len()).map(|n| &servers[(turn + n) % servers.len()]);
    for server in order.filter(|server| server.is_ready.load(Ordering::SeqCst)) {
        if let Some(mut server) = server.connect().await {
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            return;
        }
    }
}
