//! What a request does to the call, and whether that can be done.

use trunkline_service::config::{Spanned, nearest};

use super::Checker;
use crate::brain::{Act, Farewell};
use crate::flow::raw::RawIntent;

const ACTS: &[&str] = &["hang_up", "transfer", "hand_off"];

impl Checker<'_> {
    /// The act, and whether there is nobody for it: what is then said is true.
    pub(super) fn act(&mut self, raw: &RawIntent) -> (Option<Act>, bool) {
        let Some(act) = &raw.act else {
            return (None, false);
        };
        match act.value.as_str() {
            "hang_up" => (Some(Act::HangUp(Farewell::Done)), false),
            "transfer" | "hand_off" => {
                let (to, vacant) = self.target(act, raw.to.as_ref());
                (Some(Act::Transfer { to }), vacant)
            }
            other => {
                let what = format!("`{other}` cannot be done");
                self.report.at(self.source, act, what, nearest(other, ACTS));
                (None, false)
            }
        }
    }

    /// Whom a transfer is to, and whether that is nobody.
    fn target(&mut self, act: &Spanned<String>, to: Option<&Spanned<String>>) -> (String, bool) {
        let powers = &self.tools.powers;
        let known: Vec<&str> = powers
            .targets
            .keys()
            .chain(&powers.vacant)
            .map(String::as_str)
            .collect();
        match (to, known.as_slice()) {
            (Some(to), []) => (to.value.clone(), true),
            (None, []) => (String::new(), true),
            (None, [one]) => ((*one).to_owned(), powers.targets.is_empty()),
            (None, _) => {
                let remedy = format!("add `to`, one of: {}", known.join(", "));
                let what = "it is not clear to whom";
                self.report.at(self.source, act, what, remedy);
                (String::new(), true)
            }
            (Some(to), _) => {
                if !known.contains(&to.value.as_str()) {
                    let what = format!("`transfer_to` has nobody called `{}`", to.value);
                    let remedy = nearest(&to.value, &known);
                    self.report.at(self.source, to, what, remedy);
                }
                (to.value.clone(), powers.vacant.contains(&to.value))
            }
        }
    }
}
