//! One answer in the making: rounds with the endpoint, and the tools it wants in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use trunkline_base::class::Classified as _;

use super::ChatConfig;
use super::course::Course;
use crate::brain::{Act, BrainError, Farewell, Idea, Ideas, Memory, Permission};
use crate::provider::{
    Llm, LlmEvent, LlmRequest, Message, ProviderError, Role, ToolCall, ToolSpec,
};
use crate::tools::{Context, Offer, Outcome, ToolError, Toolbox, waiting};

/// For all tools of one answer: whoever waits on the telephone does not wait longer.
const TOOLS_LIMIT: Duration = Duration::from_secs(60);

/// An answer in the making.
pub(super) struct Work {
    llm: Arc<dyn Llm>,
    config: Arc<ChatConfig>,
    tools: Arc<Toolbox>,
    context: Context,
    course: Course,
    /// Something was said in this answer.
    said: bool,
    /// The call ends with this answer, or goes to somebody else.
    leaving: bool,
    /// The model wanted tools when it had none any more.
    deaf: bool,
    /// What tools answered to what, in this answer: a model that asks again is told again.
    known: BTreeMap<(String, String), String>,
}

impl Work {
    pub(super) fn new(
        (llm, config): (Arc<dyn Llm>, Arc<ChatConfig>),
        tools: Arc<Toolbox>,
        context: Context,
        course: Course,
    ) -> Self {
        Self {
            llm,
            config,
            tools,
            context,
            course,
            said: false,
            leaving: false,
            deaf: false,
            known: BTreeMap::new(),
        }
    }

    pub(super) async fn run(mut self, ideas: Ideas, mut permission: Permission) {
        self.keep(&ideas).await;
        self.tools.ready().await;
        if let Err(error) = self.rounds(&ideas, &mut permission).await {
            ideas.push(Idea::Failed(error)).await;
        } else if !self.leaving {
            self.keep_promise(&ideas).await;
        }
    }

