//! An MCP client that adds as little as it can to what it measures: lines on blocking pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A server process and the client that started it.
pub(crate) struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    answer: Vec<u8>,
    calls: u64,
}

impl Peer {
    /// Starts a server and greets it. Returns how long it took from before the process was to its answer.
    pub(crate) fn start(mut command: Command) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let mut process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("the server has an output")?;
        let output = BufReader::with_capacity(64 * 1024, output);
        let mut peer = Self { process, input, output, answer: Vec::new(), calls: 0 };
        let client = json!({"name": "bench", "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        peer.ask(&peer.line("initialize", &params))?;
        let took = begun.elapsed();
        peer.checked()?;
        peer.write(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")?;
        Ok((peer, took))
    }

    /// The line of a request.
    pub(crate) fn line(&self, method: &str, params: &Value) -> Vec<u8> {
        let request = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        let mut line = request.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    /// Calls a tool. Returns how long its answer took.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Duration> {
        let line = self.line("tools/call", &json!({"name": tool, "arguments": arguments}));
        let begun = Instant::now();
        self.ask(&line)?;
        let passed = begun.elapsed();
        self.checked().with_context(|| format!("calling {tool}"))?;
        Ok(passed)
    }

    /// Calls a tool and reads its structured answer.
    pub(crate) fn read(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        self.call(tool, arguments)?;
        let mut answer: Value = serde_json::from_slice(&self.answer)?;
        Ok(answer.pointer_mut("/result/structuredContent").map(Value::take).unwrap_or_default())
    }

    /// Asks for something else than a tool. Returns how many bytes the answer has.
    pub(crate) fn answer_bytes(&mut self, method: &str) -> Result<usize> {
        self.ask(&self.line(method, &json!({})))?;
        self.checked()?;
        Ok(self.answer.len())
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).context("there is a VmRSS")?;
        Ok(number.parse()?)
    }

    /// Ends the input and waits for the process.
    pub(crate) fn close(mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the server failed ({status})");
        }
        Ok(())
    }

    /// Writes a request and reads lines up to the answer: a server may notify in between.
    fn ask(&mut self, line: &[u8]) -> Result<()> {
        self.calls += 1;
        self.write(line)?;
        self.answer.clear();
        if self.output.read_until(b'\n', &mut self.answer)? == 0 {
            bail!("the server closed its output");
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.input.as_mut().context("the input is open")?.write_all(bytes)?;
        Ok(())
    }

    /// An answer that is no result would be measured as a fast one.
    fn checked(&self) -> Result<()> {
        let holds = |part: &[u8]| self.answer.windows(part.len()).any(|window| window == part);
        if holds(b"\"isError\":true") || !holds(b"\"result\"") {
            bail!("{}", String::from_utf8_lossy(&self.answer));
        }
        Ok(())
    }
}
