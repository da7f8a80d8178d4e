//! The calls of a process that was killed: those that can go on do, and the others are said goodbye to,
//! so that nobody is billed for a call without anybody in it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info, warn};
use trunkline_base::id::{CallId, TrunkId};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::{Endpoint, LegId, LegSecrets};
use trunkline_store::Store;

use super::clock::now;
use super::config::GatewayConfig;
use super::journal::{Found, Journal, KeptCall};
use super::signalling::{Command, Keeping, Line, Owner, line};

/// A call that goes on, for whoever runs it.
pub(crate) struct Returning {
    pub(crate) call: CallId,
    pub(crate) line: Line,
    pub(crate) kept: Box<KeptCall>,
}

/// The journal, and what came of the calls in it.
pub(crate) struct Returned {
    pub(crate) journal: Option<Journal>,
    pub(crate) keeping: Keeping,
    /// The calls that go on, and where signalling tells their events.
    pub(crate) calls: Vec<Returning>,
    pub(crate) legs: Vec<(LegId, Owner)>,
    /// Who was dialled inside TLS, by where they are.
    pub(crate) names: Vec<(SocketAddr, String)>,
}

/// Puts the calls of the journal back into the endpoint, before that hears anything: what comes for them
/// from now on finds them.
pub(crate) async fn bring_back(
    config: &GatewayConfig,
    store: &Store,
    endpoint: &mut Endpoint,
    commands: &mpsc::Sender<Command>,
) -> Returned {
    let options = config.journal.as_ref();
    let journal = options.map(|options| Journal::new(store.clone(), options.key.clone()));
    let mut returned = Returned {
        keeping: Keeping::new(journal.clone()),
        journal: journal.clone(),
        calls: Vec::new(),
        legs: Vec::new(),
        names: Vec::new(),
    };
    let (Some(journal), Some(options)) = (journal, options) else {
        return returned;
    };
    let found = match journal.read().await {
        Ok(found) => found,
        Err(error) => {
            error!(%error, "the journal of calls cannot be read; their phones are not told");
            return returned;
        }
    };
    let all = found.len();
    for one in found {
        match restore(one, options.within, endpoint, &mut returned) {
            Ok((leg, call, kept)) => {
                let trunk = TrunkId::parse(kept.trunk_id.as_str()).ok();
                // A phone that was dialled in the place of another has a call of its own in the books.
                let books = kept.account.as_ref();
                let books = books.map_or_else(|| call.as_str(), |account| account.call.as_str());
                let (line, owner) = line(leg, (books.into(), trunk), commands);
                returned.legs.push((leg, owner));
                returned.calls.push(Returning { call, line, kept });
            }
            Err(Lost { records, why }) => tell_lost(&journal, &records, why),
        }
    }
    let rang = end_ringing(&journal, endpoint, &mut returned).await;
    if rang > 0 {
        info!(rang, "brought to an end what rang before a restart");
    }
    if all > 0 {
        let going_on = returned.calls.len();
        info!(calls = all, going_on, "came back to calls after a restart");
    }
    returned
}

impl Returned {
    /// Whoever is connected to for this one must be that domain.
    fn dialled(&mut self, leg: LegId, remote: SocketAddr, domain: Option<String>) {
        if let Some(domain) = domain {
            self.keeping.dialled(leg, &domain);
            self.names.push((remote, domain));
        }
    }
}

/// Those who called hear 503, and those we called CANCEL: nobody is there for what would come of it.
async fn end_ringing(journal: &Journal, endpoint: &mut Endpoint, returned: &mut Returned) -> usize {
    let found = match journal.ringing().await {
        Ok(found) => found,
        Err(error) => {
            error!(%error, "who rang before the restart cannot be read, and is not told");
            return 0;
        }
    };
    let all = found.len();
    for (call, found) in found {
        // One that was answered as the process ended has come back.
        let found = found.filter(|_| !returned.keeping.knows(&call));
        let ended = found.and_then(|(invite, domain)| {
            let leg = endpoint.bring_to_end(&invite, now())?;
            returned.dialled(leg, invite.remote(), domain);
            Some(leg)
        });
        match ended {
            Some(leg) => returned.keeping.adopt_ringing(leg, call),
            None => returned.keeping.forget_ringing(&call),
        }
    }
    all
}

