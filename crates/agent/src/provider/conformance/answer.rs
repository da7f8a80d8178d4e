//! What thinks.

use super::breach::{Breach, breach, check, ended, soon};
use crate::provider::error::Failure;
use crate::provider::llm::{Llm, LlmEvent, LlmRequest, Message, Role};

/// A model that answers with this text: dropping an answer in its middle closes what was open.
///
/// # Errors
/// What it did wrong.
pub async fn answers(
    llm: &dyn Llm,
    text: &str,
    closed: impl Future<Output = ()>,
) -> Result<(), Breach> {
    let request = LlmRequest {
        messages: vec![
            Message::text(Role::System, "You are a test."),
            Message::text(Role::User, "Hello."),
        ],
        ..LlmRequest::default()
    };
    let mut stream = llm.answer(request.clone());
    let mut said = String::new();
    while let Some(event) = soon("the next piece", stream.next()).await? {
        match event {
            Ok(LlmEvent::Text(part)) if part.is_empty() => return breach("a piece of nothing"),
            Ok(LlmEvent::Text(part)) => said.push_str(&part),
            Ok(LlmEvent::Tool(_)) => return breach("a tool that was not offered"),
            Ok(LlmEvent::Used(_)) => {}
            Err(error) => return breach(format!("it failed: {error}")),
        }
    }
    if said != text {
        return breach("it said something else than the model");
    }
    let mut cut = llm.answer(request);
    soon("the first piece", cut.next()).await?;
    drop(cut);
    soon("the end of the connection", closed).await
}

/// A model whose service fails: the failure is of this kind and the last that comes.
///
/// # Errors
/// What it did wrong.
pub async fn answering_fails(llm: &dyn Llm, failure: &Failure) -> Result<(), Breach> {
    let mut stream = llm.answer(LlmRequest {
        messages: vec![Message::text(Role::User, "Hello.")],
        ..LlmRequest::default()
    });
    loop {
        match soon("the failure", stream.next()).await? {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                check(&error, failure, llm.name())?;
                break;
            }
            None => return breach("it does not fail"),
        }
    }
    ended(stream.next()).await
}
