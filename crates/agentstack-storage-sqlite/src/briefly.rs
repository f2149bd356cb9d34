//! Waiting for SQLite without going to sleep.
//!
//! sqlx runs SQLite on a thread of its own. Most statements take it some microseconds; putting the asking thread to
//! sleep and waking it again takes several times as long.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// How long an answer is looked for before its asker sleeps: about what the sleep would cost.
const MOMENT: Duration = Duration::from_micros(50);

/// Awaits an answer, at first by asking again and again. The processor is offered to others in between, so on a
/// machine with a single one the database's thread gets it.
pub(crate) async fn briefly<F: Future>(answer: F) -> F::Output {
    // Where several threads serve several callers, the processor has better to do than to look.
    if Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread {
        return answer.await;
    }
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
