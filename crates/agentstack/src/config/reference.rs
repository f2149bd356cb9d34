//! Sections of the reference's file that this product does not have.
//!
//! They are read so that a file of the reference works as it is: each field is known and of its type, none
//! has an effect, and a section that is switched on is refused (see [`super::unserved`]).

use super::fields::{Field, field};
use super::rules::Kind;

const ON: Kind = Kind::Switch;
const COUNT: Kind = Kind::Whole { least: 0, most: u32::MAX as u64 };
const WORD: Kind = Kind::Text { most: 200 };
const WORDS: Kind = Kind::Texts { most: 200 };

/// Their fields.
pub(super) const FIELDS: &[Field] = &[
    field("hooks.sessionStart", ON, ""),
    field("hooks.sessionEnd", ON, ""),
    field("hooks.preTask", ON, ""),
    field("hooks.postTask", ON, ""),
    field("slack.enabled", ON, ""),
    field("slack.webhookUrl", Kind::Secret, ""),
    field("slack.channel", WORD, ""),
    field("slack.username", WORD, ""),
    field("slack.iconEmoji", WORD, ""),
    field("slack.notifyOnAgentSpawn", ON, ""),
    field("slack.notifyOnWorkflowComplete", ON, ""),
    field("slack.notifyOnErrors", ON, ""),
    field("slack.notifyOnReviewLoop", ON, ""),
    field("slack.notifyOnResourceWarning", ON, ""),
    field("slack.notifyOnResourceIntervention", ON, ""),
    field("resourceExhaustion.thresholds.maxFilesAccessed", COUNT, ""),
    field("resourceExhaustion.checkIntervalMs", COUNT, ""),
    field("resourceExhaustion.requireConfirmationOnIntervention", ON, ""),
    field("resourceExhaustion.pauseOnIntervention", ON, ""),
    field("consensus.enabled", ON, ""),
    field("consensus.requireForRiskLevels", WORDS, ""),
    field("consensus.reviewerStrategy", WORD, ""),
    field("consensus.timeout", COUNT, ""),
    field("consensus.maxDepth", COUNT, ""),
    field("consensus.autoReject", ON, ""),
    field("consensus.highRiskAgentTypes", WORDS, ""),
    field("consensus.mediumRiskAgentTypes", WORDS, ""),
    field("consensus.highRiskPatterns", WORDS, ""),
    field("consensus.mediumRiskPatterns", WORDS, ""),
    field("smartDispatcher.enabled", ON, ""),
    field("smartDispatcher.cacheEnabled", ON, ""),
    field("smartDispatcher.cacheTTLMs", COUNT, ""),
    field("smartDispatcher.confidenceThreshold", Kind::Fraction, ""),
    field("smartDispatcher.fallbackAgentType", WORD, ""),
    field("smartDispatcher.maxDescriptionLength", COUNT, ""),
    field("smartDispatcher.dispatchModel", WORD, ""),
];
