//! Asks a SIP server for OPTIONS, once, from a socket of its own: is it there, and what became of our
//! headers on the way?
//!
//! The gateway's own socket is left alone: whoever is asked need not know this program, and an
//! answer to a question of somebody else's must not come to calls.

mod echo;
mod error;
mod exchange;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_service::listen::Certificates;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::locate::Target;
use trunkline_sip::message::{Headers, Message, Method, Request, RequestUri, Response, name};
use trunkline_sip::sdp::Session;
use trunkline_sip::uri::Uri;

use super::config::TlsOptions;
use super::signalling::{TlsClients, TlsError};
use echo::{changes, odd_length};
pub use error::InquiryError;
use error::PATIENCE;
use exchange::Line;

/// Asks.
#[derive(Clone)]
pub struct Inquiry {
    clients: Arc<TlsClients>,
    /// Where datagrams come from; any address that leads there without it.
    from: Option<IpAddr>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Status and its words.
    pub status: u16,
    /// The words.
    pub reason: String,
    /// From the question to the answer.
    pub took: Duration,
    /// What the peer calls itself.
    pub software: Option<String>,
    /// Our address, as we wrote it into Via.
    pub sent_from: SocketAddr,
    /// `received` of our Via: the address the peer saw.
    pub received: Option<String>,
    /// `rport` of our Via: the port it saw.
    pub rport: Option<u16>,
    /// Headers that came back otherwise than they were sent, in words.
    pub changed: Vec<String>,
    /// Content-Length and the length of the body, where they differ.
    pub odd_length: Option<(usize, usize)>,
    /// Codecs that the peer says it has (RFC 3261 11.2); most say none.
    pub codecs: Vec<String>,
}

impl Inquiry {
    /// How long an answer may take; four tries over UDP.
    pub const PATIENCE: Duration = PATIENCE;

    /// Believes whom the gateway believes, and shows what it shows.
    ///
    /// # Errors
    /// [`TlsError`] when a file that a peer names is of no use.
    pub fn new(tls: &TlsOptions) -> Result<Self, TlsError> {
        // One that cannot be read is shown to nobody.
        let own = tls
            .listen
            .as_ref()
            .and_then(|listen| Certificates::load(listen.certificate.clone()).ok());
        let (clients, _) = TlsClients::new(&tls.peers, own.as_ref())?;
        Ok(Self {
            clients: Arc::new(clients),
            from: None,
        })
    }

    /// Asks from where the gateway is bound, if that is one address: others may be known to nobody, or
    /// lead another way.
    #[must_use]
    pub fn bound_to(mut self, ip: IpAddr) -> Self {
        self.from = Some(ip.to_canonical()).filter(|ip| !ip.is_unspecified());
        self
    }

    /// Asks the server of a URI at one of its places.
    ///
    /// # Errors
    /// [`InquiryError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ask(&self, uri: &Uri, target: &Target) -> Result<Answered, InquiryError> {
        let asked = self.exchange(uri, target);
        let answered = tokio::time::timeout(Self::PATIENCE, asked).await;
        answered.unwrap_or(Err(InquiryError::Late))
    }

    async fn exchange(&self, uri: &Uri, target: &Target) -> Result<Answered, InquiryError> {
        let began = Instant::now();
        let identity = self.clients.identity(target.address, Some(&uri.host));
        let mut line = Line::open(target, self.from, &identity).await?;
        let local = line.local()?;
        let question = question(uri, target.transport, local);
        let sent = question.to_bytes();
        line.send(&sent).await?;
        loop {
            let raw = line.receive(&sent).await?;
            let Ok(Message::Response(response)) = trunkline_sip::message::parse(&raw) else {
                continue;
            };
            if response.status < 200 || !is_ours(&question.headers, &response) {
                continue;
            }
            return Ok(answered(
                &question.headers,
                response,
                &raw,
                local,
                began.elapsed(),
            ));
        }
    }
}

/// The transaction tells: whoever changes headers leaves it alone, or nothing would work at all.
fn is_ours(sent: &Headers, response: &Response) -> bool {
    let branch = |headers: &Headers| headers.via().map(|via| via.branch().to_owned()).ok();
    let cseq = response
        .headers
        .cseq()
        .is_ok_and(|cseq| cseq.method == Method::Options);
    cseq && branch(sent) == branch(&response.headers)
}

fn answered(
    sent: &Headers,
    response: Response,
    raw: &Bytes,
    sent_from: SocketAddr,
    took: Duration,
) -> Answered {
    let headers = &response.headers;
    let via = headers.via().ok();
    let param = |name: &str| via.as_ref().and_then(|via| via.params.get(name));
    let software = headers
        .get(name::SERVER)
        .or_else(|| headers.get(name::USER_AGENT));
    Answered {
        status: response.status,
        took,
        software: software.map(str::to_owned),
        sent_from,
        received: param("received").map(str::to_owned),
        rport: param("rport").and_then(|port| port.parse().ok()),
        changed: changes(sent, headers),
        odd_length: odd_length(headers, raw),
        codecs: codecs(&response.body),
        reason: response.reason,
    }
}

/// What a description of the peer's own would take: its codecs for sound.
fn codecs(body: &[u8]) -> Vec<String> {
    let Ok(session) = Session::parse(body) else {
        return Vec::new();
    };
    let sound = session.media.iter().filter(|media| media.kind == "audio");
    let named = sound.flat_map(|media| {
        let types = media
            .formats
            .iter()
            .filter_map(|format| format.parse().ok());
        types.filter_map(|payload_type| media.encoding(payload_type))
    });
    let names = named.map(|(name, _)| name.to_ascii_uppercase());
    names
        .filter(|name| name != "TELEPHONE-EVENT" && name != "CN")
        .collect()
}

/// Our address stands in every header where a router that meddles would look for it.
fn question(uri: &Uri, transport: Transport, local: SocketAddr) -> Request {
    let mut contact = Uri::sip(Some("doctor"), local);
    if let Some(word) = transport.parameter() {
        contact.params.set("transport", Some(word));
    }
    let from = Uri::sip(Some("doctor"), local);
    let mark = || format!("{:016x}", rand::random::<u64>());
    let mut headers = Headers::new();
    let via = format!(
        "SIP/2.0/{} {local};branch=z9hG4bK{};rport",
        transport.as_str(),
        mark()
    );
    headers.push(name::VIA, via);
    headers.push(name::MAX_FORWARDS, "70");
    headers.push(name::FROM, format!("<{from}>;tag={}", mark()));
    headers.push(name::TO, format!("<{uri}>"));
    headers.push(name::CALL_ID, format!("{}@{}", mark(), local.ip()));
    headers.push(name::CSEQ, "1 OPTIONS");
    headers.push(name::CONTACT, format!("<{contact}>"));
    headers.push("Accept", "application/sdp");
    headers.push(
        name::USER_AGENT,
        concat!("trunkline/", env!("CARGO_PKG_VERSION")),
    );
    Request {
        method: Method::Options,
        uri: RequestUri::Known(uri.clone()),
        headers,
        body: Bytes::new(),
    }
}

#[cfg(test)]
mod tests;
