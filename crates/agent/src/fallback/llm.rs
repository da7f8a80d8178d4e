//! Language models in order.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::members::{Link, Members};
use crate::provider::{
    Failure, Llm, LlmEvent, LlmRequest, LlmStream, Message, Outlet, ProviderError, Role,
};

/// Language models, asked in order.
pub struct LlmChain {
    members: Arc<Members<dyn Llm>>,
}

/// Pieces passed on ahead of whoever takes them.
const AHEAD: usize = 32;

impl LlmChain {
    /// A chain; the first is asked first.
    pub fn new(links: Vec<Link<dyn Llm>>) -> Self {
        Self {
            members: Arc::new(Members::new("llm", links, |llm| llm.name(), probe)),
        }
    }
}

impl Llm for LlmChain {
    fn name(&self) -> &'static str {
        self.members
            .first()
            .map_or("none", |link| link.provider.name())
    }

    fn answer(&self, request: LlmRequest) -> LlmStream {
        let members = Arc::clone(&self.members);
        LlmStream::made(AHEAD, |outlet| answer(members, request, outlet))
    }
}

async fn answer(
    members: Arc<Members<dyn Llm>>,
    request: LlmRequest,
    outlet: Outlet<LlmEvent>,
) -> Result<(), ProviderError> {
    let mut last = Failure::Stopped.of("none");
    for index in members.order() {
        let Some(link) = members.link(index) else {
            continue;
        };
        let mut stream = link.provider.answer(request.clone());
        let first = match timeout(link.attempt, stream.next()).await {
            Ok(Some(Ok(first))) => first,
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) if !error.failure.is_others_turn() => return Err(error),
            Ok(Some(Err(error))) => {
                members.failed(index, &error);
                last = error;
                continue;
            }
            Err(_) => {
                last = Failure::TimedOut.of(link.provider.name());
                members.failed(index, &last);
                continue;
            }
        };
        // From here on it is this one's answer: what was said is not said again.
        let mut next = Some(Ok(first));
        while let Some(event) = next {
            let event = event.inspect_err(|error| members.failed(index, error))?;
            if !outlet.give(event).await {
                return Ok(());
            }
            next = stream.next().await;
        }
        return Ok(());
    }
    Err(last)
}

/// One word, as short as it can be.
fn probe(llm: Arc<dyn Llm>, limit: Duration) -> BoxFuture<'static, bool> {
    let ask = async move {
        let mut stream = llm.answer(LlmRequest {
            messages: vec![Message::text(Role::User, "Say yes.")],
            max_tokens: Some(16),
            ..LlmRequest::default()
        });
        matches!(timeout(limit, stream.next()).await, Ok(Some(Ok(_))))
    };
    ask.boxed()
}
