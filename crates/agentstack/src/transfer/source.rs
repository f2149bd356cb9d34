//! Reading what an export has written. Nothing of it is believed, its size and its names included.

use std::collections::VecDeque;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use agentstack_core::limits::MESSAGE_BYTES;
use agentstack_engine::{FoundRecord, ImportReason, MemorySource};
use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, openat};

use super::{MemoryImportFailure, line, names, page};

/// How a file or folder is opened: no link is followed, and nothing that is no file is waited for.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// What is to be read.
pub(super) struct Source {
    pub(super) records: Box<dyn MemorySource>,
    total: u64,
}

impl Source {
    /// Opens a file of lines, or a folder of pages: which of them it is it says itself.
    pub(super) fn open(path: &Path) -> Result<Self, MemoryImportFailure> {
        let unreadable =
            |source: io::Error| MemoryImportFailure::Unreadable { path: path.to_owned(), source };
        let not_plain = || MemoryImportFailure::NotPlain { path: path.to_owned() };
        let opened = match openat(rustix::fs::CWD, path, OPEN, Mode::empty()) {
            Err(rustix::io::Errno::LOOP) => return Err(not_plain()),
            other => other.map_err(|error| unreadable(error.into()))?,
        };
        let about = fstat(&opened).map_err(|error| unreadable(error.into()))?;
        match FileType::from_raw_mode(about.st_mode) {
            FileType::RegularFile => {
                let total = u64::try_from(about.st_size).unwrap_or_default();
                Ok(Self { records: Box::new(Lines::of(File::from(opened))), total })
            }
            FileType::Directory => {
                let pages = Pages::of(opened).map_err(unreadable)?;
                let total = pages.left.len() as u64;
                Ok(Self { records: Box::new(pages), total })
            }
            _ => Err(not_plain()),
        }
    }

    /// How far it goes, in what it counts.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

/// The lines of a file. Their position is in bytes.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
    position: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader: BufReader::new(reader), number: 0, position: 0 }
    }

    /// Reads to the end of a line that is too long, without keeping it.
    fn pass_over(&mut self) -> io::Result<()> {
        loop {
            let some = self.reader.fill_buf()?;
            let end = some.iter().position(|byte| *byte == b'\n');
            let (passed, is_over) = end.map_or((some.len(), some.is_empty()), |at| (at + 1, true));
            self.reader.consume(passed);
            self.position += passed as u64;
            if is_over {
                return Ok(());
            }
        }
    }
}

impl<R: Read + Send> MemorySource for Lines<R> {
    fn next_record(&mut self) -> io::Result<Option<FoundRecord>> {
        let mut line = vec![];
        let most = MESSAGE_BYTES as u64 + 1;
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.position += read as u64;
        let place = format!("line {}", self.number);
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if read as u64 == most {
            self.pass_over()?;
            return Ok(Some((place, Err(ImportReason::TooLong))));
        }
        Ok(Some((place, line::decode(&line))))
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// A file that is to be read, or a folder that is not.
struct Left {
    folder: CString,
    /// The name; `None` if what should be a folder is none that may be looked into.
    file: Option<CString>,
}

/// The pages of a folder. Their position is their number.
struct Pages {
    root: OwnedFd,
    left: VecDeque<Left>,
    within: Option<(CString, OwnedFd)>,
    position: u64,
}

impl Pages {
    fn of(root: OwnedFd) -> io::Result<Self> {
        let mut left = VecDeque::new();
        let mut folders = names_in(&root)?;
        folders.sort();
        for folder in folders {
            let opened = match openat(&root, &folder, OPEN, Mode::empty()) {
                Ok(opened) => opened,
                Err(rustix::io::Errno::LOOP) => {
                    left.push_back(Left { folder, file: None });
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // A file beside the folders is none of an export.
            if FileType::from_raw_mode(fstat(&opened)?.st_mode) != FileType::Directory {
                continue;
            }
            let mut files = names_in(&opened)?;
            files.retain(|file| file.to_bytes().ends_with(names::END.as_bytes()));
            files.sort_by_cached_key(|file| {
                let name = shown(file);
                let (stem, number) = names::order(&name);
                (stem.to_owned(), number)
            });
            left.extend(files.into_iter().map(|file| Left { folder: folder.clone(), file: Some(file) }));
        }
        Ok(Self { root, left, within: None, position: 0 })
    }

    fn read(&mut self, folder: &CString, file: &CString) -> io::Result<Result<Vec<u8>, ImportReason>> {
        let within = match self.within.take() {
            Some((known, opened)) if known == *folder => opened,
            _ => openat(&self.root, folder, OPEN.union(OFlags::DIRECTORY), Mode::empty())?,
        };
        let opened = openat(&within, file, OPEN, Mode::empty());
        self.within = Some((folder.clone(), within));
        let opened = match opened {
            Ok(opened) => opened,
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Ok(Err(ImportReason::NotPlain)),
            Err(error) => return Err(error.into()),
        };
        if FileType::from_raw_mode(fstat(&opened)?.st_mode) != FileType::RegularFile {
            return Ok(Err(ImportReason::NotPlain));
        }
        let mut page = vec![];
        File::from(opened).take(MESSAGE_BYTES as u64 + 1).read_to_end(&mut page)?;
        Ok(if page.len() > MESSAGE_BYTES { Err(ImportReason::TooLong) } else { Ok(page) })
    }
}

impl MemorySource for Pages {
    fn next_record(&mut self) -> io::Result<Option<FoundRecord>> {
        let Some(left) = self.left.pop_front() else { return Ok(None) };
        self.position += 1;
        let Some(file) = left.file else {
            return Ok(Some((shown(&left.folder), Err(ImportReason::NotPlain))));
        };
        let place = format!("{}/{}", shown(&left.folder), shown(&file));
        let page = self.read(&left.folder, &file)?;
        Ok(Some((place, page.and_then(|page| page::decode(&page)))))
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// The names in a folder that do not begin with a dot.
fn names_in(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = vec![];
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !name.to_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    Ok(names)
}

/// A name as text.
fn shown(name: &CString) -> String {
    OsStr::from_bytes(name.to_bytes()).to_string_lossy().into_owned()
}
