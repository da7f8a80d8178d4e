//! One conversation led by a flow.

use std::sync::Arc;

use time::OffsetDateTime;

use super::engine::{Outcome, Step};
use super::model::Flow;
use super::state::State;
use super::tools::{Ready, send};
use crate::brain::{Brain, Idea, Ideas, Line, Memory, Mind, Permission, Question, Spoken, Thought};
use crate::turn::DigitPlan;

/// Leads one conversation through a [`Flow`].
#[derive(Debug)]
pub struct FlowBrain {
    flow: Arc<Flow>,
    http: reqwest::Client,
    state: State,
}

impl FlowBrain {
    /// A conversation at its beginning.
    pub fn new(flow: Arc<Flow>, http: reqwest::Client) -> Self {
        Self {
            flow,
            http,
            state: State::default(),
        }
    }
}

/// A flow that makes brains.
#[derive(Debug)]
pub(crate) struct FlowMind {
    pub(crate) flow: Arc<Flow>,
    pub(crate) http: reqwest::Client,
}

impl Mind for FlowMind {
    fn brain(&self) -> Box<dyn Brain> {
        Box::new(FlowBrain::new(Arc::clone(&self.flow), self.http.clone()))
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

    fn phrases(&self) -> Vec<String> {
        self.flow.fixed()
    }
}

/// The steps of one answer, carried out.
struct Work {
    flow: Arc<Flow>,
    http: reqwest::Client,
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
            let result = match self.flow.prepare(&tool, &self.state, &self.http, self.now) {
                Ready::Result(result) => result,
                Ready::Request { request, safe } => {
                    if !safe {
                        permission.wait().await;
                        ideas.push(Idea::Pinned).await;
                    }
                    send(*request).await
                }
            };
            if let Err(error) = &result {
                tracing::warn!(tool, %error, "a tool of the flow failed");
            }
            steps = self
                .flow
                .called(&mut self.state, &tool, result.ok(), self.now);
        }
    }
}
