//! What must be known, and of which kind it is.

use trunkline_service::config::{Place as At, Spanned, nearest};

use super::{Checker, KINDS};
use crate::flow::model::Slot;
use crate::flow::raw::RawSlot;
use crate::flow::slots::{SlotKind, Span};
use crate::flow::template::Template;

impl Checker<'_> {
    pub(super) fn slot(&mut self, spanned: &Spanned<RawSlot>) -> Slot {
        let raw = &spanned.value;
        if raw.ask.is_empty() {
            let remedy = "write the question under `ask`".to_owned();
            self.report
                .at(self.source, spanned, "this slot is never asked for", remedy);
        }
        Slot {
            kind: self.kind(raw),
            ask: raw.ask.iter().map(|text| self.template(text)).collect(),
            more: raw.more.as_ref().map_or_else(
                || Template::parse("And the rest?").unwrap_or_default(),
                |text| self.template(text),
            ),
            confirm: raw.confirm.as_ref().map(|text| self.template(text)),
            keep: raw.keep,
            otherwise: raw.otherwise.as_ref().map(|intent| self.follow(intent)),
        }
    }

    fn kind(&mut self, raw: &RawSlot) -> SlotKind {
        let kind = match raw.kind.value.as_str() {
            "digits" => {
                let length = raw.length.as_ref();
                let read = length.and_then(|length| length_of(&length.value));
                if read.is_none() {
                    let at = length.map_or_else(|| At::from(&raw.kind), At::from);
                    let remedy = "write `length: \"6\"` or `length: \"6..8\"`".to_owned();
                    self.report
                        .at(self.source, at, "digits need a length", remedy);
                }
                let (min, max) = read.unwrap_or((1, 1));
                return SlotKind::Digits { min, max };
            }
            "date" => SlotKind::Date(self.span(raw.span.as_ref())),
            "time" => SlotKind::Time,
            "number" => SlotKind::Number,
            "name" => SlotKind::Name,
            "yes_no" => SlotKind::YesNo,
            other => {
                let what = format!("no slot holds a `{other}`");
                self.report
                    .at(self.source, &raw.kind, what, nearest(other, KINDS));
                SlotKind::Name
            }
        };
        if let Some(span) = raw
            .span
            .as_ref()
            .filter(|_| !matches!(kind, SlotKind::Date(_)))
        {
            let remedy = "remove it".to_owned();
            self.report
                .at(self.source, span, "only dates have a span", remedy);
        }
        if let Some(length) = &raw.length {
            self.report.at(
                self.source,
                length,
                "only digits have a length",
                "remove it".to_owned(),
            );
        }
        kind
    }

    fn span(&mut self, span: Option<&Spanned<String>>) -> Span {
        match span.map(|span| span.value.as_str()) {
            None | Some("future") => Span::Future,
            Some("past") => Span::Past,
            Some("any") => Span::Any,
            Some(other) => {
                if let Some(span) = span {
                    let what = format!("no date lies in `{other}`");
                    let remedy = nearest(other, &["future", "past", "any"]);
                    self.report.at(self.source, span, what, remedy);
                }
                Span::Future
            }
        }
    }
}

fn length_of(text: &str) -> Option<(usize, usize)> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
    (min >= 1 && min <= max && max <= 32).then_some((min, max))
}
