//! The tools every agent has, as far as its file allows them. One more is one more line of
//! [`ready`].

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{Arguments, Context, Outcome, Powers, Tool, ToolError};
use crate::brain::{Act, Farewell};

/// Those that this agent is allowed.
pub(super) fn ready(powers: &Arc<Powers>) -> Vec<Arc<dyn Tool>> {
    let mut tools: Vec<Arc<dyn Tool>> = vec![Arc::new(Ready {
        name: "current_time",
        description: "The date and time where the caller is.".to_owned(),
        parameters: json!({"type": "object", "properties": {}}),
        call: |_, context| Ok(Outcome::text(context.now.to_string())),
        powers: Arc::clone(powers),
    })];
    for (name, tool) in [
        ("hang_up", hang_up as fn(&Arc<Powers>) -> Ready),
        ("transfer", transfer),
        ("send_dtmf", send_dtmf),
    ] {
        if powers.acts().contains(&name) {
            tools.push(Arc::new(tool(powers)));
        }
    }
    tools
}

/// A tool that needs nothing but its arguments.
struct Ready {
    name: &'static str,
    description: String,
    parameters: Json,
    call: fn(&Arguments, &Context) -> Result<Outcome, ToolError>,
    powers: Arc<Powers>,
}

#[async_trait]
impl Tool for Ready {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn parameters(&self) -> Json {
        self.parameters.clone()
    }

    /// What they do to the call is done when the answer is over.
    fn changes(&self) -> bool {
        false
    }

    async fn call(&self, arguments: Arguments, context: &Context) -> Result<Outcome, ToolError> {
        let outcome = (self.call)(&arguments, context)?;
        match outcome.act.as_ref().map(|act| self.powers.allow(act)) {
            Some(Err(refusal)) => Err(ToolError::Refused(refusal.to_string())),
            Some(Ok(())) | None => Ok(outcome),
        }
    }
}

fn hang_up(powers: &Arc<Powers>) -> Ready {
    Ready {
        name: "hang_up",
        description: "End the call after you have said goodbye in the same answer.".to_owned(),
        parameters: json!({"type": "object", "properties": {}}),
        call: |_, _| {
            let told = "The call ends when you have finished speaking.";
            Ok(Outcome::act(Act::HangUp(Farewell::Done), told))
        },
        powers: Arc::clone(powers),
    }
}

fn transfer(powers: &Arc<Powers>) -> Ready {
    let mut description =
        "Transfer the caller to somebody else, when they want it. Say in the same \
                           answer whom you put them through to; you will not be there any more. \
                           There are:"
            .to_owned();
    for (name, target) in &powers.targets {
        description.push_str("\n- ");
        description.push_str(name);
        if let Some(what) = &target.description {
            description.push_str(": ");
            description.push_str(what);
        }
    }
    let names: Vec<&String> = powers.targets.keys().collect();
    Ready {
        name: "transfer",
        description,
        parameters: json!({
            "type": "object",
            "properties": {"to": {"type": "string", "enum": names, "description": "whom to"}},
            "required": ["to"],
        }),
        call: |arguments, _| {
            let to = word(arguments, "to")?;
            let told = format!(
                "The caller is transferred to {to} when you have finished speaking. If that fails, \
                 you will be told."
            );
            Ok(Outcome::act(Act::Transfer { to }, told))
        },
        powers: Arc::clone(powers),
    }
}

fn send_dtmf(powers: &Arc<Powers>) -> Ready {
    Ready {
        name: "send_dtmf",
        description:
            "Press keys of the telephone, for a machine at the other end: digits, * and #; \
                      w waits half a second."
                .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"keys": {"type": "string", "description": "such as 1w42#"}},
            "required": ["keys"],
        }),
        call: |arguments, _| {
            let keys = word(arguments, "keys")?;
            let told = "The keys are pressed when you have finished speaking.";
            Ok(Outcome::act(Act::SendKeys(keys), told))
        },
        powers: Arc::clone(powers),
    }
}

fn word(arguments: &Arguments, name: &str) -> Result<String, ToolError> {
    let value = arguments.get(name).and_then(Json::as_str);
    let missing = || ToolError::Argument(format!("the argument `{name}` is missing"));
    value.map(str::to_owned).ok_or_else(missing)
}
