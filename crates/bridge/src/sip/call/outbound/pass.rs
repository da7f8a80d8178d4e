//! Dialling in the place of a phone that passes its call on (REFER to us, RFC 3515 and 5589).
//!
//! Nobody is dialled for strangers: the trunk of the call must allow it, the outbound trunk it names
//! is the only way out, and the guard judges the number like any other. Of a Refer-To nothing but whom
//! it names goes into the INVITE, and the call whose place that is to take.

use livekit_protocol as proto;
use proto::{SipRequestDest, sip_request_dest};
use tracing::{Instrument as _, info, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::{EndCause, Referral, Rejection, Transport};
use trunkline_sip::message::{Headers, NameAddr, name};
use trunkline_sip::q850;
use trunkline_sip::sdp::Agreement;
use trunkline_sip::uri::{NumberError, Params, Scheme};
use trunkline_store::{Direction, EndedBy, Row};

use super::super::super::config::Referrer;
use super::super::super::desk::wall_clock;
use super::super::super::signalling::{Command, LegEvent, Line, now, until as at};
use super::super::end::{End, reason};
use super::super::onward::{Account, Origin, PassNews, PassOrder, Successor};
use super::super::prepared::{Ends, Prepared};
use super::super::setup::Shared;
use super::order::{DialError, DialOrder};
use super::place::{invite, prepare};
use super::plan::Plan;
use super::route::{Route, is_of_place};
use super::verdict;

/// Dials, and hands the phone over that answers. Ends early when nobody waits any more.
pub(crate) async fn pass(order: PassOrder, shared: Shared) {
    let PassOrder {
        origin,
        referral,
        news,
    } = order;
    let plan = match plan(&origin, &referral, &shared) {
        Ok(plan) => plan,
        Err(rejection) => {
            let _gone = news.send(PassNews::Refused(rejection)).await;
            return;
        }
    };
    let span = tracing::info_span!("call", call = %plan.call_id);
    let dialling = async move {
        let (trunk, asked, sent) = plan.for_guard();
        let permit = match shared.guard.admit(&trunk, &asked, &sent) {
            Ok(permit) => permit,
            Err(denied) => {
                let rejection = refusal(403, &denied.to_string());
                let _gone = news.send(PassNews::Refused(rejection)).await;
                return;
            }
        };
        count(Counter::CallsStarted, 1, &[("direction", "outbound")]);
        shared.write(Row::CallStarted(plan.first_row()));
        let mut account = Account {
            journal: shared.journal(),
            call: plan.call_id.clone(),
            began: now(),
            answered: None,
            counted: (trunk, asked, sent),
            permit,
        };
        if news.send(PassNews::Begun).await.is_err() {
            return account.close("not_wanted", None, EndedBy::Gateway);
        }
        let dialled = Box::pin(dial(&plan, &shared, &news)).await;
        let answered = match dialled {
            Ok(answered) => answered,
            Err(Unanswered { status, why }) => {
                let by = status.map_or(EndedBy::Gateway, |_| EndedBy::Callee);
                account.close(why, status, by);
                let _gone = news.send(PassNews::Failed(status.unwrap_or(487))).await;
                return;
            }
        };
        account.answered = Some(now());
        account.permit.answered();
        let row = Row::CallAnswered(account.call.clone(), wall_clock());
        shared.write(row);
        hand_over(answered, (plan, account), &news).await;
    };
    dialling.instrument(span).await;
}

/// A phone that answered.
struct Answered {
    line: Line,
    prepared: Prepared,
    agreement: Agreement,
    headers: Box<Headers>,
}

/// Why none did.
struct Unanswered {
    status: Option<u16>,
    why: &'static str,
}

impl Unanswered {
    /// What the phone hears that rings no longer.
    fn reason(&self) -> Vec<(String, String)> {
        let cause = match self.status {
            Some(408) => 19,
            Some(status) => q850::cause(status).unwrap_or(q850::NORMAL_CLEARING),
            None => q850::NORMAL_CLEARING,
        };
        reason(cause, &self.why.replace('_', " "))
    }
}

type News = tokio::sync::mpsc::Sender<PassNews>;

async fn hand_over(answered: Answered, (plan, account): (Plan, Account), news: &News) {
    let Answered {
        line,
        prepared,
        agreement,
        headers,
    } = answered;
    let successor = PassNews::Answered(Box::new(Successor {
        line,
        prepared,
        agreement,
        headers,
        number: plan.callee,
        account,
    }));
    let Err(unwanted) = news.send(successor).await else {
        return;
    };
    if let PassNews::Answered(successor) = unwanted.0 {
        let Successor { line, account, .. } = *successor;
        let leg = line.leg;
        let headers = reason(q850::NORMAL_CLEARING, "not wanted any more");
        line.tell(Command::Hangup { leg, headers }).await;
        account.close("not_wanted", None, EndedBy::Gateway);
    }
}

/// Whom to dial, and over what, or why not.
fn plan(origin: &Origin, referral: &Referral, shared: &Shared) -> Result<Plan, Rejection> {
    let trunk = over(origin, &shared.referrers.borrow())?;
    let order = order(origin, referral, trunk)?;
    let lines = shared.lines_out.borrow().clone();
    let mut plan = Plan::new(order, &shared.config, &lines, &mut rand::rng())
        .map_err(|error| refusal(400, &error.to_string()))?;
    if referral.target.uri.scheme == Scheme::Sips && plan.transport != Some(Transport::Tls) {
        return Err(refusal(
            416,
            "sips: wants TLS, which the outbound trunk does not use",
        ));
    }
    plan.ringing = shared.config.ringing_timeout;
    Ok(plan)
}

/// The outbound trunk that calls of this one's trunk are passed on over.
fn over(origin: &Origin, referrers: &[Referrer]) -> Result<proto::SipOutboundTrunkInfo, Rejection> {
    let Some(key) = &origin.trunk else {
        return Err(refusal(
            403,
            "calls are passed on of trunks of the file only, by allow_refer",
        ));
    };
    let allows = |one: &&Referrer| one.direction == origin.direction && one.key == *key;
    let referrer = referrers.iter().find(allows);
    let referrer = referrer.ok_or_else(|| {
        let section = match origin.direction {
            Direction::Inbound => "trunks",
            Direction::Outbound => "outbound",
        };
        let text = format!("allow_refer is not set for {key} in {section}");
        refusal(403, &text)
    })?;
    Ok(referrer.over.clone())
}

/// The same as the API would ask for it.
fn order(
    origin: &Origin,
    referral: &Referral,
    trunk: proto::SipOutboundTrunkInfo,
) -> Result<DialOrder, Rejection> {
    let target = &referral.target.uri;
    let number = number(&referral.target).map_err(|flaw| {
        let text = format!("Refer-To: {flaw}");
        refusal(400, &text)
    })?;
    if number.is_empty() && referral.replaces.is_none() {
        return Err(refusal(400, "Refer-To names nobody"));
    }
    let mut request = proto::CreateSipParticipantRequest {
        sip_trunk_id: trunk.sip_trunk_id.clone(),
        sip_call_to: number,
        room_name: origin.room.to_string(),
        participant_identity: origin.identity.to_string(),
        ..Default::default()
    };
    if trunk.numbers.contains(&origin.number) {
        request.sip_number.clone_from(&origin.number);
    }
    let mut add = |name: &str, value: String| request.headers.insert(name.to_owned(), value);
    if let Some(by) = &referral.by {
        add(name::REFERRED_BY, by.to_string());
    }
    if let Some(replaces) = &referral.replaces {
        add(name::REPLACES, replaces.to_string());
        add(name::REQUIRE, "replaces".to_owned());
        // Who holds the call that is replaced is known by this address alone; the trunk's host is the
        // way there all the same.
        let uri = Some(sip_request_dest::Uri::Raw(target.to_string()));
        request.sip_request_uri = Some(SipRequestDest { uri });
    }
    Ok(DialOrder {
        request,
        trunk: Some(trunk),
    })
}

/// The number of an address. Without brackets the parameters of a number stand behind the address.
fn number(target: &NameAddr) -> Result<String, NumberError> {
    let mut uri = target.uri.clone();
    uri.params = Params::parse(&format!("{};{}", uri.params, target.params));
    uri.dialled()
}

fn refusal(status: u16, text: &str) -> Rejection {
    let text: String = text.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
    warn!(target: "audit", status, text, "a call is not passed on");
    Rejection::status(status).with(name::REASON, format!("SIP;cause={status};text=\"{text}\""))
}

/// Rings until somebody answers, nobody wants it any more, or it has rung for long enough.
async fn dial(plan: &Plan, shared: &Shared, news: &News) -> Result<Answered, Unanswered> {
    let rung = ring(plan, shared).await;
    let (mut route, mut prepared, mut line) = rung.map_err(unplaced)?;
    let until = now() + plan.ringing;
    let mut early = None;
    let mut told = 100;
    let end = loop {
        let patience = route.patience();
        let event = tokio::select! {
            biased;
            () = shared.ending() => break given_up(503, "drained"),
            () = news.closed() => break Unanswered { status: None, why: "not_wanted" },
            () = tokio::time::sleep_until(until.into()) => break given_up(408, "nobody_answered"),
            () = at(patience), if patience.is_some() => {
                let leg = line.leg;
                let headers = reason(q850::TIMER_EXPIRED, "no answer from this server");
                line.tell(Command::Hangup { leg, headers }).await;
                LegEvent::Ended(EndCause::Timeout)
            }
            event = line.next() => event,
        };
        route.hear(&event);
        match event {
            LegEvent::Ended(cause) if is_of_place(&cause) && route.goes_on() => {
                let offer = |ends: &Ends| prepared.offer(ends);
                let anew = invite(shared, plan, &mut route, offer).await;
                line = anew.map_err(unplaced)?;
            }
            LegEvent::Progress { status, body } => {
                early = prepared.negotiation.accept(&body).or(early);
                if std::mem::replace(&mut told, status) != status {
                    let _gone = news.send(PassNews::Progress(status)).await;
                }
            }
            LegEvent::Answered { headers, body } => {
                let agreement = prepared.negotiation.accept(&body);
                let Some(agreement) = agreement.or_else(|| early.take_if(|_| body.is_empty()))
                else {
                    break given_up(488, "no_common_media");
                };
                return Ok(Answered {
                    line,
                    prepared,
                    agreement,
                    headers,
                });
            }
            LegEvent::Ended(cause) => {
                return Err(match cause {
                    EndCause::Refused(status) => given_up(status, verdict::word(status)),
                    other => given_up(408, End::Phone(other).word()),
                });
            }
            _ => {}
        }
    };
    let leg = line.leg;
    line.tell(Command::Hangup {
        leg,
        headers: end.reason(),
    })
    .await;
    Err(end)
}

const fn given_up(status: u16, why: &'static str) -> Unanswered {
    Unanswered {
        status: Some(status),
        why,
    }
}

/// The INVITE.
async fn ring(plan: &Plan, shared: &Shared) -> Result<(Route, Prepared, Line), DialError> {
    let mut route = Route::find(plan, shared).await?;
    let mut prepared = prepare(plan, shared, route.at()).await?;
    let offer = |ends: &Ends| prepared.offer(ends);
    let line = invite(shared, plan, &mut route, offer).await?;
    info!("whom the call is passed on to is called");
    Ok((route, prepared, line))
}

fn unplaced(error: DialError) -> Unanswered {
    Unanswered {
        status: Some(status(&error)),
        why: "not_placed",
    }
}

/// What the phone hears of an INVITE that never went out.
fn status(error: &DialError) -> u16 {
    error.sip().map_or(503, |(status, _)| status)
}

#[cfg(test)]
mod tests {
    use trunkline_base::id::{ParticipantIdentity, RoomName};
    use trunkline_sip::dialog::Replaces;
    use trunkline_sip::routing::mark;

    use super::*;

    fn origin(direction: Direction, trunk: Option<&str>) -> Origin {
        Origin {
            direction,
            trunk: trunk.map(str::to_owned),
            number: "+15550100".to_owned(),
            room: RoomName::parse("lobby").unwrap(),
            identity: ParticipantIdentity::parse("caller").unwrap(),
        }
    }

    fn trunk() -> proto::SipOutboundTrunkInfo {
        proto::SipOutboundTrunkInfo {
            sip_trunk_id: "ST_out".to_owned(),
            metadata: mark::mark("out", ""),
            address: "192.0.2.7:5070".to_owned(),
            numbers: vec!["+15550199".to_owned(), "+15550100".to_owned()],
            ..Default::default()
        }
    }

    fn referral(to: &str, replaces: Option<&str>) -> Referral {
        Referral {
            target: NameAddr::parse(to).unwrap(),
            replaces: replaces.and_then(Replaces::parse),
            by: NameAddr::parse("<sip:boss@pbx.example>"),
        }
    }

    fn reason(rejection: &Rejection) -> String {
        let reason = rejection.headers.iter().find(|(name, _)| name == "Reason");
        reason.map(|(_, text)| text.clone()).unwrap_or_default()
    }

    #[test]
    fn a_call_is_passed_on_where_its_trunk_allows_that_and_over_the_trunk_it_names() {
        let referrers = [Referrer {
            direction: Direction::Inbound,
            key: "pbx".to_owned(),
            over: trunk(),
        }];
        let way = over(&origin(Direction::Inbound, Some("pbx")), &referrers);
        assert_eq!(way.unwrap().address, "192.0.2.7:5070");
        for (stranger, words) in [
            (
                origin(Direction::Outbound, Some("pbx")),
                "for pbx in outbound",
            ),
            (
                origin(Direction::Inbound, Some("other")),
                "for other in trunks",
            ),
            (origin(Direction::Inbound, None), "allow_refer"),
        ] {
            let refused = over(&stranger, &referrers).unwrap_err();
            assert_eq!(refused.status, 403);
            let reason = reason(&refused);
            assert!(
                reason.contains("allow_refer") && reason.contains(words),
                "{reason}"
            );
        }
    }

    #[test]
    fn the_number_goes_to_the_trunks_host_whatever_host_refer_to_names() {
        let call = origin(Direction::Inbound, Some("pbx"));
        for to in ["<sip:102@evil.example>", "<tel:102>", "sip:102@pbx.example"] {
            let order = order(&call, &referral(to, None), trunk()).unwrap();
            let request = order.request;
            assert_eq!(request.sip_call_to, "102");
            assert_eq!(request.sip_request_uri, None);
            assert_eq!(
                request.sip_number, "+15550100",
                "the number that was called"
            );
            let by = request.headers.get("Referred-By").unwrap();
            assert_eq!(by, "<sip:boss@pbx.example>");
        }
        let nobody = order(&call, &referral("<sip:pbx.example>", None), trunk());
        assert_eq!(nobody.unwrap_err().status, 400);
    }

    /// `tel:5551234;phone-context=+1900` is a number that is denied, and 5551234 is none.
    #[test]
    fn a_refer_to_a_number_that_is_not_whole_or_none_is_refused_in_words() {
        let call = origin(Direction::Inbound, Some("pbx"));
        let long = format!("<sip:{}@x>", "9".repeat(2000));
        for (to, words) in [
            ("<tel:5551234;phone-context=+1900>", "phone-context"),
            ("tel:1234;phone-context=+881", "phone-context"),
            (
                "<sip:5551234;phone-context=+1900@x;user=phone>",
                "phone-context",
            ),
            ("<sip:%00@x>", "control character"),
            ("<sip:%20@x>", "blank"),
            (long.as_str(), "252 bytes"),
        ] {
            for replaces in [None, Some("12@pbx;to-tag=t;from-tag=f")] {
                let refused = order(&call, &referral(to, replaces), trunk()).unwrap_err();
                assert_eq!(refused.status, 400, "{to}");
                let reason = reason(&refused);
                let is_said = reason.contains("Refer-To: ") && reason.contains(words);
                assert!(is_said, "{to}: {reason}");
            }
        }
    }

    #[test]
    fn who_is_to_be_replaced_is_called_by_the_address_that_names_it() {
        let named = "12@pbx;to-tag=t;from-tag=f";
        let call = origin(Direction::Inbound, Some("pbx"));
        let to = referral("<sip:bob@192.0.2.9:5062;ob>", Some(named));
        let request = order(&call, &to, trunk()).unwrap().request;
        assert_eq!(
            request.headers.get("Replaces").map(String::as_str),
            Some(named)
        );
        assert_eq!(
            request.headers.get("Require").map(String::as_str),
            Some("replaces")
        );
        let uri = request.sip_request_uri.unwrap().uri.unwrap();
        let raw = sip_request_dest::Uri::Raw("sip:bob@192.0.2.9:5062;ob".to_owned());
        assert_eq!(uri, raw);
        assert_eq!(request.sip_call_to, "bob", "the guard sees whom");
    }
}
