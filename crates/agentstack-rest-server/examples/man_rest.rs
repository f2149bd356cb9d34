//! Writes the manual page of `agentstack-rest` to standard output.

#[path = "../src/arguments.rs"]
mod arguments;

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_mangen::Man;

/// What the command line does not know of itself.
const END: &str = r#".SH "SIGNALS"
.TP
SIGTERM, SIGINT
finish what was accepted, sign the audit log, and end
.TP
SIGHUP
read the policy, the keys of providers and the certificate again
.SH "EXIT STATUS"
.TP
0
a signal ended it; with \fB\-\-check\-ready\fR, the server is ready
.TP
1
with \fB\-\-check\-ready\fR, the server is not ready, or not there
.TP
2
the command line is wrong
.TP
3
it could not start, or serve; with \fB\-\-check\-ready\fR, the server cannot be asked
.SH "SEE ALSO"
\fBagentstack\fR(1), \fBagentstack\-mcp\fR(1)
"#;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let page = Man::new(arguments::Arguments::command()).section("8").manual("AgentStack");
    page.render(&mut out)?;
    out.write_all(END.as_bytes())?;
    out.flush()
}
