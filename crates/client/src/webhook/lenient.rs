//! Reads an event of a newer server: a word or a shape that the messages here have no place for is
//! left out, and the rest is read. Fields with unknown names are left out by the messages anyway.

use livekit_protocol as proto;
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// Values tried one by one at the most; an event has some dozens.
const TRIES: usize = 20_000;

/// `None` when this is no event at all.
pub(super) fn detail(json: &Value) -> Option<proto::WebhookEvent> {
    let Value::Object(members) = json else {
        return None;
    };
    if let Ok(detail) = proto::WebhookEvent::deserialize(json) {
        return Some(detail);
    }
    members.get("event").filter(|word| word.is_string())?;
    let mut sieve = Sieve {
        path: Vec::new(),
        tries: TRIES,
    };
    let kept = sieve.members(members);
    proto::WebhookEvent::deserialize(&kept).ok()
}

/// A step from the event down to a value.
enum Step {
    Member(String),
    Element,
}

/// Keeps what fits at its place.
struct Sieve {
    path: Vec<Step>,
    tries: usize,
}

impl Sieve {
    fn value(&mut self, value: &Value) -> Option<Value> {
        self.tries = self.tries.checked_sub(1)?;
        if self.fits(value) {
            return Some(value.clone());
        }
        let smaller = match value {
            Value::Object(members) => self.members(members),
            Value::Array(elements) => self.elements(elements),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        self.fits(&smaller).then_some(smaller)
    }

    fn members(&mut self, members: &Map<String, Value>) -> Value {
        let mut kept = Map::new();
        for (name, member) in members {
            self.path.push(Step::Member(name.clone()));
            if let Some(member) = self.value(member) {
                kept.insert(name.clone(), member);
            }
            self.path.pop();
        }
        Value::Object(kept)
    }

    fn elements(&mut self, elements: &[Value]) -> Value {
        self.path.push(Step::Element);
        let kept = elements.iter().filter_map(|one| self.value(one)).collect();
        self.path.pop();
        Value::Array(kept)
    }

    /// Would an event with this value alone, at this place, be read?
    fn fits(&self, value: &Value) -> bool {
        let event = self
            .path
            .iter()
            .rev()
            .fold(value.clone(), |inner, step| match step {
                Step::Member(name) => Value::Object(Map::from_iter([(name.clone(), inner)])),
                Step::Element => Value::Array(vec![inner]),
            });
        proto::WebhookEvent::deserialize(&event).is_ok()
    }
}
