//! What was agreed on of a call's sound, as it is written down.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use trunkline_sip::sdp::{
    Agreement, Codec, Direction, Encryption, Keys, Local, LocalCrypto, OpusWishes,
};
use trunkline_sip::srtp::{Lifetime, MasterKey, Mki, Suite};

/// Our side of the description, and what came of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptLocal {
    address: SocketAddr,
    codecs: Vec<String>,
    session_id: u64,
    version: u64,
    direction: String,
    encryption: String,
    keys: Vec<KeptKey>,
    agreement: KeptAgreement,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptAgreement {
    codec: String,
    payload_type: u8,
    telephone_event: Option<(u8, u32)>,
    comfort_noise: Option<u8>,
    fec: bool,
    max_bitrate: Option<u32>,
    remote: Option<SocketAddr>,
    remote_rtcp: Option<SocketAddr>,
    ptime: u8,
    max_ptime: u8,
    direction: String,
    ours: Option<KeptKey>,
    theirs: Vec<KeptKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptKey {
    suite: String,
    key: Vec<u8>,
    mki: Option<Vec<u8>>,
    lifetime: Option<u64>,
}

impl KeptLocal {
    pub(crate) fn of(local: &Local, agreement: &Agreement) -> Self {
        Self {
            address: local.address,
            codecs: local
                .codecs
                .iter()
                .map(|one| one.name().to_owned())
                .collect(),
            session_id: local.session_id,
            version: local.version,
            direction: local.direction.as_str().to_owned(),
            encryption: local.crypto.encryption.as_str().to_owned(),
            keys: local.crypto.keys.iter().map(KeptKey::of).collect(),
            agreement: KeptAgreement::of(agreement),
        }
    }

    /// Where we take media.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// As it was; `None` for what was not written here.
    pub(crate) fn read(&self) -> Option<(Local, Agreement)> {
        let codecs = self.codecs.iter().map(|name| Codec::parse(name));
        let keys = self.keys.iter().map(KeptKey::read);
        let local = Local {
            address: self.address,
            codecs: codecs.collect::<Option<_>>()?,
            session_id: self.session_id,
            version: self.version,
            direction: direction(&self.direction)?,
            crypto: LocalCrypto {
                encryption: encryption(&self.encryption)?,
                keys: keys.collect::<Option<_>>()?,
            },
        };
        Some((local, self.agreement.read()?))
    }
}

impl KeptAgreement {
    fn of(agreement: &Agreement) -> Self {
        let keys = agreement.keys.as_deref();
        Self {
            codec: agreement.codec.name().to_owned(),
            payload_type: agreement.payload_type,
            telephone_event: agreement.telephone_event,
            comfort_noise: agreement.comfort_noise,
            fec: agreement.opus.fec,
            max_bitrate: agreement.opus.max_bitrate,
            remote: agreement.remote,
            remote_rtcp: agreement.remote_rtcp,
            ptime: agreement.ptime,
            max_ptime: agreement.max_ptime,
            direction: agreement.direction.as_str().to_owned(),
            ours: keys.map(|keys| KeptKey::of(&keys.ours)),
            theirs: keys.map_or_else(Vec::new, |keys| {
                keys.theirs.iter().map(KeptKey::of).collect()
            }),
        }
    }

    fn read(&self) -> Option<Agreement> {
        let theirs = self.theirs.iter().map(KeptKey::read);
        let theirs: Vec<MasterKey> = theirs.collect::<Option<_>>()?;
        let keys = match &self.ours {
            None => None,
            Some(ours) if !theirs.is_empty() => Some(Box::new(Keys {
                ours: ours.read()?,
                theirs,
            })),
            Some(_) => return None,
        };
        Some(Agreement {
            codec: Codec::parse(&self.codec)?,
            payload_type: self.payload_type,
            telephone_event: self.telephone_event,
            comfort_noise: self.comfort_noise,
            opus: OpusWishes {
                fec: self.fec,
                max_bitrate: self.max_bitrate,
            },
            remote: self.remote,
            remote_rtcp: self.remote_rtcp,
            ptime: self.ptime,
            max_ptime: self.max_ptime,
            direction: direction(&self.direction)?,
            keys,
        })
    }
}

impl KeptKey {
    fn of(key: &MasterKey) -> Self {
        Self {
            suite: key.suite().name().to_owned(),
            key: key.expose().to_vec(),
            mki: key.mki.as_ref().map(|mki| mki.0.clone()),
            lifetime: key.lifetime.map(|lifetime| lifetime.0),
        }
    }

    fn read(&self) -> Option<MasterKey> {
        let mut key = MasterKey::new(Suite::parse(&self.suite)?, self.key.clone())?;
        key.mki = self.mki.clone().map(Mki);
        key.lifetime = self.lifetime.map(Lifetime);
        Some(key)
    }
}

fn direction(word: &str) -> Option<Direction> {
    let all = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    all.into_iter().find(|one| one.as_str() == word)
}

fn encryption(word: &str) -> Option<Encryption> {
    let all = [Encryption::Disable, Encryption::Allow, Encryption::Require];
    all.into_iter().find(|one| one.as_str() == word)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn all_that_was_agreed_on_is_read_as_it_was_written() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut key = |suite| MasterKey::generate(suite, &mut rng);
        let mut named = key(Suite::AeadAes256Gcm);
        named.mki = Some(Mki(vec![0, 7]));
        named.lifetime = Some(Lifetime(1 << 31));
        let local = Local {
            address: "192.0.2.1:10000".parse().unwrap(),
            codecs: Codec::ALL.to_vec(),
            session_id: 7,
            version: 9,
            direction: Direction::SendRecv,
            crypto: LocalCrypto {
                encryption: Encryption::Require,
                keys: vec![key(Suite::Aes128CmSha1_80), named.clone()],
            },
        };
        for (codec, direction, keyed) in [
            (Codec::Pcmu, Direction::SendRecv, false),
            (Codec::G722, Direction::RecvOnly, true),
            (Codec::Opus, Direction::Inactive, true),
            (Codec::Pcma, Direction::SendOnly, false),
        ] {
            let keys = keyed.then(|| {
                Box::new(Keys {
                    ours: local.crypto.keys[0].clone(),
                    theirs: vec![named.clone()],
                })
            });
            let agreement = Agreement {
                codec,
                payload_type: 96,
                telephone_event: Some((101, 48_000)),
                comfort_noise: Some(13),
                opus: OpusWishes {
                    fec: true,
                    max_bitrate: Some(20_000),
                },
                remote: Some("192.0.2.9:4000".parse().unwrap()),
                remote_rtcp: None,
                ptime: 30,
                max_ptime: 60,
                direction,
                keys,
            };
            let written = serde_json::to_string(&KeptLocal::of(&local, &agreement)).unwrap();
            let kept: KeptLocal = serde_json::from_str(&written).unwrap();
            let (ours, agreed) = kept.read().unwrap();
            assert_eq!(agreed, agreement);
            assert_eq!(ours.crypto, local.crypto);
            assert_eq!(
                (ours.address, ours.codecs, ours.session_id, ours.version),
                (local.address, local.codecs.clone(), 7, 9)
            );
        }
    }

    #[test]
    fn what_nobody_wrote_is_nothing() {
        let words = ["codec", "direction", "encryption"];
        let text = r#"{"address":"192.0.2.1:4","codecs":["PCMU"],"session_id":1,"version":1,
            "direction":"sendrecv","encryption":"allow","keys":[],"agreement":{"codec":"PCMU",
            "payload_type":0,"telephone_event":null,"comfort_noise":null,"fec":false,
            "max_bitrate":null,"remote":null,"remote_rtcp":null,"ptime":20,"max_ptime":60,
            "direction":"sendrecv","ours":null,"theirs":[]}}"#;
        let read = |text: &str| serde_json::from_str::<KeptLocal>(text).unwrap().read();
        assert!(read(text).is_some());
        for (word, bad) in words.iter().zip(["PCMU", "sendrecv", "allow"]) {
            assert!(read(&text.replace(bad, "other")).is_none(), "{word}");
        }
    }
}
