//! What clients are told about where tokens come from: RFC 9728, and the challenges of RFC 6750.

use agentstack_access::Role;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::json;

use super::claims::{WIDEST_FIRST, scope_of};
use crate::outbound::WebAddress;

/// Where the document is.
pub(crate) const PATH: &str = "/.well-known/oauth-protected-resource";
/// Where it is for a client that was given the address of `/mcp`.
pub(crate) const MCP_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// The scopes that a client is to ask for. An operator's is not among them: MCP clients ask for all that are listed,
/// and a program that works for somebody should not come by it because nobody thought of it.
fn asked_for() -> impl Iterator<Item = String> {
    WIDEST_FIRST.into_iter().filter(|role| *role != Role::Operator).map(scope_of)
}

/// The document.
pub(crate) fn document(issuer: &str, audience: &str) -> Bytes {
    let scopes: Vec<String> = asked_for().collect();
    let document = json!({
        "resource": audience,
        "authorization_servers": [issuer],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "AgentStack",
    });
    Bytes::from(document.to_string())
}

/// What stands in `WWW-Authenticate`.
#[derive(Debug, Clone)]
pub(crate) struct Challenges {
    /// Who has no token that is accepted learns where there are some.
    pub(crate) unauthenticated: HeaderValue,
    /// Who has one that grants nothing learns what to ask for.
    pub(crate) insufficient: HeaderValue,
}

impl Challenges {
    /// `None` if the address holds what no header can.
    pub(crate) fn new(resource: &WebAddress) -> Option<Self> {
        let scheme = if resource.is_https { "https" } else { "http" };
        let path = if resource.uri.path() == "/mcp" { MCP_PATH } else { PATH };
        let metadata = format!("resource_metadata=\"{scheme}://{}{path}\"", resource.authority());
        let scopes: Vec<String> = asked_for().collect();
        let what = format!("scope=\"{}\", {metadata}", scopes.join(" "));
        let unauthenticated = format!("Bearer realm=\"agentstack\", {what}");
        let insufficient = format!("Bearer realm=\"agentstack\", error=\"insufficient_scope\", {what}");
        Some(Self {
            unauthenticated: unauthenticated.parse().ok()?,
            insufficient: insufficient.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: &str = "scope=\"agentstack:developer agentstack:agent agentstack:viewer\"";

    #[test]
    fn the_challenge_leads_to_the_document_of_the_resource() {
        for (resource, document) in [
            ("https://memory.example", "https://memory.example/.well-known/oauth-protected-resource"),
            ("https://memory.example/", "https://memory.example/.well-known/oauth-protected-resource"),
            (
                "https://memory.example:8443/mcp",
                "https://memory.example:8443/.well-known/oauth-protected-resource/mcp",
            ),
            ("http://[::1]:3001/mcp", "http://[::1]:3001/.well-known/oauth-protected-resource/mcp"),
            ("https://memory.example/other", "https://memory.example/.well-known/oauth-protected-resource"),
        ] {
            let challenges = Challenges::new(&WebAddress::parse(resource).unwrap()).unwrap();
            let expected = format!("Bearer realm=\"agentstack\", {SCOPES}, resource_metadata=\"{document}\"");
            assert_eq!(challenges.unauthenticated, expected);
        }
        // A quotation mark would end the parameter.
        assert!(WebAddress::parse("https://memory.example\"x/").is_none());
    }
}
