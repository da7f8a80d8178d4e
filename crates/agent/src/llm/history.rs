//! The messages of a conversation, kept as an endpoint takes them.

use crate::provider::{Message, Role};

/// Messages of a conversation sent along; older ones are left out.
const MEMORY: usize = 60;

/// What is said of a tool whose result nobody waited for.
const LOST: &str = "The caller spoke before this was finished. It may have been done.";

/// Leaves out what is too long ago. The instructions stay; a tool's answer is not parted from its call.
pub(super) fn trim(history: &mut Vec<Message>) {
    if history.len() <= MEMORY {
        return;
    }
    let mut end = 1 + history.len() - MEMORY;
    while history
        .get(end)
        .is_some_and(|message| message.role == Role::Tool)
    {
        end += 1;
    }
    history.drain(1..end.min(history.len()));
}

/// Gives every call of a tool its answer: endpoints refuse a conversation in which one is missing, and
/// a caller who interrupts leaves such calls behind.
pub(super) fn mend(history: &mut Vec<Message>) {
    let mut open: Vec<String> = Vec::new();
    for message in std::mem::take(history) {
        if message.role == Role::Tool {
            open.retain(|id| Some(id) != message.tool_call_id.as_ref());
        } else {
            history.extend(open.drain(..).map(lost));
            open.extend(message.tool_calls.iter().map(|call| call.id.clone()));
        }
        history.push(message);
    }
    history.extend(open.into_iter().map(lost));
}

fn lost(id: String) -> Message {
    Message {
        tool_call_id: Some(id),
        ..Message::text(Role::Tool, LOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ToolCall;

    fn calls(ids: &[&str]) -> Message {
        let call = |id: &&str| ToolCall {
            id: (*id).to_owned(),
            name: "find".to_owned(),
            arguments: "{}".to_owned(),
        };
        Message {
            tool_calls: ids.iter().map(call).collect(),
            ..Message::text(Role::Assistant, "One moment.")
        }
    }

    fn answer(id: &str) -> Message {
        Message {
            tool_call_id: Some(id.to_owned()),
            ..Message::text(Role::Tool, "found")
        }
    }

    #[test]
    fn no_call_of_a_tool_is_left_without_an_answer() {
        let user = || Message::text(Role::User, "hello?");
        let mut history = vec![
            calls(&["a", "b"]),
            answer("a"),
            user(),
            calls(&["c"]),
            answer("c"),
            user(),
            calls(&["d"]),
        ];
        mend(&mut history);
        let ids: Vec<_> = history
            .iter()
            .filter_map(|m| m.tool_call_id.as_deref())
            .collect();
        assert_eq!(ids, ["a", "b", "c", "d"]);
        assert_eq!(history[2].content.as_deref(), Some(LOST));
        let mended = history.clone();
        mend(&mut history);
        assert_eq!(history, mended, "once is enough");
    }

    #[test]
    fn what_is_left_out_takes_no_call_without_its_answers() {
        let mut history = vec![Message::text(Role::System, "be brief")];
        for turn in 0..40 {
            let id = turn.to_string();
            history.extend([Message::text(Role::User, "?"), calls(&[&id]), answer(&id)]);
        }
        trim(&mut history);
        assert_eq!(history[0].role, Role::System);
        assert_ne!(history[1].role, Role::Tool);
        assert!(history.len() <= MEMORY);
    }
}
