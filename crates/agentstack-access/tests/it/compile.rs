//! What must not compile outside the crate.

use agentstack_access::{Holder, Principal, Scope};
use serde::de::DeserializeOwned;

/// A scope, and the holder and principal it rests on, come from their constructors alone. Each file in
/// `compile_fail` tries one way around, and the compiler's answer is kept beside it.
#[test]
fn s04_a_scope_cannot_be_made_outside_the_authorizer() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// Has one implementation for a type that cannot be deserialized, and two for one that can.
trait Unread<Way> {
    fn is_unread() {}
}

impl<T> Unread<()> for T {}
impl<T: DeserializeOwned> Unread<u8> for T {}

/// Compiles only while each `_` has one answer. (The compiler's own message would list types of other crates.)
#[test]
fn s04_a_scope_is_not_read_from_anywhere() {
    <Scope as Unread<_>>::is_unread();
    <Principal as Unread<_>>::is_unread();
    <Holder as Unread<_>>::is_unread();
}