    /// As many as the answer takes.
    async fn rounds(
        &mut self,
        ideas: &Ideas,
        permission: &mut Permission,
    ) -> Result<(), BrainError> {
        let limit = Instant::now() + TOOLS_LIMIT;
        let steps = self.config.max_tool_steps;
        for step in 0..=steps {
            // After so many rounds of tools an answer is due: there are none in the last.
            let offered = match step < steps {
                true => self.tools.offered(),
                false => Vec::new(),
            };
            let calls = self.round(&offered, ideas).await?;
            if calls.is_empty() {
                return match self.deaf && !self.said {
                    true => Err(BrainError::TooManySteps(steps)),
                    false => Ok(()),
                };
            }
            permission.wait().await;
            let was_leaving = self.leaving;
            for call in calls {
                self.use_tool(call, &offered, limit, ideas).await;
            }
            self.keep(ideas).await;
            // Nobody is hung up on, or passed on, without a word, unless the model has none.
            if self.leaving && (self.said || was_leaving) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Ends a call that leads nowhere, without asking the endpoint.
    pub(super) async fn leave(mut self, farewell: Farewell, ideas: Ideas) {
        let patience = &self.config.patience;
        let line = match farewell {
            Farewell::Machine => patience.machine.clone(),
            Farewell::Done | Farewell::Silence | Farewell::NoProgress => Some(patience.say.clone()),
        };
        if let Some(line) = &line {
            let said = Message::text(Role::Assistant, line.clone());
            self.course.history.push(said);
        }
        self.keep(&ideas).await;
        if let Some(line) = line {
            ideas.push(Idea::Text(line)).await;
        }
        ideas.push(Idea::Act(Act::HangUp(farewell))).await;
    }

    /// Does what was announced and cut short; it stays owed until an answer was heard whole.
    async fn keep_promise(&self, ideas: &Ideas) {
        if let Some(to) = self.course.promised.clone() {
            ideas.push(Idea::Act(Act::Transfer { to })).await;
        }
    }

    async fn keep(&self, ideas: &Ideas) {
        ideas
            .push(Idea::Memory(Memory::new(self.course.clone())))
            .await;
    }

    /// One request: text goes out as it comes, tool calls are returned.
    async fn round(
        &mut self,
        offered: &[Offer],
        ideas: &Ideas,
    ) -> Result<Vec<ToolCall>, ProviderError> {
        let mut stream = self.llm.answer(LlmRequest {
            messages: self.course.history.clone(),
            tools: offered.iter().map(spec).collect(),
            temperature: self.config.temperature,
            max_tokens: self.config.max_tokens,
        });
        let mut text = String::new();
        let mut calls = Vec::new();
        while let Some(event) = stream.next().await {
            match event? {
                LlmEvent::Text(part) => {
                    text.push_str(&part);
                    if !ideas.push(Idea::Text(part)).await {
                        return Ok(Vec::new());
                    }
                }
                // A model that was offered none may want one all the same.
                LlmEvent::Tool(call) if !offered.is_empty() => calls.push(call),
                LlmEvent::Tool(_) => self.deaf = true,
                LlmEvent::Used(used) => {
                    ideas.push(Idea::Used(used)).await;
                }
            }
        }
        if text.chars().any(char::is_alphanumeric) {
            self.said = true;
            if !calls.is_empty() {
                // It is said before the tools are waited for.
                ideas.push(Idea::Text("\n".to_owned())).await;
            }
        }
        if !text.is_empty() || !calls.is_empty() {
            self.course.history.push(Message {
                role: Role::Assistant,
                content: (!text.is_empty()).then_some(text),
                tool_calls: calls.clone(),
                tool_call_id: None,
            });
            self.keep(ideas).await;
        }
        Ok(calls)
    }

    /// Calls a tool, and tells the model what came of it.
    async fn use_tool(&mut self, call: ToolCall, offered: &[Offer], limit: Instant, ideas: &Ideas) {
        let key = (call.name, call.arguments);
        let result = match self.known.get(&key) {
            Some(known) => format!("{known} (You have asked this before in this answer.)"),
            None => {
                let outcome = self.outcome(&key, offered, limit, ideas).await;
                let text = match outcome {
                    Ok(outcome) => self.done(outcome, ideas).await,
                    Err(error) => {
                        // A model may call a tool by any words, a caller's among them.
                        let tool = offered.iter().find(|offer| offer.name == key.0);
                        let tool = tool.map(|offer| offer.name.as_str());
                        tracing::warn!(tool, code = error.code(), "a tool failed");
                        format!("Error: {error}.")
                    }
                };
                self.known.insert(key, text.clone());
                text
            }
        };
        self.course.history.push(Message {
            tool_call_id: Some(call.id),
            ..Message::text(Role::Tool, result)
        });
    }

    async fn outcome(
        &mut self,
        (name, arguments): &(String, String),
        offered: &[Offer],
        limit: Instant,
        ideas: &Ideas,
    ) -> Result<Outcome, ToolError> {
        let offer = offered.iter().find(|offer| offer.name == *name);
        let offer = offer.ok_or_else(|| ToolError::Unknown(name.clone()))?;
        if offer.tool.changes() {
            self.course.ladder.advance();
            // What was begun is remembered, whatever becomes of the answer.
            self.keep(ideas).await;
            ideas.push(Idea::Pinned).await;
        }
        let work = offer.call(arguments, &self.context);
        let work = waiting(work, offer.tool.filler(), ideas);
        let late = |_| ToolError::Slow(TOOLS_LIMIT);
        timeout_at(limit, work).await.map_err(late)?
    }

    /// Does to the call what the file allows; what the model reads.
    async fn done(&mut self, outcome: Outcome, ideas: &Ideas) -> String {
        let Some(act) = outcome.act else {
            return outcome.text;
        };
        self.course.ladder.advance();
        if let Err(refusal) = self.tools.powers().allow(&act) {
            return format!("Error: {refusal}.");
        }
        let leaves = matches!(act, Act::HangUp(_) | Act::Transfer { .. });
        self.leaving |= leaves;
        ideas.push(Idea::Act(act)).await;
        if self.said || !leaves {
            return outcome.text;
        }
        format!("{} Say so now.", outcome.text)
    }
}

fn spec(offer: &Offer) -> ToolSpec {
    ToolSpec {
        name: offer.name.clone(),
        description: offer.tool.description().to_owned(),
        parameters: offer.tool.parameters(),
    }
}
