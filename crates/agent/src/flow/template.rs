//! Answers with places for values: `Parcel {tracking|digits} is {parcel.status}.`

use time::macros::format_description;

use super::slots::Value;

/// A text with places for values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place { path: Vec<String>, filter: Filter },
}

/// How a value is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Plain,
    Digits,
    Day,
    Clock,
    Url,
}

/// The filters a template may name.
pub(super) const FILTERS: &[&str] = &["digits", "day", "clock", "url"];

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    /// A brace without its partner.
    #[error("a brace has no partner")]
    Brace,
    /// Nothing between two braces.
    #[error("empty braces")]
    Empty,
    /// A filter that does not exist.
    #[error("no filter is called `{0}`")]
    Filter(String),
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
            if before.contains('}') || place.contains('{') {
                return Err(TemplateError::Brace);
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::place(place)?);
            rest = behind;
        }
        if rest.contains('}') {
            return Err(TemplateError::Brace);
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { parts })
    }

    /// The first names of all places.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place { path, .. } => path.first().map(String::as_str),
            Part::Text(_) => None,
        })
    }

    /// The text as it was written, its filters left out.
    pub(super) fn written(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(fixed) => fixed.clone(),
            Part::Place { path, .. } => format!("{{{}}}", path.join(".")),
        };
        self.parts.iter().map(part).collect()
    }

    /// The text with its values; an unknown value leaves nothing.
    pub(super) fn fill(&self, value: impl Fn(&str) -> Option<Value>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Place { path, filter } => {
                    let found = path
                        .split_first()
                        .and_then(|(name, rest)| value(name).map(|value| descend(value, rest)));
                    if let Some(value) = found {
                        text.push_str(&filter.apply(&value));
                    }
                }
            }
        }
        text
    }
}

impl Part {
    fn place(text: &str) -> Result<Self, TemplateError> {
        let (path, filter) = match text.split_once('|') {
            None => (text, Filter::Plain),
            Some((path, "digits")) => (path, Filter::Digits),
            Some((path, "day")) => (path, Filter::Day),
            Some((path, "clock")) => (path, Filter::Clock),
            Some((path, "url")) => (path, Filter::Url),
            Some((_, other)) => return Err(TemplateError::Filter(other.to_owned())),
        };
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(TemplateError::Empty);
        }
        Ok(Self::Place { path, filter })
    }
}

fn descend(value: Value, path: &[String]) -> Value {
    path.iter().fold(value, |value, name| match value {
        Value::Json(json) => Value::Json(json.get(name).cloned().unwrap_or_default()),
        other => other,
    })
}

impl Filter {
    fn apply(self, value: &Value) -> String {
        match self {
            Self::Digits => {
                let plain = plain(value);
                let letters: Vec<String> = plain.chars().map(|c| c.to_string()).collect();
                // Groups of three are said with a breath between them.
                letters
                    .chunks(3)
                    .map(|group| group.join(" "))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Self::Day => match value {
                Value::Date(date) => {
                    let format =
                        format_description!("[weekday], [month repr:long] [day padding:none]");
                    date.format(&format).unwrap_or_default()
                }
                other => plain(other),
            },
            Self::Clock => match value {
                Value::Time(time) => clock(*time),
                other => plain(other),
            },
            Self::Url => plain(value)
                .bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                        char::from(byte).to_string()
                    }
                    other => format!("%{other:02X}"),
                })
                .collect(),
            Self::Plain => plain(value),
        }
    }
}

/// A value as it is said where no filter is named.
pub(super) fn spoken(value: &Value) -> String {
    match value {
        Value::Date(_) => Filter::Day.apply(value),
        other => plain(other),
    }
}

fn clock(time: time::Time) -> String {
    let (hour, half) = match time.hour() {
        0 => (12, "a m"),
        hour @ 1..12 => (hour, "a m"),
        12 => (12, "p m"),
        hour => (hour - 12, "p m"),
    };
    match time.minute() {
        0 => format!("{hour} {half}"),
        minute => format!("{hour} {minute:02} {half}"),
    }
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => clock(*time),
        Value::Number(number) => number.to_string(),
        Value::YesNo(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Json(serde_json::Value::String(text)) => text.clone(),
        Value::Json(serde_json::Value::Null) => String::new(),
        Value::Json(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<Value> {
        match name {
            "tracking" => Some(Value::Text("427193".into())),
            "parcel" => Some(Value::Json(
                serde_json::json!({"status": "on its way", "van": 4}),
            )),
            "day" => time::Date::from_calendar_date(2026, time::Month::June, 12)
                .ok()
                .map(Value::Date),
            _ => None,
        }
    }

    fn fill(text: &str) -> String {
        Template::parse(text).unwrap().fill(value)
    }

    #[test]
    fn values_are_put_into_words() {
        assert_eq!(
            fill("Parcel {tracking|digits} is {parcel.status}."),
            "Parcel 4 2 7, 1 9 3 is on its way."
        );
        assert_eq!(
            fill("Van {parcel.van} comes on {day|day}"),
            "Van 4 comes on Friday, June 12"
        );
        assert_eq!(fill("{nobody}!"), "!");
    }

    #[test]
    fn broken_templates_are_refused() {
        for text in ["{a", "a}", "{}", "{a.}", "{a|shout}", "{a{b}}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
