//! `agentstack man`: the manual pages of the three binaries, as files.
//!
//! Those of this binary are made of its own command line. The servers' are text: `cargo xtask codegen` makes them of theirs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;
use serde_json::json;

use crate::Verdict;

/// File and content of the pages that are not of this binary.
const SERVERS: [(&str, &str); 2] = [
    ("agentstack-mcp.1", include_str!("../../../docs/man/agentstack-mcp.1")),
    ("agentstack-rest.8", include_str!("../../../docs/man/agentstack-rest.8")),
];

/// What stands above each page.
const MANUAL: &str = "AgentStack";

/// What the command line does not know of itself; it ends the first page.
const END: &str = r#".SH "EXIT STATUS"
.TP
0
all is well
.TP
1
something is wrong with what was looked at
.TP
2
the command line is wrong
.TP
3
the command could not run
.TP
141
nobody reads what it prints any more
.SH "SEE ALSO"
\fBagentstack\-mcp\fR(1), \fBagentstack\-rest\fR(8)
"#;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write them to. It is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, as_json: bool) -> anyhow::Result<Verdict> {
    let folder = &arguments.out;
    write(folder).with_context(|| format!("writing the manual pages to {}", folder.display()))?;
    if as_json {
        println!("{}", json!({ "folder": folder }));
    } else {
        println!("the manual pages are in {}", folder.display());
    }
    Ok(Verdict::Well)
}

fn write(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut command = crate::Arguments::command().disable_help_subcommand(true);
    command.build();
    write_own(&command, folder)?;
    OpenOptions::new().append(true).open(folder.join("agentstack.1"))?.write_all(END.as_bytes())?;
    for (name, text) in SERVERS {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// The page of a command and those of the commands beneath it.
fn write_own(command: &clap::Command, folder: &Path) -> std::io::Result<()> {
    for beneath in command.get_subcommands() {
        write_own(beneath, folder)?;
    }
    let source = concat!("agentstack ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).manual(MANUAL).generate_to(folder).map(|_| ())
}
