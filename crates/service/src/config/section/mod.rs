//! A section whose keys are known only to whoever it is for: settings of a provider, of a plug-in.
//!
//! It is taken apart key by key. Each slip is one problem with its place, a key that nobody asked for
//! is one too, and all of them are told at once.

mod node;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::http::Uri;
use trunkline_base::secret::Secret;

use super::duration::parse_duration;
use super::nearest::nearest;
use super::report::{Place, Report};
use super::source::Source;
use node::{Kind, Shape};

pub use node::Node;

/// Keys with values, taken out one by one.
pub struct Section<'a> {
    source: &'a Source,
    report: &'a mut Report,
    place: Place,
    keys: Vec<(String, Place, &'a Node)>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Opens it; what is no section is a problem.
    pub fn open(node: &'a Node, source: &'a Source, report: &'a mut Report) -> Option<Self> {
        let place = node.place();
        let keys = match &node.0.value {
            Shape::Keys(keys) => keys
                .iter()
                .map(|(key, value)| (key.value.clone(), key.into(), value))
                .collect(),
            Shape::Nothing => Vec::new(),
            Shape::One(..) | Shape::List(_) => {
                let remedy = "write {key: value}, or each key on a line of its own".to_owned();
                report.at(source, place, "keys with values are wanted here", remedy);
                return None;
            }
        };
        Some(Self {
            source,
            report,
            place,
            keys,
            asked: Vec::new(),
        })
    }

    /// Opens it, where a word alone stands for a section with that word under `key`.
    pub fn named(
        node: &'a Node,
        key: &str,
        source: &'a Source,
        report: &'a mut Report,
    ) -> Option<Self> {
        match &node.0.value {
            Shape::One(..) => Some(Self {
                source,
                report,
                place: node.place(),
                keys: vec![(key.to_owned(), node.place(), node)],
                asked: Vec::new(),
            }),
            Shape::Nothing | Shape::List(_) | Shape::Keys(_) => Self::open(node, source, report),
        }
    }

    fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let found = self.keys.iter().find(|(name, _, _)| name == key)?;
        Some(found.2).filter(|node| !matches!(node.0.value, Shape::Nothing))
    }

    /// One value, as it was typed, and where.
    pub fn text(&mut self, key: &'static str) -> Option<Typed> {
        let node = self.node(key)?;
        self.typed(node)
    }

    fn typed(&mut self, node: &Node) -> Option<Typed> {
        let place = node.place();
        match &node.0.value {
            Shape::One(text, Kind::Text) => Some(Typed {
                value: text.clone(),
                place,
            }),
            Shape::One(read, Kind::Number | Kind::Truth) => Some(Typed {
                value: self.source.scalar(place).unwrap_or_else(|| read.clone()),
                place,
            }),
            Shape::Nothing => None,
            Shape::List(_) | Shape::Keys(_) => {
                let what = "one value is wanted here, not a list or keys with values";
                self.report.at(self.source, place, what, None);
                None
            }
        }
    }

    /// One value that must be there.
    pub fn needed(&mut self, key: &'static str) -> Option<Typed> {
        let there = self.node(key);
        self.asked.pop();
        if there.is_none() {
            let what = format!("the key `{key}` is missing in this section");
            let remedy = format!("add a line `{key}: \u{2026}` to it");
            self.report.at(self.source, self.place, what, remedy);
        }
        self.text(key)
    }

    /// A key or a password; empty where there is none.
    pub fn secret(&mut self, key: &'static str) -> Secret<String> {
        let typed = self.text(key).map(|typed| typed.value);
        Secret::new(typed.unwrap_or_default().trim().to_owned())
    }

    /// The address of a service without its last `/`, by one of these schemes.
    pub fn url(&mut self, key: &'static str, schemes: &[&str]) -> Option<Typed> {
        let mut typed = self.text(key)?;
        typed.value = typed.value.trim_end_matches('/').to_owned();
        let scheme = typed.value.split_once("://").map(|(scheme, _)| scheme);
        let fits = scheme.is_some_and(|scheme| schemes.contains(&scheme));
        let host = typed.value.parse::<Uri>().ok();
        let host = host.and_then(|uri| uri.host().map(|host| !host.is_empty()));
        if fits && host == Some(true) {
            return Some(typed);
        }
        let first = schemes.first().unwrap_or(&"https");
        let remedy = format!("write the whole address, such as {first}://host/path");
        self.wrong(typed.place, "this is no web address", remedy);
        None
    }

    /// A duration, such as `300ms`.
    pub fn time(&mut self, key: &'static str) -> Option<Duration> {
        let typed = self.text(key)?;
        match parse_duration(&typed.value) {
            Ok(time) => Some(time),
            Err(error) => {
                self.report
                    .at(self.source, typed.place, error.to_string(), None);
                None
            }
        }
    }

    /// A number between two.
    pub fn number(&mut self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        let typed = self.text(key)?;
        let number = typed.value.parse::<f64>().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let remedy = format!("write a number from {least} to {most}");
            self.wrong(
                typed.place,
                "this is not a number that is wanted here",
                remedy,
            );
        }
        number
    }

    /// A whole number between two.
    pub fn count(&mut self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let typed = self.text(key)?;
        let number = typed.value.parse::<u32>().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let remedy = format!("write a whole number from {least} to {most}");
            self.wrong(
                typed.place,
                "this is not a number that is wanted here",
                remedy,
            );
        }
        number
    }

    /// `true` or `false`.
    pub fn truth(&mut self, key: &'static str) -> Option<bool> {
        let typed = self.text(key)?;
        match typed.value.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                let remedy = "write true or false".to_owned();
                self.wrong(typed.place, "this is neither true nor false", remedy);
                None
            }
        }
    }

    /// One of these words.
    pub fn choice(&mut self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let typed = self.text(key)?;
        let word = words.iter().find(|word| **word == typed.value);
        if word.is_none() {
            let what = format!("`{}` is not known here", typed.value);
            self.wrong(typed.place, what, nearest(&typed.value, words));
        }
        word.copied()
    }

    /// Values in a list, or one alone.
    pub fn list(&mut self, key: &'static str) -> Vec<Typed> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = node.each().iter();
        items.filter_map(|item| self.typed(item)).collect()
    }

    /// A section inside this one.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'_>> {
        let node = self.node(key)?;
        Section::open(node, self.source, self.report)
    }

    /// The sections in this one whose names are data: those that nobody asked for.
    pub fn others(&mut self, mut each: impl FnMut(&str, &mut Section<'_>)) {
        let asked = &self.asked;
        let (others, known) = std::mem::take(&mut self.keys)
            .into_iter()
            .partition(|(key, _, _)| !asked.contains(&key.as_str()));
        self.keys = known;
        let others: Vec<(String, Place, &Node)> = others;
        for (key, _, node) in others {
            if let Some(mut section) = Section::open(node, self.source, self.report) {
                each(&key, &mut section);
                section.close();
            }
        }
    }

    /// The keys of this section with their values, where the keys themselves are data.
    pub fn entries(&mut self) -> Vec<(String, Typed)> {
        let keys = std::mem::take(&mut self.keys);
        let mut entries = Vec::new();
        for (key, _, node) in keys {
            if let Some(typed) = self.typed(node) {
                entries.push((key, typed));
            }
        }
        entries
    }

    /// A rule between values, or about one, is broken.
    pub fn wrong(
        &mut self,
        place: Place,
        what: impl Into<String>,
        remedy: impl Into<Option<String>>,
    ) {
        self.report.at(self.source, place, what, remedy);
    }

    /// Where the section begins.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Nothing more is wanted of it: whatever else stands in it is a problem.
    pub fn close(self) {
        for (key, place, _) in &self.keys {
            if !self.asked.contains(&key.as_str()) {
                let what = format!("there is no key `{key}` here");
                let remedy = nearest(key, &self.asked);
                self.report.at(self.source, *place, what, remedy);
            }
        }
    }
}

/// A value as it was typed, and where.
#[derive(Clone)]
pub struct Typed {
    /// The value.
    pub value: String,
    /// Its place.
    pub place: Place,
}
