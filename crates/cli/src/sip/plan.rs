//! What must happen at a server so that it has what the file says. Pure: nothing is asked and
//! nothing is done here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entry::{Entry, Inbound, Outbound, Rule, is_untold, with_password_of};
use super::fields::{Field, differences, over};
use super::order::{Wish, order};
use super::sorted::{Found, Record, Sorted};
use crate::settings::SipSetup;

/// What a server lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct There {
    pub(crate) trunks: Vec<Inbound>,
    pub(crate) outbound: Vec<Outbound>,
    pub(crate) rules: Vec<Rule>,
}

/// What was written before, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) trunks: BTreeMap<String, Record<Inbound>>,
    pub(crate) outbound: BTreeMap<String, Record<Outbound>>,
    pub(crate) rules: BTreeMap<String, Record<Rule>>,
}

/// What is wanted, by key, in the API's words. Rules name trunks by [`named`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) trunks: Vec<(String, Inbound)>,
    pub(crate) outbound: Vec<(String, Outbound)>,
    pub(crate) rules: Vec<(String, Rule)>,
}

/// How a rule names a trunk whose id is not known yet.
pub(crate) fn named(key: &str) -> String {
    format!("key:{key}")
}

impl From<&SipSetup> for Wanted {
    fn from(setup: &SipSetup) -> Self {
        let ids: BTreeMap<String, String> = setup
            .trunks
            .iter()
            .map(|trunk| (trunk.key.clone(), named(&trunk.key)))
            .collect();
        let trunks = setup.trunks.iter();
        let outbound = setup.outbound.iter();
        let rules = setup.rules.iter();
        Self {
            trunks: trunks
                .map(|one| (one.key.clone(), one.to_proto()))
                .collect(),
            outbound: outbound
                .map(|one| (one.key.clone(), one.to_proto()))
                .collect(),
            rules: rules
                .map(|one| (one.key.clone(), one.to_proto(&ids)))
                .collect(),
        }
    }
}

/// What one step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    Create,
    Update,
    /// Gives numbers up for a moment, so that another may take them.
    StepAside,
    Delete,
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change<E> {
    pub(crate) key: String,
    pub(crate) act: Act,
    pub(crate) before: Option<E>,
    /// As the server shall have it; `None` where it is deleted.
    pub(crate) after: Option<E>,
    /// What the file says of it, to be remembered.
    pub(crate) said: Option<E>,
}

impl<E: Entry> Change<E> {
    pub(crate) fn id(&self) -> &str {
        self.before.as_ref().map_or("", Entry::id)
    }

    pub(crate) fn fields(&self) -> Vec<Field> {
        differences(self.before.as_ref(), self.after.as_ref())
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a plan has a handful of steps, and most are rules"
)]
pub(crate) enum Step {
    Trunk(Change<Inbound>),
    Outbound(Change<Outbound>),
    Rule(Change<Rule>),
}

