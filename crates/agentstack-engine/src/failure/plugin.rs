//! What a caller is told when a plugin has not answered.

use agentstack_api::{ErrorBody, ErrorCode};
use agentstack_core::RequestId;
use agentstack_plugins::{CallLimit, CallProblem};

/// Where it could not be loaded. Why is for the operator: it may have been tampered with.
pub(super) const NOT_LOADED: &str = "The plugin cannot be loaded. The operator finds the reason in the log and with `agentstack plugin show`.";
/// Where its answer is not what it promised.
pub(super) const ANSWER: &str = "The plugin has answered something else than it says it does.";

/// The code of a problem.
pub(super) fn code(problem: &CallProblem) -> ErrorCode {
    match problem {
        CallProblem::Failed(_) => ErrorCode::Conflict,
        _ => ErrorCode::Unavailable,
    }
}

/// The whole error. What the plugin says of its failure is in the operator's log.
pub(super) fn body(problem: &CallProblem, request: RequestId) -> ErrorBody {
    let saying = |sentence| ErrorBody::saying(code(problem), sentence, request);
    match problem {
        CallProblem::Failed(_) => saying("The plugin says that it failed; what it says is in the log."),
        CallProblem::Limit(CallLimit::Fuel) => {
            saying("The plugin has run more instructions than it may (`fuel`).")
        }
        CallProblem::Limit(CallLimit::Time) => saying("The plugin took longer than it may (`timeMs`)."),
        CallProblem::Limit(CallLimit::Memory) => {
            saying("The plugin asked for more memory than it may have (`memoryBytes`).")
        }
        CallProblem::Limit(CallLimit::Output) => {
            saying("The plugin's answer is longer than it may be (`outputBytes`).")
        }
        CallProblem::Limit(CallLimit::HostCalls) => {
            saying("The plugin has asked the product for more than it may (`hostCalls`).")
        }
        _ => saying("The plugin stopped in the middle of the call."),
    }
}
