//! The media flags that trunks, rules and calls share.

use clap::{Args, ValueEnum};
use livekit_protocol as proto;
use livekit_protocol::SipMediaEncryption;
use trunkline_base::class::Class;

use super::shared::list;
use crate::failure::Failure;

/// Encryption of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encryption {
    /// None
    #[value(alias = "SIP_MEDIA_ENCRYPT_DISABLE")]
    Disable,
    /// Where the other side can
    #[value(alias = "SIP_MEDIA_ENCRYPT_ALLOW")]
    Allow,
    /// Or no call
    #[value(alias = "SIP_MEDIA_ENCRYPT_REQUIRE")]
    Require,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Media {
    /// Encryption of the call's media
    #[arg(long, value_enum, ignore_case = true, value_name = "WHEN")]
    media_enc: Option<Encryption>,
    /// Only the codecs listed
    #[arg(long, requires = "codecs")]
    no_default_codecs: bool,
    /// Codecs, as name or name/rate
    #[arg(long, value_name = "CODEC", value_delimiter = ',')]
    codecs: Option<Vec<String>>,
}

impl Media {
    /// The setting, when a flag says anything.
    pub(super) fn config(&self) -> Result<Option<proto::SipMediaConfig>, Failure> {
        let codecs = list(self.codecs.clone());
        if self.media_enc.is_none() && codecs.is_none() {
            return Ok(None);
        }
        let codecs: Vec<proto::SipCodec> = codecs
            .unwrap_or_default()
            .iter()
            .map(|text| codec(text))
            .collect::<Result<_, _>>()?;
        Ok(Some(proto::SipMediaConfig {
            only_listed_codecs: self.no_default_codecs,
            codecs,
            encryption: self.encryption(),
            ..proto::SipMediaConfig::default()
        }))
    }

    /// As servers before the media setting read it.
    pub(super) fn encryption(&self) -> Option<i32> {
        self.media_enc.map(|encryption| match encryption {
            Encryption::Disable => SipMediaEncryption::SipMediaEncryptDisable.into(),
            Encryption::Allow => SipMediaEncryption::SipMediaEncryptAllow.into(),
            Encryption::Require => SipMediaEncryption::SipMediaEncryptRequire.into(),
        })
    }
}

/// The word of an encryption in a table.
pub(super) fn word(encryption: i32) -> &'static str {
    SipMediaEncryption::try_from(encryption)
        .unwrap_or_default()
        .as_str_name()
        .trim_start_matches("SIP_MEDIA_ENCRYPT_")
}

fn codec(text: &str) -> Result<proto::SipCodec, Failure> {
    let (name, rate) = match text.split_once('/') {
        None => (text, Some(0)),
        Some((name, rate)) => (name, rate.parse().ok()),
    };
    match rate {
        Some(rate) if !name.is_empty() => Ok(proto::SipCodec {
            name: name.to_owned(),
            rate,
        }),
        _ => {
            let text = format!("--codecs: {text:?} is no codec");
            Err(Failure::new(Class::Invalid, "cli.codec", text).or_else("write PCMU or PCMU/8000"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_a_name_and_may_have_a_rate() {
        let rate = |text| codec(text).map(|codec| codec.rate).ok();
        assert_eq!(rate("PCMU"), Some(0));
        assert_eq!(rate("PCMU/8000"), Some(8000));
        assert_eq!(rate("/8000"), None);
        assert_eq!(rate("PCMU/fast"), None);
        assert_eq!(rate("PCMU/8000/2"), None);
    }
}
