//! The requests about tokens.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use agentstack_access::{Claim, Limits, Role};
use agentstack_core::{SharedName, limits};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exact;
use super::fields::{agent, text};
use crate::InputError;
use crate::command::{CreateToken, Cursor, ListTokens, RevokeToken};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CreateTokenRequest {
    /// Who will show it: sessions belong to the subject, so a new token of the same subject takes over from an old one
    #[schemars(length(min = 1, max = 100))]
    #[schemars(extend("x-exact" = exact::shared_name()))]
    subject: String,
    #[schemars(extend("enum" = ["operator", "developer", "viewer", "agent"]))]
    role: String,
    /// The one agent it speaks for
    #[schemars(length(min = 1, max = 128))]
    #[schemars(extend("x-exact" = exact::agent()))]
    agent_id: Option<String>,
    /// The operations it is good for; all that the role may do, if not said
    #[garde(inner(length(max = 200)))]
    #[schemars(length(max = 200))]
    #[schemars(extend("x-exact" = exact::operations()))]
    operations: Option<Vec<String>>,
    /// The shared namespaces it reaches; all that the role may, if not said
    #[garde(inner(length(max = 200)))]
    #[schemars(length(max = 200))]
    #[schemars(extend("x-exact" = exact::shared_names()))]
    namespaces: Option<Vec<String>>,
    #[garde(range(min = 1, max = limits::TOKEN_AGE_MAX_SECONDS))]
    expires_in_seconds: Option<u32>,
}

impl TryFrom<CreateTokenRequest> for CreateToken {
    type Error = InputError;

    fn try_from(request: CreateTokenRequest) -> Result<Self, InputError> {
        let known = |name: &str| {
            let is_known = crate::all_operations().iter().any(|operation| operation.name == name);
            is_known.then(|| name.to_owned()).ok_or("must be the name of an operation")
        };
        let shared = |name: &str| SharedName::from_str(name);
        Ok(Self {
            claim: Claim::none(),
            subject: text("subject", &request.subject)?,
            role: text::<Role>("role", &request.role)?,
            agent: agent(request.agent_id.as_deref())?,
            limits: Limits {
                operations: names("operations", request.operations, known)?,
                namespaces: names("namespaces", request.namespaces, shared)?,
            },
            expires_in_seconds: request.expires_in_seconds,
        })
    }
}

type Names<T> = Option<Arc<BTreeSet<T>>>;

fn names<T: Ord, E: std::fmt::Display>(
    field: &str,
    texts: Option<Vec<String>>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Names<T>, InputError> {
    let Some(texts) = texts else { return Ok(None) };
    let mut names = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        names.insert(parse(text).map_err(|rule| InputError::new(format!("{field}[{index}]"), rule))?);
    }
    Ok(Some(Arc::new(names)))
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListTokensRequest {
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    /// `nextCursor` of the answer before
    #[schemars(length(min = 1, max = Cursor::CHARS))]
    #[schemars(extend("x-exact" = exact::id()))]
    cursor: Option<String>,
}

impl TryFrom<ListTokensRequest> for ListTokens {
    type Error = InputError;

    fn try_from(request: ListTokensRequest) -> Result<Self, InputError> {
        let before = request.cursor.map(|cursor| {
            cursor.parse().map_err(|_| InputError::new("cursor", "must be the nextCursor of an answer"))
        });
        Ok(Self {
            claim: Claim::none(),
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            before: before.transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct RevokeTokenRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    id: String,
}

impl TryFrom<RevokeTokenRequest> for RevokeToken {
    type Error = InputError;

    fn try_from(request: RevokeTokenRequest) -> Result<Self, InputError> {
        Ok(Self { claim: Claim::none(), id: text("id", &request.id)? })
    }
}
