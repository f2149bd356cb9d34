//! The threads that serve connections.
//!
//! Each has an event loop of its own, and a connection stays with the one it was given to: where threads share their
//! work, most of a short request is one of them waking another.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// One event loop a core.
#[derive(Debug)]
pub(crate) struct Workers {
    loops: Vec<Runtime>,
    next: AtomicUsize,
}

impl Workers {
    pub(crate) fn start() -> io::Result<Self> {
        // Not of the kind that runs on one thread only: there, a call that computes for long could not make room for
        // others (`block_in_place`).
        let event_loop =
            |_| Builder::new_multi_thread().worker_threads(1).thread_name("connections").enable_all().build();
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let loops = (0..cores).map(event_loop).collect::<io::Result<_>>()?;
        Ok(Self { loops, next: AtomicUsize::new(0) })
    }

    /// Gives a connection to the next loop, which serves it.
    pub(crate) fn serve<F: Future<Output = ()> + Send + 'static>(
        &self,
        stream: std::net::TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.loops.len().max(1);
        let Some(event_loop) = self.loops.get(number) else { return };
        event_loop.spawn(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::warn!(error = %error, "a connection was not taken"),
            }
        });
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // What is still being served is cut: whoever drops it has waited long enough.
        for event_loop in self.loops.drain(..) {
            event_loop.shutdown_background();
        }
    }
}
