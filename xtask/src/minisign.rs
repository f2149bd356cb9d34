//! minisign itself, out of Debian's package, proves our signatures, and signs with our keys.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{debian, test, workspace};

/// The variable that tells the test where minisign is.
const MINISIGN: &str = "AGENTSTACK_MINISIGN";

pub(crate) fn run() -> Result<()> {
    let work = workspace::metadata()?.target_directory.join("minisign");
    let unpacked = debian::unpacked(&["minisign", "libsodium23"], &work)?;
    let program = work.join("minisign");
    wrap(&program, &unpacked)?;
    test::named("minisign_itself", MINISIGN, &program)
}

/// Its library lies where no system looks for one.
fn wrap(program: &Path, unpacked: &Path) -> Result<()> {
    let root = unpacked.display();
    let script = format!(
        "#!/bin/sh\nfor library in '{root}'/usr/lib/*/libsodium.so.23; do export LD_LIBRARY_PATH=\"${{library%/*}}\"; done\n\
         exec '{root}/usr/bin/minisign' \"$@\"\n"
    );
    let _ = std::fs::remove_file(program);
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o755).open(program);
    let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, script.as_bytes()));
    written.with_context(|| format!("writing {}", program.display()))
}
