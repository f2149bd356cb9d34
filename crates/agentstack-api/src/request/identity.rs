//! The requests about identities.

use agentstack_access::Claim;
use agentstack_core::{AgentId, Capability, IdentityStatus, limits};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{metadata, text};
use crate::InputError;
use crate::command::{
    ActivateIdentity, CreateIdentity, DeactivateIdentity, GetIdentity, IdentityAudit, IdentityName,
    ListIdentities, RetireIdentity, UpdateIdentity,
};

/// A capability as a caller gives it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapabilityRequest {
    #[schemars(length(min = 1, max = limits::CAPABILITY_CHARS))]
    #[schemars(extend("x-exact" = exact::printable()))]
    name: String,
    #[schemars(length(min = 1, max = limits::CAPABILITY_VERSION_CHARS))]
    #[schemars(extend("x-exact" = exact::printable()))]
    version: Option<String>,
}

/// Each capability once: of several with one name the last. They come as objects, as a derived struct would take a list of its values, too.
fn capabilities(given: Vec<Map<String, Value>>) -> Result<Vec<Capability>, InputError> {
    let mut all: Vec<Capability> = vec![];
    for (index, object) in given.into_iter().enumerate() {
        let wrong = |rule: &str| InputError::new(format!("capabilities[{index}]"), rule);
        let one: CapabilityRequest = serde_json::from_value(Value::Object(object))
            .map_err(|_| wrong("must have a text `name`, may have a text `version`, and nothing else"))?;
        let version = one.version.unwrap_or_else(|| Capability::FIRST_VERSION.to_owned());
        let capability = Capability::new(one.name, version).map_err(|rule| wrong(rule.0))?;
        all.retain(|known| known.name != capability.name);
        all.push(capability);
    }
    Ok(all)
}

fn words(field: &str, text: Option<String>) -> Result<Option<String>, InputError> {
    let fits = |text: &String| text.chars().count() <= limits::DESCRIPTION_CHARS;
    match text {
        Some(text) if !fits(&text) => Err(InputError::new(field, "must be at most 1,000 characters")),
        text => Ok(text),
    }
}

fn name(text: Option<String>) -> Result<Option<AgentId>, InputError> {
    text.map(|name| super::fields::text("displayName", &name)).transpose()
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct CreateIdentityRequest {
    /// One that `agent_types` lists
    #[schemars(extend("x-exact" = exact::agent_type()))]
    agent_type: String,
    #[schemars(extend("x-exact" = exact::agent()))]
    display_name: Option<String>,
    #[schemars(length(max = limits::DESCRIPTION_CHARS))]
    description: Option<String>,
    #[garde(length(max = limits::CAPABILITIES))]
    #[schemars(with = "Option<Vec<CapabilityRequest>>", length(max = limits::CAPABILITIES))]
    capabilities: Option<Vec<Map<String, Value>>>,
    #[schemars(extend("x-exact" = exact::metadata()))]
    metadata: Option<Map<String, Value>>,
    #[schemars(extend("default" = false))]
    auto_activate: Option<bool>,
}

impl TryFrom<CreateIdentityRequest> for CreateIdentity {
    type Error = InputError;

    fn try_from(request: CreateIdentityRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            agent_type: text("agentType", &request.agent_type)?,
            display_name: name(request.display_name)?,
            description: words("description", request.description)?,
            capabilities: capabilities(request.capabilities.unwrap_or_default())?,
            metadata: metadata(request.metadata)?,
            is_active: request.auto_activate.unwrap_or(false),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct GetIdentityRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    agent_id: Option<String>,
    #[schemars(extend("x-exact" = exact::agent()))]
    display_name: Option<String>,
}

impl TryFrom<GetIdentityRequest> for GetIdentity {
    type Error = InputError;

    fn try_from(request: GetIdentityRequest) -> Result<Self, InputError> {
        let which = match (request.agent_id, name(request.display_name)?) {
            (Some(id), name) => IdentityName::Id(text("agentId", &id)?, name),
            (None, Some(name)) => IdentityName::Name(name),
            (None, None) => return Err(InputError::new("agentId", "must be given, or else `displayName`")),
        };
        Ok(Self { claim: Claim::none(), which })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListIdentitiesRequest {
    #[schemars(extend("enum" = ["created", "active", "dormant", "retired"]))]
    status: Option<String>,
    #[schemars(extend("x-exact" = exact::agent_type()))]
    agent_type: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    offset: Option<u32>,
}

impl TryFrom<ListIdentitiesRequest> for ListIdentities {
    type Error = InputError;

    fn try_from(request: ListIdentitiesRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            status: request.status.map(|word| text::<IdentityStatus>("status", &word)).transpose()?,
            agent_type: request.agent_type.map(|name| text("agentType", &name)).transpose()?,
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            offset: request.offset.unwrap_or(0),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct UpdateIdentityRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    agent_id: String,
    #[schemars(extend("x-exact" = exact::agent()))]
    display_name: Option<String>,
    #[schemars(length(max = limits::DESCRIPTION_CHARS))]
    description: Option<String>,
    #[schemars(extend("x-exact" = exact::metadata()))]
    metadata: Option<Map<String, Value>>,
    #[garde(length(max = limits::CAPABILITIES))]
    #[schemars(with = "Option<Vec<CapabilityRequest>>", length(max = limits::CAPABILITIES))]
    capabilities: Option<Vec<Map<String, Value>>>,
}

impl TryFrom<UpdateIdentityRequest> for UpdateIdentity {
    type Error = InputError;

    fn try_from(request: UpdateIdentityRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            id: text("agentId", &request.agent_id)?,
            display_name: name(request.display_name)?,
            description: words("description", request.description)?,
            capabilities: request.capabilities.map(capabilities).transpose()?,
            metadata: request.metadata.map(|object| metadata(Some(object))).transpose()?,
        })
    }
}

macro_rules! transitions {
    ($($request:ident => $command:ident;)*) => {$(
        #[derive(Deserialize, JsonSchema, Validate)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) struct $request {
            #[schemars(extend("x-exact" = exact::id()))]
            agent_id: String,
            #[schemars(length(max = limits::DESCRIPTION_CHARS))]
            reason: Option<String>,
        }

        impl TryFrom<$request> for $command {
            type Error = InputError;

            fn try_from(request: $request) -> Result<Self, InputError> {
                Ok(Self {
                    claim: Claim::none(),
                    id: text("agentId", &request.agent_id)?,
                    reason: words("reason", request.reason)?,
                })
            }
        }
    )*};
}

transitions! {
    ActivateIdentityRequest => ActivateIdentity;
    DeactivateIdentityRequest => DeactivateIdentity;
    RetireIdentityRequest => RetireIdentity;
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct IdentityAuditRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    agent_id: String,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
}

impl TryFrom<IdentityAuditRequest> for IdentityAudit {
    type Error = InputError;

    fn try_from(request: IdentityAuditRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: Claim::none(),
            id: text("agentId", &request.agent_id)?,
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
        })
    }
}
