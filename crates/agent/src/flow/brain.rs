//! One conversation led by a flow.

use std::sync::Arc;

use serde_json::Value as Json;
use time::OffsetDateTime;

use super::engine::{Outcome, Step};
use super::model::Flow;
use super::state::State;
use super::tools::Ready;
use crate::brain::{
    Brain, Facts, Idea, Ideas, Line, Memory, Mind, Permission, Question, Spoken, Thought,
};
use crate::tools::{Context, ToolError, Toolbox, waiting};
use crate::turn::DigitPlan;

/// Leads one conversation through a [`Flow`].
#[derive(Debug)]
pub struct FlowBrain {
    flow: Arc<Flow>,
    http: reqwest::Client,
    tools: Arc<Toolbox>,
    call: Arc<Facts>,
    state: State,
}

impl FlowBrain {
    /// A conversation at its beginning.
    pub fn new(
        flow: Arc<Flow>,
        http: reqwest::Client,
        tools: Arc<Toolbox>,
        call: Arc<Facts>,
    ) -> Self {
        Self {
            flow,
            http,
            tools,
            call,
            state: State::default(),
        }
    }
}

/// A flow that makes brains.
#[derive(Debug)]
pub(crate) struct FlowMind {
    pub(crate) flow: Arc<Flow>,
    /// Follows nobody to another host.
    pub(crate) http: reqwest::Client,
    pub(crate) tools: Arc<Toolbox>,
}

impl Mind for FlowMind {
    fn brain(&self, call: &Facts) -> Box<dyn Brain> {
        Box::new(FlowBrain::new(
            Arc::clone(&self.flow),
            self.http.clone(),
            Arc::clone(&self.tools),
            Arc::new(call.clone()),
        ))
    }

    fn phrases(&self) -> Vec<String> {
        self.flow.fixed()
    }
}

impl Brain for FlowBrain {
    fn greeting(&self) -> Option<Line> {
        let text = self.flow.plain(&self.flow.greeting);
        Some(Line {
            text,
            interruptible: true,
        })
    }

    fn think(&self, question: &Question, now: OffsetDateTime) -> Thought {
        let mut state = self.state.clone();
        let Outcome { steps, verdict } = self.flow.hear(&mut state, question, now);
        let work = Work {
            flow: Arc::clone(&self.flow),
            http: self.http.clone(),
            tools: Arc::clone(&self.tools),
            context: Context {
                now,
                call: Arc::clone(&self.call),
            },
            state,
            now,
        };
        Thought::spawn(verdict, move |ideas, permission| {
            work.run(steps, ideas, permission)
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        let before = self.state.clone();
        if let Some(state) = memory.open::<State>() {
            self.state = state;
        }
        Memory::new(before)
    }

    fn spoke(&mut self, spoken: &Spoken) {
        self.state.answer.hear(spoken);
    }

    fn digits(&self) -> DigitPlan {
        self.flow.digit_plan(&self.state)
    }

    fn apology(&self) -> &str {
        &self.flow.apology
    }
}

/// The steps of one answer, carried out.
struct Work {
    flow: Arc<Flow>,
    http: reqwest::Client,
    tools: Arc<Toolbox>,
    context: Context,
    state: State,
    now: OffsetDateTime,
}

impl Work {
    async fn run(mut self, mut steps: Vec<Step>, ideas: Ideas, mut permission: Permission) {
        loop {
            // Before the words, so that an answer cut short leaves its place behind too.
            ideas
                .push(Idea::Memory(Memory::new(self.state.clone())))
                .await;
            let mut call = None;
            for step in steps {
                match step {
                    Step::Say(text) => {
                        ideas.push(Idea::Text(format!("{text} "))).await;
                    }
                    Step::Act(act) => {
                        ideas.push(Idea::Act(act)).await;
                    }
                    Step::Call(tool) => call = Some(tool),
                }
            }
            let Some(tool) = call else { return };
            let result = self.ask(&tool, &ideas, &mut permission).await;
            if let Err(error) = &result {
                tracing::warn!(tool, %error, "a tool of the flow failed");
            }
            steps = self
                .flow
                .called(&mut self.state, &tool, result.ok(), self.now);
        }
    }

    async fn ask(
        &self,
        tool: &str,
        ideas: &Ideas,
        permission: &mut Permission,
    ) -> Result<Json, ToolError> {
        match self.flow.prepare(tool, &self.state, self.now) {
            Ready::Result(result) => result,
            Ready::Request { exchange, request } => {
                if !exchange.method.is_safe() {
                    permission.wait().await;
                    ideas.push(Idea::Pinned).await;
                }
                exchange.send(&self.http, &request).await?.json()
            }
            Ready::Tool {
                name,
                arguments,
                changes,
            } => {
                let offer = self.tools.find(&name).await;
                let offer = offer.ok_or(ToolError::Unknown(name))?;
                if changes {
                    permission.wait().await;
                    ideas.push(Idea::Pinned).await;
                }
                let call = offer.call_with(arguments, &self.context);
                let outcome = waiting(call, offer.tool.filler(), ideas).await?;
                if let Some(act) = outcome.act {
                    ideas.push(Idea::Act(act)).await;
                }
                outcome.data.ok_or(ToolError::Answer)
            }
        }
    }
}
