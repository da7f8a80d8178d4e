//! A plan for people, and for programs. Secrets are in neither.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::entry::{Entry, Inbound, Outbound, Rule};
use super::fields::Field;
use super::plan::{Act, Change, Plan, Step};
use crate::output::plain;

impl Step {
    const fn act(&self) -> Act {
        match self {
            Self::Trunk(change) => change.act,
            Self::Outbound(change) => change.act,
            Self::Rule(change) => change.act,
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Trunk(change) => &change.key,
            Self::Outbound(change) => &change.key,
            Self::Rule(change) => &change.key,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Trunk(change) => change.id(),
            Self::Outbound(change) => change.id(),
            Self::Rule(change) => change.id(),
        }
    }

    const fn what(&self) -> &'static str {
        match self {
            Self::Trunk(_) => Inbound::WHAT,
            Self::Outbound(_) => Outbound::WHAT,
            Self::Rule(_) => Rule::WHAT,
        }
    }

    fn fields(&self) -> Vec<Field> {
        fn of<E: Entry>(change: &Change<E>) -> Vec<Field> {
            match change.act {
                Act::Delete => Vec::new(),
                Act::Create | Act::Update | Act::StepAside => change.fields(),
            }
        }
        match self {
            Self::Trunk(change) => of(change),
            Self::Outbound(change) => of(change),
            Self::Rule(change) => of(change),
        }
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what(),
            "key": self.key(),
            "id": Some(self.id()).filter(|id| !id.is_empty()),
            "act": self.act(),
            "fields": self.fields(),
        })
    }
}

/// In one line.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.act() {
            Act::Create => '+',
            Act::Update => '~',
            Act::StepAside => '>',
            Act::Delete => '-',
        };
        write!(f, "{sign} {} {}", self.what(), plain(self.key()))?;
        if !self.id().is_empty() {
            write!(f, " ({})", plain(self.id()))?;
        }
        if self.act() == Act::StepAside {
            f.write_str(" steps aside, so that its numbers can move")?;
        }
        Ok(())
    }
}

/// The lines of a difference.
pub(crate) fn field(field: &Field) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        other => plain(&other.to_string()),
    };
    let name = &field.field;
    if field.from.is_null() {
        format!("    {name}: {}", shown(&field.to))
    } else {
        format!("    {name}: {} → {}", shown(&field.from), shown(&field.to))
    }
}

impl Plan {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = writeln!(text, "{step}");
            for one in step.fields() {
                let _ = writeln!(text, "{}", field(&one));
            }
        }
        for blocked in &self.blocked {
            let _ = writeln!(text, "! {blocked}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "changes": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
            "blocked": self.blocked,
            "notes": self.notes,
        })
    }

    /// How many of which.
    pub(crate) fn summary(&self) -> String {
        let count = |act: Act| self.steps.iter().filter(|step| step.act() == act).count();
        format!(
            "{} to create, {} to change, {} to delete",
            count(Act::Create),
            count(Act::Update),
            count(Act::Delete)
        )
    }
}
