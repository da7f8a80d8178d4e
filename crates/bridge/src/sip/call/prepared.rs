//! A phone's side of a call's sound before it is in use.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rand::{Rng, SeedableRng};
use trunkline_sip::endpoint::Transport;
use trunkline_sip::sdp::{Codec, Encryption};

use super::super::load::Load;
use super::super::media::{NoPort, Ports, Setup};
use super::negotiate::Negotiation;

/// The two ends of a call's sound.
pub(super) struct Ends {
    /// Our address as the phone sees it.
    pub(super) ours: IpAddr,
    /// Where the phone's signalling comes from.
    pub(super) theirs: IpAddr,
    /// What carries it.
    pub(super) transport: Transport,
}

/// What a call's sound may be.
#[derive(Clone)]
pub(super) struct Sound {
    pub(super) codecs: Vec<Codec>,
    pub(super) encryption: Encryption,
    /// End of patience with a silent wire.
    pub(super) timeout: Duration,
    /// How hard Opus works.
    pub(super) complexity: u8,
}

/// One phone's side of a talk before it is in use: ports, and what is said of them.
pub(super) struct Prepared {
    pub(super) setup: Setup,
    pub(super) negotiation: Negotiation,
    /// What carries keys for all to read.
    pub(super) in_the_open: Option<Transport>,
}

impl Prepared {
    /// What is offered to whoever is there.
    pub(super) fn offer(&mut self, ends: &Ends) -> Bytes {
        self.negotiation.speak_from(ends.ours);
        self.setup.host = ends.theirs;
        self.setup.ours.set_ip(ends.ours);
        self.in_the_open = Some(ends.transport).filter(|transport| !transport.is_encrypted());
        self.negotiation.proposed()
    }

    /// Opens ports at the address that SIP is bound to.
    pub(super) async fn open(
        (ports, bound, load): (&Ports, IpAddr, &Load),
        ends: &Ends,
        sound: &Sound,
    ) -> Result<Self, NoPort> {
        let pair = ports.bind(bound).await?;
        pair.settle().await;
        let mut rng = rand::rngs::StdRng::from_os_rng();
        let address = SocketAddr::new(ends.ours, pair.port);
        let (codecs, session) = (sound.codecs.clone(), rng.random_range(1..1 << 48));
        Ok(Self {
            negotiation: Negotiation::new(address, codecs, sound.encryption, session)
                .at(ports.home().clone()),
            setup: Setup {
                pair,
                ours: address,
                host: ends.theirs,
                media_timeout: sound.timeout,
                complexity: sound.complexity,
                start: (rng.random(), rng.random::<u16>() & 0x7fff, rng.random()),
                cname: format!("trunkline@{}", ends.ours),
                load: load.enter(),
            },
            in_the_open: Some(ends.transport).filter(|transport| !transport.is_encrypted()),
        })
    }
}
