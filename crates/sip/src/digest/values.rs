//! `WWW-Authenticate` and `Authorization` values.

use std::fmt;

use crate::quoted::split_outside_quotes;

use super::Algorithm;

/// What a server asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is wanted.
    pub realm: String,
    /// The server's text of the day.
    pub nonce: String,
    /// To be sent back untouched.
    pub opaque: Option<String>,
    /// Hash function.
    pub algorithm: Algorithm,
    /// Is `qop=auth` offered?
    pub counted: bool,
    /// The password was right and the nonce too old.
    pub stale: bool,
}

impl Challenge {
    /// The best of several, each in a line of its own: SHA-256 before MD5 (RFC 8760, section 2.4).
    pub fn best<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut all: Vec<Self> = lines.filter_map(Self::parse).collect();
        let best = all
            .iter()
            .position(|one| one.algorithm == Algorithm::Sha256);
        (!all.is_empty()).then(|| all.swap_remove(best.unwrap_or(0)))
    }

    /// Reads a challenge; `None` if it is not digest or its hash is unknown to us.
    pub fn parse(text: &str) -> Option<Self> {
        let fields = Fields::parse(text)?;
        Some(Self {
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            opaque: fields.get("opaque"),
            algorithm: fields.algorithm()?,
            counted: fields.get("qop").is_some_and(|qop| {
                qop.split(',')
                    .any(|q| q.trim().eq_ignore_ascii_case("auth"))
            }),
            stale: fields
                .get("stale")
                .is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }
}

impl Challenge {
    /// As short as it can be said: MD5 is what a challenge means that names no hash.
    pub fn to_brief(&self) -> String {
        let (realm, nonce) = (quote(&self.realm), quote(&self.nonce));
        let mut text = format!("Digest realm=\"{realm}\",nonce=\"{nonce}\"");
        if self.algorithm != Algorithm::Md5 {
            text.push_str(",algorithm=");
            text.push_str(self.algorithm.as_str());
        }
        if self.counted {
            text.push_str(",qop=\"auth\"");
        }
        if self.stale {
            text.push_str(",stale=true");
        }
        text
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest realm=\"{}\", nonce=\"{}\"",
            quote(&self.realm),
            quote(&self.nonce)
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{}\"", quote(opaque))?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if self.counted {
            f.write_str(", qop=\"auth\"")?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        Ok(())
    }
}

/// What a client answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub username: String,
    /// From the challenge.
    pub realm: String,
    /// From the challenge.
    pub nonce: String,
    /// The URI that was hashed.
    pub uri: String,
    /// The proof.
    pub response: String,
    /// Hash function.
    pub algorithm: Algorithm,
    /// Nonce count and client nonce under `qop=auth`.
    pub counted: Option<(String, String)>,
    /// From the challenge.
    pub opaque: Option<String>,
}

impl Credentials {
    /// Reads credentials; `None` if they are not digest, incomplete, or of an unknown hash.
    pub fn parse(text: &str) -> Option<Self> {
        let fields = Fields::parse(text)?;
        let counted = match fields.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                Some((fields.get("nc")?, fields.get("cnonce")?))
            }
            Some(_) => return None,
            None => None,
        };
        Some(Self {
            username: fields.get("username")?,
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            uri: fields.get("uri")?,
            response: fields.get("response")?,
            algorithm: fields.algorithm()?,
            counted,
            opaque: fields.get("opaque"),
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", \
             algorithm={}",
            quote(&self.username),
            quote(&self.realm),
            quote(&self.nonce),
            quote(&self.uri),
            self.response,
            self.algorithm.as_str(),
        )?;
        if let Some((nc, cnonce)) = &self.counted {
            write!(f, ", qop=auth, nc={nc}, cnonce=\"{}\"", quote(cnonce))?;
        }
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{}\"", quote(opaque))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(char::is_whitespace)?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let pieces = split_outside_quotes(rest, ',').take(MAX_FIELDS);
        let fields = pieces.filter_map(|piece| piece.split_once('='));
        Some(Self(
            fields
                .map(|(name, value)| (name.trim(), value.trim()))
                .collect(),
        ))
    }

    fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        let Some(quoted) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
            return Some((*value).to_owned());
        };
        let mut out = String::with_capacity(quoted.len());
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            out.push(if c == '\\' { chars.next()? } else { c });
        }
        Some(out)
    }

    fn algorithm(&self) -> Option<Algorithm> {
        self.get("algorithm")
            .map_or(Some(Algorithm::Md5), |text| Algorithm::parse(&text))
    }
}

fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// More than any challenge carries.
const MAX_FIELDS: usize = 32;
