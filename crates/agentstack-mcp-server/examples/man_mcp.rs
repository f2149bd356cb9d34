//! Writes the manual page of `agentstack-mcp` to standard output.

#[path = "../src/arguments.rs"]
mod arguments;

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_mangen::Man;

/// What the command line does not know of itself.
const END: &str = r#".SH "EXIT STATUS"
.TP
0
the client has gone, or a signal ended it
.TP
2
the command line is wrong
.TP
3
it could not start, or serve
.SH "SEE ALSO"
\fBagentstack\fR(1), \fBagentstack\-rest\fR(8)
"#;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let page = Man::new(arguments::Arguments::command()).section("1").manual("AgentStack");
    page.render(&mut out)?;
    out.write_all(END.as_bytes())?;
    out.flush()
}
