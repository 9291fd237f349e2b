//! The endpoint: `GET /metrics`, and nothing else.
//!
//! One plain thread serves one request after the other. A request has two seconds and
//! 8 KiB, so that nobody who is slow keeps the next one waiting for long.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Happened;
use crate::clock::Clock;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST: usize = 8 << 10;

/// A running endpoint; it ends with the value.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl MetricsServer {
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn start(
        world: &Arc<World>,
        address: impl ToSocketAddrs,
    ) -> io::Result<MetricsServer> {
        let listener = TcpListener::bind(address)?;
        let server = MetricsServer { address: listener.local_addr()?, ended: Arc::default() };
        let happened = Arc::new(Happened::default());
        world.observers.add(happened.clone());
        let (weak, ended) = (Arc::downgrade(world), server.ended.clone());
        std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || serve(&listener, &weak, &happened, &ended))?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

fn serve(listener: &TcpListener, world: &Weak<World>, happened: &Happened, ended: &AtomicBool) {
    for connection in listener.incoming() {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        let Some(world) = world.upgrade() else { return };
        // A connection that fails is the business of whoever made it.
        if let Ok(connection) = connection {
            let _ = answer(connection, &world, happened);
        }
    }
}

fn answer(mut connection: TcpStream, world: &World, happened: &Happened) -> io::Result<()> {
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = head(&mut connection, &*world.clock)?;
    let mut words = request.split(|byte| byte.is_ascii_whitespace());
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let (status, text) = match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => ("200 OK", super::text(world, happened)),
        (_, b"/metrics") => ("405 Method Not Allowed", "only GET\n".to_owned()),
        _ => ("404 Not Found", "see /metrics\n".to_owned()),
    };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes())?;
    if method != b"HEAD" {
        connection.write_all(text.as_bytes())?;
    }
    connection.flush()
}

/// What comes before the first empty line.
fn head(connection: &mut TcpStream, clock: &dyn Clock) -> io::Result<Vec<u8>> {
    let patience = PATIENCE.as_nanos() as u64;
    let end = clock.monotonic() + patience;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let left = end.saturating_sub(clock.monotonic());
        if left == 0 || head.len() > LONGEST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        connection.set_read_timeout(Some(Duration::from_nanos(left)))?;
        match connection.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => head.extend_from_slice(&part[..length]),
        }
    }
    Ok(head)
}
