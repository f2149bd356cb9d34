//! Lines of strict JSON (S30).
//!
//! rmcp's own line transport takes JSON as serde does: of two equal names the last one counts, and a
//! lone surrogate ends a message in silence. Here a line that is not strict JSON is refused with a
//! JSON-RPC error, and the connection goes on.

use std::io;
use std::sync::Arc;

use agentstack_core::limits::MESSAGE_BYTES;
use rmcp::RoleServer;
use rmcp::model::{ErrorData, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, Notify};

/// A server's end of a stream of lines.
#[derive(Debug)]
pub struct StrictTransport<R, W> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Whether the rest of a line that is too long is being passed over.
    skipping: bool,
    writer: Arc<Mutex<W>>,
    /// Whether a request has come. What is only notified before is nobody's business.
    begun: bool,
    /// Told when there is no more input.
    ended: Arc<Notify>,
    /// An error that is to be answered before the next line is read.
    refusal: Option<(ErrorData, Option<RequestId>)>,
}

enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: AsyncRead + Send + Unpin, W: AsyncWrite + Send + Unpin + 'static> StrictTransport<R, W> {
    /// A transport over a reader and a writer.
    pub fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::with_capacity(64 * 1024, reader),
            line: Vec::new(),
            skipping: false,
            writer: Arc::new(Mutex::new(writer)),
            begun: false,
            ended: Arc::default(),
            refusal: None,
        }
    }

    /// What is told when there is no more input.
    #[must_use]
    pub fn ended(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
    }

    /// Reads the next line into `self.line`. What is read of a line stays there if the future is
    /// dropped, and the next call goes on with it.
    async fn read_line(&mut self) -> io::Result<Line> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(Line::End);
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let taken = newline.map_or(available.len(), |at| at + 1);
            let was_skipping = self.skipping;
            if !self.skipping {
                if self.line.len() + taken > MESSAGE_BYTES {
                    self.line = Vec::new();
                    self.skipping = true;
                } else {
                    self.line.extend_from_slice(available.get(..taken).unwrap_or_default());
                }
            }
            self.reader.consume(taken);
            match (newline, self.skipping) {
                (Some(_), true) => self.skipping = false,
                (Some(_), false) => return Ok(Line::Whole),
                (None, _) => {}
            }
            // Said once, when the limit is passed.
            if self.line.is_empty() && !was_skipping {
                return Ok(Line::TooLong);
            }
        }
    }
}

/// Reads a message from a line. `Ok(None)` for an empty one.
#[expect(clippy::result_large_err, reason = "the error is rmcp's, and is sent away by the one caller")]
fn read(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleServer>>, (ErrorData, Option<RequestId>)> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let text = agentstack_api::json::check(line)
        .map_err(|error| (ErrorData::parse_error(format!("Parse error: {error}"), None), None))?;
    serde_json::from_str(text).map(Some).map_err(|_| {
        // It is JSON, so it may have an id to answer to. The cause would repeat what was sent.
        let id = serde_json::from_str::<Value>(text).ok();
        let id = id.and_then(|mut value| serde_json::from_value(value.get_mut("id")?.take()).ok());
        (ErrorData::invalid_request("Invalid request", None), id)
    })
}

async fn write<W: AsyncWrite + Unpin>(
    writer: &Mutex<W>,
    message: &TxJsonRpcMessage<RoleServer>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut writer = writer.lock().await;
    writer.write_all(&line).await?;
    writer.flush().await
}

impl<R, W> Transport<RoleServer> for StrictTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        async move { write(&writer, &message).await }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some((error, id)) = &self.refusal {
                let message = TxJsonRpcMessage::<RoleServer>::error(error.clone(), id.clone());
                write(&self.writer, &message).await.ok()?;
                self.refusal = None;
            }
            match self.read_line().await {
                Ok(Line::Whole) => {
                    let message = read(&self.line);
                    self.line.clear();
                    match message {
                        Ok(Some(RxJsonRpcMessage::<RoleServer>::Notification(_))) if !self.begun => {}
                        Ok(Some(message)) => {
                            self.begun = true;
                            return Some(message);
                        }
                        Ok(None) => {}
                        Err(refusal) => self.refusal = Some(refusal),
                    }
                }
                Ok(Line::TooLong) => {
                    let rule = format!("Invalid request: a message has at most {MESSAGE_BYTES} bytes");
                    self.refusal = Some((ErrorData::invalid_request(rule, None), None));
                }
                // Without its newline the last line is no message: its sender did not finish it.
                Ok(Line::End) => {
                    self.ended.notify_one();
                    return None;
                }
                Err(error) => {
                    tracing::warn!(error = %error, "reading standard input");
                    self.ended.notify_one();
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.lock().await.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answers(input: &[u8]) -> (usize, Vec<Value>) {
        let (mut theirs, ours) = tokio::io::duplex(1 << 20);
        let (reader, writer) = tokio::io::split(ours);
        let mut transport = StrictTransport::new(reader, writer);
        let input = input.to_vec();
        let client = tokio::spawn(async move {
            theirs.write_all(&input).await.unwrap();
            theirs.shutdown().await.unwrap();
            let mut output = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut theirs, &mut output).await.unwrap();
            output
        });
        let mut taken = 0;
        while transport.receive().await.is_some() {
            taken += 1;
        }
        transport.close().await.unwrap();
        drop(transport);
        let output = client.await.unwrap();
        (taken, output.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    #[tokio::test]
    async fn s30_a_line_that_is_not_strict_json_is_refused_and_the_next_one_is_read() {
        for bad in [
            &br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#[..],
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\ud800"}}"#,
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}",
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}"#,
            b"nonsense",
            "[".repeat(100_000).as_bytes(),
        ] {
            let input = [bad, b"\n\r\n", PING.as_bytes(), b"\n"].concat();
            let (taken, answers) = answers(&input).await;
            assert_eq!(
                (taken, answers.len()),
                (1, 1),
                "{}",
                String::from_utf8_lossy(&bad[..20.min(bad.len())])
            );
            assert_eq!(answers[0]["error"]["code"], -32700);
        }
    }

    #[tokio::test]
    async fn json_that_is_no_message_is_an_invalid_request_with_its_id() {
        let (taken, answers) = answers(b"{\"jsonrpc\":\"1.0\",\"id\":\"x\",\"method\":5}\n[]\n7\n").await;
        assert_eq!(taken, 0);
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|answer| answer["error"]["code"] == -32600));
        assert_eq!(answers[0]["id"], "x");
    }

    #[tokio::test]
    async fn a_line_over_the_limit_is_refused_once_and_the_next_one_is_read() {
        let long = format!("\"{}\"\n", "x".repeat(MESSAGE_BYTES + 100_000));
        let (taken, answers) = answers(format!("{long}{PING}\n").as_bytes()).await;
        assert_eq!((taken, answers.len()), (1, 1));
        assert_eq!(answers[0]["error"]["code"], -32600);
    }

    #[tokio::test]
    async fn a_line_without_its_end_is_no_message() {
        let (taken, answers) = answers(PING.as_bytes()).await;
        assert_eq!((taken, answers.len()), (0, 0));
    }
}
