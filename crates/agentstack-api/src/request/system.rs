//! The requests about the system: none has arguments.

use agentstack_access::Claim;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::command::{SystemConfig, SystemHealth, SystemStatus};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SystemStatusRequest {}

impl From<SystemStatusRequest> for SystemStatus {
    fn from(_: SystemStatusRequest) -> Self {
        Self { claim: Claim::none() }
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SystemHealthRequest {}

impl From<SystemHealthRequest> for SystemHealth {
    fn from(_: SystemHealthRequest) -> Self {
        Self { claim: Claim::none() }
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SystemConfigRequest {}

impl From<SystemConfigRequest> for SystemConfig {
    fn from(_: SystemConfigRequest) -> Self {
        Self { claim: Claim::none() }
    }
}
