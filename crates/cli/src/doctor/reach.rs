//! Telephones and names for the doctor.

use std::net::SocketAddr;

use async_trait::async_trait;
use trunkline_base::class::Class;
use trunkline_bridge::sip::{
    Inquiry, InquiryError, Resolver, SeenPort as Seen, Target, TlsOptions,
};
use trunkline_ops::doctor::{Echo, Reach, SeenPort, Silence, Trial, Way};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::locate::Means;
use trunkline_sip::uri::Uri;

use super::trial;
use crate::failure::{Failure, chain};
use crate::settings::Settings;

/// Asks with the gateway's own means.
pub(crate) struct Hands {
    settings: Settings,
    /// What a call of ours runs in, with the threads for sound that the daemon has.
    tasks: Tasks,
    resolver: Resolver,
    inquiry: Inquiry,
    /// Why nobody can be met inside TLS.
    no_tls: Option<String>,
}

impl Hands {
    pub(crate) fn new(settings: &Settings, tasks: Tasks) -> Result<Self, Failure> {
        let told = Inquiry::new(&settings.gateway.tls.options());
        let no_tls = told.as_ref().err().map(|error| chain(error));
        let plain = || Inquiry::new(&TlsOptions::default());
        let inquiry = told
            .or_else(|_| plain())
            .map_err(|error| Failure::new(Class::Unavailable, "doctor.tls", chain(&error)))?
            .bound_to(settings.gateway.udp.ip());
        let means = Means {
            transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls],
            v4: true,
            v6: settings.gateway.udp.is_ipv6(),
        };
        Ok(Self {
            settings: settings.clone(),
            tasks,
            resolver: Resolver::new(&[], means),
            inquiry,
            no_tls,
        })
    }

    async fn targets(&self, way: &Way) -> Result<(Uri, Vec<Target>), String> {
        let uri = Uri::parse(&way.uri).map_err(|error| error.to_string())?;
        let targets = self.resolver.resolve(&uri).await;
        Ok((uri, targets.map_err(|error| error.to_string())?))
    }
}

fn place(target: &Target) -> String {
    format!("{} {}", target.transport.word(), target.address)
}

#[async_trait]
impl Reach for Hands {
    async fn locate(&self, way: &Way) -> Result<Vec<String>, String> {
        let (_, targets) = self.targets(way).await?;
        Ok(targets.iter().map(place).collect())
    }

    /// The first place that answers; what is wrong with the first where none does.
    async fn ask(&self, way: &Way) -> Result<Echo, Silence> {
        let (uri, targets) = self.targets(way).await.map_err(Silence::Nowhere)?;
        let mut first = None;
        for target in targets.iter().take(PLACES) {
            if let Some(why) = self
                .no_tls
                .clone()
                .filter(|_| target.transport == Transport::Tls)
            {
                let place = place(target);
                return Err(Silence::Tls { place, why });
            }
            match self.inquiry.ask(&uri, target).await {
                Ok(answered) => return Ok(echo(target, answered)),
                Err(error) => {
                    first.get_or_insert_with(|| silence(target, &error));
                }
            }
        }
        Err(first.unwrap_or_else(|| Silence::Nowhere("its name leads nowhere".to_owned())))
    }

    async fn seen(&self, server: &str, from: SocketAddr) -> Result<SeenPort, String> {
        let Seen { at, open_to_others } = Seen::ask(server, from)
            .await
            .map_err(|error| chain(&error))?;
        Ok(SeenPort { at, open_to_others })
    }

    async fn call(&self) -> Result<Trial, String> {
        Box::pin(trial::call(&self.settings, &self.tasks)).await
    }
}

fn echo(target: &Target, answered: trunkline_bridge::sip::Answered) -> Echo {
    Echo {
        peer: target.address,
        transport: target.transport.word(),
        status: answered.status,
        reason: answered.reason,
        took: answered.took,
        software: answered.software,
        sent_from: answered.sent_from,
        received: answered
            .received
            .and_then(|ip| ip.trim_matches(['[', ']']).parse().ok()),
        rport: answered.rport,
        changed: answered.changed,
        odd_length: answered.odd_length,
        codecs: answered.codecs,
    }
}

fn silence(target: &Target, error: &InquiryError) -> Silence {
    let place = place(target);
    match error {
        InquiryError::Network(_) | InquiryError::NotSip => Silence::Refused {
            place,
            why: chain(error),
        },
        InquiryError::Tls(why) => Silence::Tls {
            place,
            why: why.to_string(),
        },
        InquiryError::Late => Silence::Late {
            place,
            after: Inquiry::PATIENCE,
        },
    }
}

/// Places of one name that are tried: each may take its whole patience.
const PLACES: usize = 3;
