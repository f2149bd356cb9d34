//! What must not compile outside the crate.

/// A scope, and the holder and principal it rests on, come from their constructors alone. Each file in
/// `compile_fail` tries one way around, and the compiler's answer is kept beside it.
#[test]
fn s04_a_scope_cannot_be_made_outside_the_authorizer() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
