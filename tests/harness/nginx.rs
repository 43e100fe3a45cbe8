//! An nginx as a distribution sets it up, before a gateway.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{eventually, places, tools};

/// A running nginx. Dropping it stops it.
#[derive(Debug)]
pub struct Nginx {
    port: u16,
    child: Child,
    _dir: TempDir,
}

impl Nginx {
    /// Starts one whose only location is a plain `proxy_pass` to this address, `http://host:port`.
    pub async fn before(target: &str) -> Self {
        let dir = places::scratch();
        let port = free_port();
        std::fs::write(dir.path().join("nginx.conf"), configuration(dir.path(), port, target)).unwrap();
        let mut child = command(dir.path()).await.spawn().unwrap();
        eventually("nginx listens", async || match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let log = std::fs::read_to_string(dir.path().join("error.log")).unwrap_or_default();
                assert!(child.try_wait().unwrap().is_none(), "nginx ended:\n{log}");
                Err(format!("{error}; {log}"))
            }
        })
        .await;
        Self { port, child, _dir: dir }
    }

    /// The address to call, `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends its workers; a kill would leave them behind.
        if let Some(pid) = self.child.id() {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap_or_default();
            while matches!(self.child.try_wait(), Ok(None)) {
                std::thread::yield_now();
            }
        }
    }
}

/// Debian's `nginx.conf` and a site, with nothing about streams; only places for its files are our own.
fn configuration(dir: &Path, port: u16, target: &str) -> String {
    let dir = dir.display();
    format!(
        "worker_processes auto;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
daemon off;
events {{
    worker_connections 768;
}}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    default_type application/octet-stream;
    access_log {dir}/access.log;
    gzip on;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {target};
        }}
    }}
}}
"
    )
}

async fn command(dir: &Path) -> Command {
    let nginx = tools::nginx_program();
    let mut command = match places::setpriv().await {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(nginx);
            command
        }
        None => Command::new(nginx),
    };
    command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).arg("-e").arg(dir.join("error.log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A free port below those that the kernel gives to outgoing connections, and others than the brokers' of other tests.
fn free_port() -> u16 {
    let begin = u16::try_from(std::process::id() % 1_000).unwrap();
    let ports = (0..1_000).map(|n| 10_000 + (begin + n) % 1_000);
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
