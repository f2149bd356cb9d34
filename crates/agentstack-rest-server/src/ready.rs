//! Asks the server that runs with the same configuration whether it is ready.
//!
//! It is for the health check of a container, in which there is nothing else to ask with. It reads the configuration and
//! makes nothing: no key, no database. It does not speak TLS.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use agentstack::config::{Config, Overrides, Sources};
use anyhow::ensure;

/// How long it may take to be let in, and then to be answered. A server that is slower than that is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than the first line of an answer has.
const LINE_BYTES: u64 = 256;

/// What the server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// And why it is taken not to be.
    Not(String),
}

/// Asks at the address that the configuration in force names.
///
/// # Errors
/// When the configuration is not right, or the server that it describes cannot be asked from here.
pub(crate) fn check(config: Option<PathBuf>, overrides: Overrides) -> anyhow::Result<Readiness> {
    let http = Config::load(&Sources::of_process(config, overrides)?)?.config.http;
    ensure!(http.tls.is_none(), "--check-ready does not speak TLS, which http.tls asks for");
    ensure!(http.listen.port() != 0, "--check-ready needs a port in http.listen");
    let address = reachable(http.listen);
    Ok(match status_line(address) {
        Ok(line) if line.starts_with("HTTP/1.1 200 ") => Readiness::Ready,
        Ok(line) => Readiness::Not(format!("{address} answers {}", line.trim_end())),
        Err(error) => Readiness::Not(format!("{address}: {error}")),
    })
}

/// A server that listens everywhere listens on the loopback address as well.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(address, listen.port())
}

fn status_line(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES)).read_line(&mut line)?;
    Ok(line)
}