/// Writes down that a call does not go on, and why; in all the records that it has.
fn tell_lost(journal: &Journal, records: &[CallId], why: &'static str) {
    for call in records {
        warn!(%call, why, "a call of before the restart does not go on");
        count(Counter::CallsResumed, 1, &[("outcome", why)]);
        journal.give_up(call, why);
    }
}

/// The records of a call: its own, and that of a phone that was dialled in the place of another.
fn records(call: &CallId, kept: &KeptCall) -> Vec<CallId> {
    let account = kept.account.as_ref();
    let account = account.and_then(|account| CallId::parse(account.call.as_str()).ok());
    std::iter::once(call.clone()).chain(account).collect()
}

/// What has to be known of a call to part with it, should it not go on.
pub(crate) struct Parting {
    records: Vec<CallId>,
    leg: LegId,
    commands: mpsc::Sender<Command>,
    journal: Option<Journal>,
}

impl Returning {
    pub(crate) fn parting(&self, journal: Option<Journal>) -> Parting {
        Parting {
            records: records(&self.call, &self.kept),
            leg: self.line.leg,
            commands: self.line.commands.clone(),
            journal,
        }
    }
}

impl Parting {
    /// It does not go on: its phone hears why, and its record has it.
    pub(crate) async fn part(self, why: &'static str) {
        let (leg, headers) = (self.leg, goodbye(why));
        // Signalling that is gone has said goodbye itself.
        let _gone = self.commands.send(Command::Hangup { leg, headers }).await;
        if let Some(journal) = self.journal {
            tell_lost(&journal, &self.records, why);
        }
    }
}

/// Says that a call goes on.
pub(crate) fn tell_going_on() {
    count(Counter::CallsResumed, 1, &[("outcome", "goes_on")]);
    info!("the call goes on after a restart");
}

type Restored = (LegId, CallId, Box<KeptCall>);

/// What does not go on.
struct Lost {
    records: Vec<CallId>,
    why: &'static str,
}

/// Puts one back; who cannot go on gets a BYE, where it is known how.
fn restore(
    found: Found,
    within: Duration,
    endpoint: &mut Endpoint,
    returned: &mut Returned,
) -> Result<Restored, Lost> {
    let Found {
        tag,
        call,
        dialog,
        domain,
        rest,
    } = found;
    let mut lost = Lost {
        records: call.iter().cloned().collect(),
        why: "journal_unreadable",
    };
    let Some((kept, away)) = dialog else {
        returned.keeping.forget(&tag);
        return Err(lost);
    };
    let (secrets, rest) = match rest {
        Ok((secrets, kept)) => {
            lost.records = call.iter().flat_map(|call| records(call, &kept)).collect();
            let goes_on = (away < within).then_some(kept);
            (secrets, goes_on.ok_or("away_too_long"))
        }
        Err(why) => (LegSecrets::default(), Err(why)),
    };
    let Some(leg) = endpoint.restore(&kept, secrets, away, now()) else {
        returned.keeping.forget(&tag);
        return Err(lost);
    };
    returned.dialled(leg, kept.remote(), domain);
    returned.keeping.adopt(leg, tag);
    match (rest, call) {
        (Ok(kept), Some(call)) => Ok((leg, call, kept)),
        (rest, _) => {
            lost.why = rest.err().unwrap_or(lost.why);
            // It is there: it was restored a moment ago.
            let _ = endpoint.hangup(leg, goodbye(lost.why), now());
            Err(lost)
        }
    }
}

