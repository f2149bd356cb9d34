//! The version of what the database holds, known without asking it.
//!
//! In WAL mode all processes that use a database share its wal-index, whose header changes with each commit: SQLite
//! itself compares it to tell whether what it has in its cache is still true (<https://www.sqlite.org/walformat.html>,
//! 2.1). The same bytes are read here, which takes some nanoseconds. A statement on SQLite's own thread takes longer to
//! wake that thread than to run.

use std::ffi::{c_int, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::atomic::{Ordering, fence};

use libsqlite3_sys as ffi;
use sqlx::sqlite::SqliteConnection;

/// How many 32-bit words one copy of the header has.
const WORDS: usize = 12;
/// Which of them counts the commits (`iChange`), the frames of the log (`mxFrame`), and how often the log was begun anew
/// (`aSalt[0]`, in network byte order).
const CHANGE: usize = 2;
const FRAMES: usize = 4;
const SALT: usize = 8;
/// How much of the wal-index SQLite maps at a time, in bytes (`WALINDEX_PGSZ`).
const REGION: c_int = 32 * 1024;
/// How often the header is looked at while it is being written.
const ATTEMPTS: usize = 16;

/// The header of the wal-index. Two equal ones stand for the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version([u32; WORDS]);

impl Version {
    /// Whether it is of the commit right after `before`, with nobody else's in between.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        self.0[CHANGE] == before.0[CHANGE].wrapping_add(1)
    }

    /// One after so many commits, with so many frames in a log that was begun anew so often.
    #[cfg(test)]
    pub(crate) fn made(change: u32, frames: u32, salt: u32) -> Self {
        let mut words = [0; WORDS];
        (words[CHANGE], words[FRAMES], words[SALT]) = (change, frames, salt.to_be());
        Self(words)
    }

    /// Whether nothing was committed since `before`, and the log was begun anew: all of it is in the database by then.
    pub(crate) fn restarts(&self, before: &Self) -> bool {
        let salt = |version: &Self| u32::from_be(version.0[SALT]);
        self.0[CHANGE] == before.0[CHANGE]
            && self.0[FRAMES] == 0
            && salt(self) == salt(before).wrapping_add(1)
    }
}

/// Where the header is. It is there as long as the connection that it was asked of is open.
#[derive(Debug)]
pub(crate) struct Watch(NonNull<u32>);

#[expect(unsafe_code, reason = "what is pointed at is memory that processes share")]
// SAFETY: it is only ever read, by volatile reads, from whichever thread.
unsafe impl Send for Watch {}
#[expect(unsafe_code, reason = "what is pointed at is memory that processes share")]
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    /// Asks a connection that has read its database before. `None` if it is not in WAL mode.
    pub(crate) async fn of(connection: &mut SqliteConnection) -> Option<Self> {
        let mut locked = connection.lock_handle().await.ok()?;
        let handle = locked.as_raw_handle().as_ptr();
        let mut file: *mut ffi::sqlite3_file = null_mut();
        let mut region: *mut c_void = null_mut();
        #[expect(
            unsafe_code,
            reason = "SQLite hands its file and its shared memory over through its C interface only"
        )]
        // SAFETY: the lock is held to the end, so the handle is alive and exclusively ours. SQLite writes a pointer to
        // the file of the main database, which lives as long as the connection, and whose methods are what the VFS
        // interface documents. With 0 for `extend` nothing is made that is not there.
        let found = unsafe {
            let asked = ffi::sqlite3_file_control(
                handle,
                null(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast::<c_void>(),
            );
            let methods = if asked == ffi::SQLITE_OK && !file.is_null() { (*file).pMethods } else { null() };
            if methods.is_null() || (*methods).iVersion < 2 {
                return None;
            }
            (*methods).xShmMap.map(|map| map(file, 0, REGION, 0, &raw mut region))
        };
        if found == Some(ffi::SQLITE_OK) { NonNull::new(region.cast::<u32>()).map(Self) } else { None }
    }

    /// The version now. `None` while somebody is writing it, for longer than that takes.
    pub(crate) fn version(&self) -> Option<Version> {
        (0..ATTEMPTS).find_map(|attempt| {
            if attempt > 0 {
                std::hint::spin_loop();
            }
            self.try_version()
        })
    }

    fn try_version(&self) -> Option<Version> {
        let first = self.copy(0);
        // As SQLite does: it writes the second copy first.
        fence(Ordering::SeqCst);
        let second = self.copy(1);
        (first == second).then_some(Version(first))
    }

    fn copy(&self, number: usize) -> [u32; WORDS] {
        let mut words = [0; WORDS];
        for (place, word) in words.iter_mut().enumerate() {
            #[expect(unsafe_code, reason = "other processes write this memory")]
            // SAFETY: the header's two copies are the first 96 bytes of a region of 32 KiB that stays mapped while the
            // connection is open, which the store sees to. It is aligned as SQLite's own words are.
            let read = unsafe { self.0.as_ptr().add(number * WORDS + place).read_volatile() };
            *word = read;
        }
        words
    }
}
