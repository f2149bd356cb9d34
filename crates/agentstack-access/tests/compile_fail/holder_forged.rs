//! Who holds a session is said by a principal's constructor, not by its user.

use agentstack_access::Holder;

fn main() {
    let _ = Holder("local:uid-0/another process".into());
}
