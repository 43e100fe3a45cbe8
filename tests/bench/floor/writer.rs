//! Streams alone: a loop in a process of its own that writes the bytes to each socket, and nothing else.

use std::io::{BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::machine::now_ns;
use crate::serial::Serial;

/// What such a process is told.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Writer {
    /// Sockets
    #[arg(long)]
    pub(crate) streams: usize,
    /// Events
    #[arg(long)]
    pub(crate) events: usize,
    /// Time between two events, in microseconds; 0: as fast as it goes
    #[arg(long)]
    pub(crate) period_us: u64,
    /// Size of an event on the wire
    #[arg(long)]
    pub(crate) bytes: usize,
}

/// Such a process. Its conversation: it tells its address; a line lets it begin; it tells when it began to write each event; it ends with its
/// input.
pub(crate) struct Running {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    events: usize,
    /// Where it listens.
    pub(crate) address: String,
}

impl Running {
    /// Starts the process.
    pub(crate) async fn start(writer: Writer) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let Writer { streams, events, period_us, bytes } = writer;
        command.arg("bare-writer").args(["--streams".to_owned(), streams.to_string(), "--events".to_owned(), events.to_string()]);
        command.args(["--period-us".to_owned(), period_us.to_string(), "--bytes".to_owned(), bytes.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut output = BufReader::new(output).lines();
        let address = output.next_line().await.unwrap().unwrap();
        Self { child, input, output, events, address }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Lets it begin.
    pub(crate) async fn begin(&mut self) {
        self.input.write_all(b"\n").await.unwrap();
    }

    /// When it began to write each event, in nanoseconds since 1970. It has to be through, and its streams end here.
    pub(crate) async fn finish(mut self) -> Vec<u64> {
        let mut begun = Vec::with_capacity(self.events);
        while begun.len() < self.events {
            begun.push(self.output.next_line().await.unwrap().unwrap().parse().unwrap());
        }
        drop(self.input);
        self.child.wait().await.unwrap();
        begun
    }
}

/// The process itself.
pub(crate) fn serve(writer: Writer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    println!("{}", listener.local_addr().unwrap());
    let mut sockets: Vec<TcpStream> = (0..writer.streams).map(|_| welcome(&listener)).collect();
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let began = Instant::now();
    let mut times = Vec::with_capacity(writer.events);
    for number in 0..writer.events {
        let due = began + Duration::from_micros(writer.period_us) * u32::try_from(number).unwrap();
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let frame = frame(number, writer.bytes);
        times.push(now_ns());
        for socket in &mut sockets {
            socket.write_all(&frame).unwrap();
        }
    }
    times.iter().for_each(|time| println!("{time}"));
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

fn welcome(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().unwrap();
    socket.set_nodelay(true).unwrap();
    assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").unwrap();
    socket
}

/// An event of this size on the wire.
fn frame(number: usize, bytes: usize) -> Vec<u8> {
    let mut frame = format!(r#"data: {{"entityId":"n-{}","rest":""#, Serial::first_lane(number)).into_bytes();
    frame.resize(bytes.saturating_sub(4).max(frame.len()), b'x');
    frame.extend_from_slice(b"\"}\n\n");
    frame
}