/// The Reason of a BYE to a call that was lost with its process (RFC 3326): temporary failure.
fn goodbye(why: &str) -> Vec<(String, String)> {
    let reason = format!("Q.850;cause=41;text=\"{}\"", why.replace('_', " "));
    vec![("Reason".to_owned(), reason)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use trunkline_base::id::RoomName;
    use trunkline_base::time::UnixTime;
    use trunkline_base::token::{ApiKey, KeyRing};
    use trunkline_sip::endpoint::{EndpointConfig, Event, Flow, Standing, Transport};
    use trunkline_store::{CallStart, Direction, Row};

    use super::super::config::JournalOptions;
    use super::super::seal::JournalKey;
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new(EndpointConfig::new("test"), [1; 32], now())
    }

    /// An endpoint with a call that is up, and our tag in it.
    fn with_a_call() -> (Endpoint, String) {
        let mut endpoint = endpoint();
        let (leg, tag) = rings(&mut endpoint, "c1");
        endpoint.accept(leg, "v=0".into(), &[], now()).unwrap();
        (endpoint, tag)
    }

    /// Somebody calls, and was let in.
    fn rings(endpoint: &mut Endpoint, id: &str) -> (LegId, String) {
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:5060".parse().unwrap(),
        };
        let text = format!(
            "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{id}\r\n\
             From: <sip:200@192.0.2.9>;tag=them\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: {id}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:200@192.0.2.9>\r\nContent-Length: 0\r\n\r\n"
        );
        endpoint.handle_input(flow, text.as_bytes(), now());
        let Some(Event::Invited(invitation)) = endpoint.poll_event() else {
            panic!("not invited")
        };
        endpoint.admit(&invitation, Standing::Known, now()).unwrap()
    }

    /// What comes back in another process, and what that says.
    async fn again(store: &Store, key: JournalKey) -> (Returned, Endpoint, Vec<String>) {
        let ring = KeyRing::from(ApiKey::new("devkey", "secret"));
        let mut config = GatewayConfig::new("ws://127.0.0.1:1", ring);
        let within = Duration::from_secs(30);
        config.journal = Some(JournalOptions { key, within });
        let (commands, _wishes) = mpsc::channel(1);
        let mut reborn = endpoint();
        let returned = bring_back(&config, store, &mut reborn, &commands).await;
        let mut said = Vec::new();
        while let Some(sent) = reborn.poll_transmit() {
            said.push(String::from_utf8_lossy(&sent.bytes).into_owned());
        }
        assert!(store.written(PATIENCE).await);
        (returned, reborn, said)
    }

    /// Its first phone was on its way out when the process died: that one is hung up, and the call goes
    /// on with the other.
    #[tokio::test]
    async fn a_call_goes_on_by_the_dialog_of_the_phone_that_took_it_over() {
        let store = Store::open(":memory:").await.unwrap();
        let (mut endpoint, first) = with_a_call();
        let (other, tag) = rings(&mut endpoint, "c2");
        endpoint.accept(other, "v=0".into(), &[], now()).unwrap();
        let call = CallId::parse(first.as_str()).unwrap();
        let key = JournalKey::fresh();
        let journal = Journal::new(store.clone(), key.clone());
        Keeping::new(Some(journal.clone())).look(&endpoint, now());
        let kept = KeptCall {
            dialog: Some(tag.clone()),
            ..sample()
        };
        journal.keep_call(&call, &kept);
        store.later(Row::CallStarted(started(&call)));
        assert!(store.written(PATIENCE).await);
        let (returned, reborn, said) = again(&store, key).await;
        let [back] = returned.calls.as_slice() else {
            panic!("one call goes on")
        };
        assert_eq!(back.call, call);
        assert_eq!(reborn.mark(back.line.leg).unwrap().0, tag);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("BYE ") && said[0].contains("Call-ID: c1"));
        let row = store.calls().get(&first).await.unwrap().unwrap();
        assert_eq!(row.ended_at, None);
    }

    #[tokio::test]
    async fn who_rang_hears_a_final_answer_and_it_is_crossed_out() {
        let store = Store::open(":memory:").await.unwrap();
        let (mut endpoint, _) = with_a_call();
        let (leg, _) = rings(&mut endpoint, "c2");
        let key = JournalKey::fresh();
        let journal = Journal::new(store.clone(), key.clone());
        let mut keeping = Keeping::new(Some(journal.clone()));
        keeping.look(&endpoint, now());
        keeping.look_at(leg, &endpoint, now());
        assert!(store.written(PATIENCE).await);
        assert_eq!(journal.ringing().await.unwrap().len(), 1);
        let (mut returned, reborn, said) = again(&store, key).await;
        let refused = said.iter().filter(|one| one.starts_with("SIP/2.0 503"));
        assert_eq!(refused.count(), 1, "{said:?}");
        returned.keeping.look(&reborn, now());
        assert!(store.written(PATIENCE).await);
        assert!(journal.ringing().await.unwrap().is_empty());
    }

    /// Writes the call down with one key, comes back with another, and gives what goes out and the
    /// call's reason in the store.
    async fn lost(keys: [JournalKey; 2], within: Duration, kept: bool) -> (String, String) {
        let store = Store::open(":memory:").await.unwrap();
        let (endpoint, tag) = with_a_call();
        let call = CallId::parse(tag.as_str()).unwrap();
        let [first, second] = keys;
        let journal = Journal::new(store.clone(), first);
        let mut keeping = Keeping::new(Some(journal.clone()));
        keeping.look(&endpoint, now());
        if kept {
            journal.keep_call(&call, &sample());
        }
        store.later(Row::CallStarted(started(&call)));
        assert!(store.written(PATIENCE).await);
        let ring = KeyRing::from(ApiKey::new("devkey", "secret"));
        let mut config = GatewayConfig::new("ws://127.0.0.1:1", ring);
        config.journal = Some(JournalOptions {
            key: second,
            within,
        });
        let (commands, _wishes) = mpsc::channel(1);
        let mut reborn = self::endpoint();
        let returned = bring_back(&config, &store, &mut reborn, &commands).await;
        assert!(returned.calls.is_empty());
        let sent = reborn.poll_transmit().expect("a BYE");
        let sent = String::from_utf8_lossy(&sent.bytes).into_owned();
        assert!(store.written(PATIENCE).await);
        let row = store.calls().get(&tag).await.unwrap().unwrap();
        let left = store.journal().all().await.unwrap();
        assert!(
            left[&tag].call.is_none() && left[&tag].dialog.is_some(),
            "until it is heard"
        );
        (sent, row.end_reason.unwrap())
    }

    #[tokio::test]
    async fn calls_that_cannot_go_on_are_told_why_and_so_is_the_record() {
        let long = Duration::from_secs(30);
        let (key, other) = (JournalKey::fresh(), JournalKey::fresh());
        for (second, within, kept, reason) in [
            (&other, long, true, "journal_key_lost"),
            (&key, long, false, "journal_incomplete"),
            (&key, Duration::ZERO, true, "away_too_long"),
        ] {
            let keys = [key.clone(), second.clone()];
            let (sent, written) = lost(keys, within, kept).await;
            assert_eq!(written, reason);
            let words = format!("text=\"{}\"", reason.replace('_', " "));
            assert!(sent.starts_with("BYE ") && sent.contains(&words), "{sent}");
        }
    }

    fn sample() -> KeptCall {
        KeptCall {
            direction: Direction::Inbound,
            room: "lobby".to_owned(),
            identity: "sip_200".to_owned(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            room_config: None,
            attributes_to_headers: BTreeMap::new(),
            caller: "200".to_owned(),
            called: "100".to_owned(),
            trunk_id: "ST_1".to_owned(),
            trunk_mark: String::new(),
            rule_id: "SDR_1".to_owned(),
            source: "192.0.2.9".parse().unwrap(),
            began: UnixTime(1),
            answered: UnixTime(2),
            longest_ms: 1,
            media_timeout_ms: 1,
            dialog: None,
            account: None,
            sound: None,
        }
    }

    fn started(call: &CallId) -> CallStart {
        CallStart {
            call_id: call.clone(),
            room: RoomName::parse("lobby").ok(),
            direction: Direction::Inbound,
            caller: "200".into(),
            called: "100".into(),
            trunk_id: "ST_1".to_owned(),
            rule_id: "SDR_1".to_owned(),
            at: UnixTime(1),
        }
    }

    const PATIENCE: Duration = Duration::from_secs(5);
}
