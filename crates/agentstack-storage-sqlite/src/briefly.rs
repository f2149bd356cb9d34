//! Waiting for SQLite without going to sleep.
//!
//! sqlx runs SQLite on a thread of its own. Most statements take it some microseconds; putting the asking thread to
//! sleep and waking it again takes several times as long.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::index::Terms;

/// How long an answer is looked for before its asker sleeps: about what the sleep would cost.
const MOMENT: Duration = Duration::from_micros(50);

/// Awaits an answer, at first by asking again and again. The processor is offered to others in between, so on a
/// machine with a single one the database's thread gets it.
pub(crate) async fn briefly<F: Future>(answer: F) -> F::Output {
    let mut answer = pin!(answer);
    let mut begun = None;
    poll_fn(|context| {
        let begun = *begun.get_or_insert_with(Instant::now);
        loop {
            match answer.as_mut().poll(context) {
                Poll::Pending if begun.elapsed() < MOMENT => std::thread::yield_now(),
                other => return other,
            }
        }
    })
    .await
}

/// How long a text may be whose analysis is no matter, in bytes: it takes about a millisecond.
const SHORT: usize = 32 * 1024;

/// Takes a text apart. Of a very long one that takes a tenth of a second, in which whoever shares the thread is served by
/// another, if the runtime has others.
pub(crate) fn analyze(key: &str, content: &str) -> Terms {
    if is_short(content) || Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Terms::of(key, content);
    }
    block_in_place(|| Terms::of(key, content))
}

/// Whether the analysis of a text is over before SQLite has opened a transaction, or soon after.
pub(crate) fn is_short(content: &str) -> bool {
    content.len() <= SHORT
}

/// Awaits an answer, and does something else once it has been asked for.
pub(crate) async fn briefly_while<F: Future, T>(answer: F, meanwhile: impl FnOnce() -> T) -> (F::Output, T) {
    let mut answer = pin!(answer);
    let asked = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
    let made = meanwhile();
    match asked {
        Poll::Ready(answer) => (answer, made),
        Poll::Pending => (briefly(answer).await, made),
    }
}
