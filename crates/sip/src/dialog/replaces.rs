//! Which call another one takes the place of (RFC 3891).

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::uri::Params;

use super::DialogKey;

/// A `Replaces` header: a dialog as the one sees it who is asked to give it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID.
    pub call_id: String,
    /// The tag of whoever is asked.
    pub to_tag: String,
    /// The other tag.
    pub from_tag: String,
    /// Only while it is not answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads `call;to-tag=a;from-tag=b`.
    pub fn parse(text: &str) -> Option<Self> {
        let (call_id, params) = text.trim().split_once(';')?;
        let params = Params::parse(params);
        let call_id = call_id.trim();
        Some(Self {
            call_id: Some(call_id).filter(|id| !id.is_empty())?.to_owned(),
            to_tag: params.get("to-tag")?.to_owned(),
            from_tag: params.get("from-tag")?.to_owned(),
            early_only: params.has("early-only"),
        })
    }

    /// What to ask the other side of a dialog of ours for, by way of a third party. A phone from before
    /// tags is named so (RFC 3891, section 6.1).
    pub fn of(key: &DialogKey) -> Self {
        let theirs = Some(key.remote_tag.as_str()).filter(|tag| !tag.is_empty());
        Self {
            call_id: key.call_id.clone(),
            to_tag: theirs.unwrap_or("0").to_owned(),
            from_tag: key.local_tag.clone(),
            early_only: false,
        }
    }

    /// The dialog as we name it, if we are asked.
    pub fn key(&self) -> DialogKey {
        DialogKey {
            call_id: self.call_id.clone(),
            local_tag: self.to_tag.clone(),
            remote_tag: self.from_tag.clone(),
        }
    }

    /// As a header of a URI, such as in Refer-To.
    pub fn escaped(&self) -> String {
        let text = self.to_string();
        format!("Replaces={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        if *early_only {
            f.write_str(";early-only")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_a_call_by_both_tags() {
        let read = Replaces::parse("12@h ;from-tag=f;to-tag=t;early-only").unwrap();
        assert!(read.early_only);
        assert_eq!(
            (read.key().local_tag, read.key().remote_tag),
            ("t".into(), "f".into())
        );
        assert_eq!(Replaces::parse(&read.to_string()).as_ref(), Some(&read));
        assert_eq!(Replaces::parse("12@h;to-tag=t"), None);
        assert_eq!(Replaces::parse(";to-tag=t;from-tag=f"), None);
        let ours = Replaces::of(&read.key());
        assert_eq!((ours.to_tag.as_str(), ours.from_tag.as_str()), ("f", "t"));
        assert_eq!(
            ours.escaped(),
            "Replaces=12%40h%3Bto%2Dtag%3Df%3Bfrom%2Dtag%3Dt"
        );
        let tagless = DialogKey {
            remote_tag: String::new(),
            ..read.key()
        };
        assert_eq!(Replaces::of(&tagless).to_tag, "0");
    }
}