/// Steps in their order, and what people should know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// What stays though the file does not have it, and the like.
    pub(crate) notes: Vec<String>,
    /// What the server would refuse.
    pub(crate) blocked: Vec<String>,
    /// Entries that are as they shall be, to be remembered as such.
    pub(crate) settled: Vec<Step>,
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked.is_empty()
    }

    /// Makes the plan.
    pub(crate) fn make(wanted: &Wanted, there: There, written: &Written) -> Self {
        let mut plan = Self::default();
        let mut trunks = Sorted::sort(there.trunks, &written.trunks);
        let mut outbound = Sorted::sort(there.outbound, &written.outbound);
        let mut rules = Sorted::sort(there.rules, &written.rules);
        plan.rename(&wanted.trunks, &mut trunks);
        plan.rename(&wanted.outbound, &mut outbound);
        // Rules first: none shall point at a trunk that is gone. Both before anything is made: what
        // is gone may hold the number that something new is for.
        plan.remove(&wanted.rules, &mut rules, Step::Rule);
        let gone = plan.remove(&wanted.trunks, &mut trunks, Step::Trunk);
        plan.remove(&wanted.outbound, &mut outbound, Step::Outbound);
        plan.note_orphans(&rules.others, &gone);
        let ids: BTreeMap<String, String> = trunks
            .by_key
            .iter()
            .map(|(key, found)| (named(key), found.entry.id().to_owned()))
            .collect();
        let known = |mut rule: Rule| {
            for id in &mut rule.trunk_ids {
                if let Some(known) = ids.get(id) {
                    id.clone_from(known);
                }
            }
            rule
        };
        let wanted_rules = wanted.rules.iter().cloned();
        let wanted_rules: Vec<(String, Rule)> =
            wanted_rules.map(|(key, rule)| (key, known(rule))).collect();
        plan.write(&wanted.trunks, trunks, Step::Trunk);
        plan.write(&wanted.outbound, outbound, Step::Outbound);
        plan.write(&wanted_rules, rules, Step::Rule);
        plan
    }

    fn rename<E: Entry>(&mut self, wanted: &[(String, E)], there: &mut Sorted<E>) {
        for (key, entry) in wanted {
            let is_gone = |key: &str| !wanted.iter().any(|(one, _)| one == key);
            if let Some(old) = there.adopt_renamed(key, entry, is_gone) {
                self.notes
                    .push(format!("{} `{old}` is `{key}` now", E::WHAT));
            }
        }
    }

    /// What the file no longer names goes, save what others have changed since and what is only
    /// known by its mark, which another file may have made. Gives what goes.
    fn remove<E: Entry>(
        &mut self,
        wanted: &[(String, E)],
        there: &mut Sorted<E>,
        step: fn(Change<E>) -> Step,
    ) -> Vec<E> {
        let is_named = |key: &String| wanted.iter().any(|(one, _)| one == key);
        let mut gone = std::mem::take(&mut there.doubles);
        let keys: Vec<String> = there.by_key.keys().cloned().collect();
        for key in keys.into_iter().filter(|key| !is_named(key)) {
            if let Some(found) = there.by_key.remove(&key) {
                gone.push((key, found));
            }
        }
        let mut removed = Vec::new();
        for (key, found) in gone {
            let why = if !found.is_remembered {
                Some("was not written from here")
            } else if !found.is_untouched {
                Some("was changed by others since")
            } else {
                None
            };
            if let Some(why) = why {
                let id = found.entry.id();
                self.notes.push(format!(
                    "{} `{key}` ({id}) is a file's and not this one's, but {why} and stays; to \
                     remove it: {} {id}",
                    E::WHAT,
                    E::DELETE
                ));
                there.others.push(found.entry);
                continue;
            }
            removed.push(found.entry.clone());
            self.steps.push(step(Change {
                key,
                act: Act::Delete,
                before: Some(found.entry),
                after: None,
                said: None,
            }));
        }
        removed
    }

    /// A rule that somebody made for a trunk of the file serves nobody once that is gone.
    fn note_orphans(&mut self, others: &[Rule], gone: &[Inbound]) {
        for rule in others {
            let names = |trunk: &&Inbound| rule.trunk_ids.contains(&trunk.sip_trunk_id);
            if let Some(trunk) = gone.iter().find(names) {
                self.notes.push(format!(
                    "dispatch rule {} names trunk {}, which the file no longer has",
                    rule.sip_dispatch_rule_id, trunk.sip_trunk_id
                ));
            }
        }
    }

    fn write<E: Entry>(
        &mut self,
        wanted: &[(String, E)],
        mut there: Sorted<E>,
        step: fn(Change<E>) -> Step,
    ) {
        let mut world = there.others;
        let mut wishes = Vec::new();
        for (key, entry) in wanted {
            let found = there.by_key.remove(key);
            let whole = found.as_ref().map(Found::whole);
            let after = match (&found, &whole) {
                (Some(found), Some(whole)) => over(whole, entry, found.said.as_ref()),
                _ => entry.clone(),
            };
            world.extend(whole.clone());
            if let Some(found) = found.as_ref().filter(|found| !found.is_remembered) {
                self.notes.push(format!(
                    "{} `{key}` ({}) was not written from here and counts as this file's by its \
                     key: if it is another file's, give one of them another key",
                    E::WHAT,
                    found.entry.id()
                ));
            }
            // What differs in nothing that is said is not written: the server has it its own way.
            let is_settled = |there: &E| differences(Some(there), Some(&after)).is_empty();
            if whole.as_ref().is_some_and(is_settled) {
                let there = found.map(|found| found.entry);
                self.settled.push(step(Change {
                    key: key.clone(),
                    act: Act::Update,
                    before: there.clone(),
                    after: there,
                    said: Some(entry.clone()),
                }));
                continue;
            }
            wishes.push(Wish {
                key: key.clone(),
                // Where nobody remembers the password, the file's is as good for stepping aside.
                there: whole.map(|whole| with_password_of(whole, &after)),
                wanted: after,
            });
        }
        let said = |key: &str| wanted.iter().find(|(one, _)| one == key);
        let ordered = order(world, wishes);
        for write in ordered.writes {
            if !write.steps_aside && is_untold(&write.after) {
                self.blocked.push(format!(
                    "{} `{}` would lose its password, which the server does not tell and nobody \
                     remembers: write it in the file, and apply that",
                    E::WHAT,
                    write.key
                ));
            }
            let act = match (&write.before, write.steps_aside) {
                (None, _) => Act::Create,
                (Some(_), true) => Act::StepAside,
                (Some(_), false) => Act::Update,
            };
            self.steps.push(step(Change {
                said: said(&write.key).map(|(_, entry)| entry.clone()),
                key: write.key,
                act,
                before: write.before,
                after: Some(write.after),
            }));
        }
        for (key, id) in ordered.blocked {
            self.blocked.push(format!(
                "{} `{key}` would take the same calls as {id}, and the server refuses that: give each \
                 its own numbers",
                E::WHAT
            ));
        }
    }
}
