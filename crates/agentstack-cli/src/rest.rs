//! The REST server as a child process, and a client that talks to it as `curl` would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A server that listens on this machine.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it at a port that the system chooses.
    pub(crate) async fn start(server: &Path, config: &Path) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the quickstart starts the servers that it shows")]
        let mut command = Command::new(server);
        command.arg("--config").arg(config).args(["--listen", "127.0.0.1:0", "--log", "error"]);
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = child.stderr.take().context("standard error of the server")?;
        let mut lines = BufReader::new(output).lines();
        let mut said = vec![];
        while let Some(line) = lines.next_line().await? {
            if let Some((_, address)) = line.split_once("listening on http://") {
                return Ok(Self { child, address: address.parse()? });
            }
            said.push(line);
        }
        bail!("the REST server ended: {}", said.join("\n"))
    }

    /// One request: its status and the JSON of its answer.
    pub(crate) async fn ask(
        &self,
        token: Option<&str>,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(target).header(header::HOST, self.address.to_string());
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let response = sender.send_request(request.body(Full::new(bytes))?).await?;
        let status = response.status().as_u16();
        let answer = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&answer)?))
    }

    /// Asks it to end, which it does when what it accepted is finished.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(id) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

/// The server's binary, if it is beside this one.
pub(crate) fn server_binary() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("agentstack-rest");
    path.is_file().then_some(path)
}
