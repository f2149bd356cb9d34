//! What the database is made of, and what is known against it.

use super::Findings;

/// Advisories that were known when this was built: what they are about, the first version without it, and what it is.
/// Those of the crates are looked up by `cargo xtask deny`.
const ADVISORIES: &[(&str, &str, &str)] = &[
    ("3.49.1", "CVE-2025-3277", "an overflow in concat_ws"),
    ("3.50.2", "CVE-2025-6965", "memory corruption by too many aggregate terms"),
];

/// Whether one version comes before another: numbers, separated by dots.
fn is_before(version: &str, other: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    numbers(version) < numbers(other)
}

/// What is known against a version of SQLite.
fn known_against(version: &str) -> Vec<String> {
    let concerned = ADVISORIES.iter().filter(|(fixed, ..)| is_before(version, fixed));
    concerned.map(|(fixed, id, what)| format!("{id} ({what}, mended in {fixed})")).collect()
}

pub(super) fn look(sqlite: &str, cipher: Option<&str>, found: &mut Findings) {
    let known = known_against(sqlite);
    if known.is_empty() {
        found.ok(
            "versions.sqlite",
            format!("SQLite {sqlite}: nothing was known against it when this was built"),
        );
    } else {
        let reason = format!("SQLite {sqlite}: {}", known.join(", "));
        found.fail("versions.sqlite", reason, "use a newer version of AgentStack");
    }
    if let Some(cipher) = cipher {
        found.ok(
            "encryption.cipher",
            format!("AES-256 in CBC mode with HMAC-SHA-256 for each page, by {cipher}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_is_told_apart_from_a_new_one() {
        assert_eq!(known_against("3.49.0").len(), 2);
        assert_eq!(known_against("3.50.1").len(), 1);
        assert!(known_against("3.50.2").is_empty() && known_against("3.100.0").is_empty());
        let mut found = Findings::default();
        look("3.8.0", Some("SQLCipher 4"), &mut found);
        assert_eq!(found.0.first().map(|it| it.severity), Some(super::super::Severity::Failure));
    }
}
