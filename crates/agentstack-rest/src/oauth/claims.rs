//! What a JSON Web Token says: RFC 9068, held against the issuer and the audience of the configuration.

use agentstack_access::Role;
use agentstack_core::Timestamp;
use serde_json::{Map, Value};

/// How far the issuer's clock may be ahead of ours, in seconds.
const LEEWAY: f64 = 60.0;
/// Longest subject and client, in bytes.
const NAME_BYTES: usize = 255;
/// Before the name of a role in a scope.
const PREFIX: &str = "agentstack:";

/// The roles from the one that may most to the one that may least. Of several in a token the first counts: scopes add
/// to each other (RFC 6749, section 3.3), and a client that steps up asks for what it has and the new one together.
pub(crate) const WIDEST_FIRST: [Role; 4] = [Role::Operator, Role::Developer, Role::Agent, Role::Viewer];

/// The scope that grants a role.
pub(crate) fn scope_of(role: Role) -> String {
    format!("{PREFIX}{role}")
}

/// Whom a token is of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    /// What the issuer grants here, if anything.
    pub(crate) role: Option<Role>,
}

/// Checks the claims of a token whose signature is good.
///
/// # Errors
/// The word for the audit log.
pub(crate) fn check<'a>(
    claims: &'a Map<String, Value>,
    issuer: &str,
    audience: &str,
    now: Timestamp,
) -> Result<Subject<'a>, &'static str> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("jwt_issuer");
    }
    if !is_for(claims.get("aud"), audience) {
        return Err("jwt_audience");
    }
    check_times(claims, now)?;
    let name = name(claims, "sub")?;
    self::name(claims, "client_id")?;
    // Bound to a key of its sender: whoever only has the token must not use it (RFC 7800).
    if claims.contains_key("cnf") {
        return Err("jwt_bound");
    }
    Ok(Subject { name, role: role(claims)? })
}

fn is_for(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(all)) => all.iter().all(Value::is_string) && all.iter().any(|one| one == audience),
        _ => false,
    }
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), &'static str> {
    #[expect(clippy::cast_precision_loss, reason = "exact for another 285,000 years")]
    let now = now.as_millis() as f64 / 1_000.0;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or("jwt_claims"),
    };
    let expires = time("exp")?.ok_or("jwt_claims")?;
    if expires <= now {
        return Err("jwt_expired");
    }
    for begins in [time("nbf")?, time("iat")?].into_iter().flatten() {
        if begins > now + LEEWAY {
            return Err("jwt_early");
        }
    }
    Ok(())
}

/// A claim that is a name. It will stand in origins and in the audit log.
fn name<'a>(claims: &'a Map<String, Value>, claim: &str) -> Result<&'a str, &'static str> {
    let name = claims.get(claim).and_then(Value::as_str).ok_or("jwt_claims")?;
    let good = (1..=NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control);
    if good { Ok(name) } else { Err("jwt_claims") }
}

fn role(claims: &Map<String, Value>) -> Result<Option<Role>, &'static str> {
    let Some(scope) = claims.get("scope") else { return Ok(None) };
    let scope = scope.as_str().ok_or("jwt_claims")?;
    let granted = |role: &Role| {
        scope.split(' ').any(|word| word.strip_prefix(PREFIX).is_some_and(|name| name == role.as_str()))
    };
    Ok(WIDEST_FIRST.into_iter().find(granted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn checked(change: &Value) -> Result<(String, Option<Role>), &'static str> {
        let mut claims = json!({
            "iss": "https://login.example", "aud": "https://memory.example", "exp": NOW + 1, "sub": "ann",
            "client_id": "editor", "scope": "agentstack:developer"
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
        claims.retain(|_, value| !value.is_null());
        let now = Timestamp::from_millis(NOW * 1_000);
        check(&claims, "https://login.example", "https://memory.example", now)
            .map(|subject| (subject.name.to_owned(), subject.role))
    }

    #[test]
    fn claims_are_as_rfc_9068_has_them() {
        for good in [
            json!({}),
            json!({ "aud": ["x", "https://memory.example"] }),
            json!({ "exp": 1_800_000_000.5 }),
            json!({ "nbf": NOW + 60, "iat": NOW + 60 }),
            json!({ "jti": "x", "auth_time": 1, "roles": ["x"] }),
        ] {
            assert_eq!(checked(&good), Ok(("ann".to_owned(), Some(Role::Developer))), "{good}");
        }
        for (bad, reason) in [
            (json!({ "iss": null }), "jwt_issuer"),
            (json!({ "iss": "https://login.example/" }), "jwt_issuer"),
            (json!({ "iss": ["https://login.example"] }), "jwt_issuer"),
            (json!({ "aud": null }), "jwt_audience"),
            (json!({ "aud": [] }), "jwt_audience"),
            (json!({ "aud": "https://memory.example/" }), "jwt_audience"),
            (json!({ "aud": ["https://memory.example", 1] }), "jwt_audience"),
            (json!({ "exp": null }), "jwt_claims"),
            (json!({ "exp": "9999999999" }), "jwt_claims"),
            (json!({ "exp": NOW }), "jwt_expired"),
            (json!({ "exp": -1 }), "jwt_expired"),
            (json!({ "nbf": NOW + 61 }), "jwt_early"),
            (json!({ "iat": NOW + 61 }), "jwt_early"),
            (json!({ "iat": "x" }), "jwt_claims"),
            (json!({ "sub": null }), "jwt_claims"),
            (json!({ "sub": "" }), "jwt_claims"),
            (json!({ "sub": 1 }), "jwt_claims"),
            (json!({ "sub": "a\nb" }), "jwt_claims"),
            (json!({ "sub": "a".repeat(256) }), "jwt_claims"),
            (json!({ "client_id": null }), "jwt_claims"),
            (json!({ "client_id": "" }), "jwt_claims"),
            (json!({ "scope": ["agentstack:developer"] }), "jwt_claims"),
            (json!({ "cnf": { "jkt": "x" } }), "jwt_bound"),
        ] {
            assert_eq!(checked(&bad), Err(reason), "{bad}");
        }
    }

    #[test]
    fn of_several_scopes_the_widest_counts_and_a_word_that_is_none_grants_nothing() {
        for (scope, role) in [
            ("agentstack:viewer agentstack:developer", Some(Role::Developer)),
            ("agentstack:viewer agentstack:agent", Some(Role::Agent)),
            ("openid agentstack:operator agentstack:viewer", Some(Role::Operator)),
            ("agentstack:viewer", Some(Role::Viewer)),
            ("", None),
            ("openid profile", None),
            ("developer", None),
            ("agentstack:Developer", None),
            ("agentstack:developer:x", None),
            ("xagentstack:developer", None),
            ("agentstack:developer\tx", None),
            ("agentstack: developer", None),
        ] {
            assert_eq!(checked(&json!({ "scope": scope })).unwrap().1, role, "{scope}");
        }
        assert_eq!(checked(&json!({ "scope": null })).unwrap().1, None);
    }
}
