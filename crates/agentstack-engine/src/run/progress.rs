//! Telling of what is going on.

use std::fmt;
use std::sync::Arc;

/// Who is told how far a call is: how many characters have come so far. By default nobody.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(u64) + Send + Sync>>);

impl Progress {
    /// Tells `tell`, which must not wait.
    pub fn new(tell: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(super) fn tell(&self, characters: u64) {
        if let Some(tell) = &self.0 {
            tell(characters);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress({})", if self.0.is_some() { "told" } else { "nobody" })
    }
}
