//! The phone of a call, whoever placed it: its line and its sound, what it asks for inside the call,
//! and who comes in its place.
//!
//! ```text
//! REFER ─► onward: dialled ─► 202, NOTIFY 100, 180 … ─► 200 ─► the other phone is the call's from here on
//!    └─ refused, or not answered: NOTIFY says so, the call goes on
//! INVITE with Replaces ─► 200 ─► the same, and BYE to the phone that was
//! ```
//! The participant in the room stays who it is, and its tracks go on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::info;
use trunkline_base::secret::Personal;
use trunkline_client::room::Room;
use trunkline_sip::endpoint::{EndCause, Referral, Rejection};
use trunkline_sip::message::{Headers, name};
use trunkline_sip::sdp::Agreement;
use trunkline_store::{Direction, EndedBy};

use super::super::journal::KeptPhone;
use super::super::media::{MediaCommand, MediaEvent, MediaSummary, NoPort};
use super::super::signalling::{Command, LegEvent, Line, Takeover};
use super::due::Due;
use super::end::End;
use super::keys::Way;
use super::onward::{Account, Onward, PassNews, Successor};
use super::prepared::{Ends, Prepared, Sound};
use super::setup::Shared;
use super::talk::{Rest, Talk};
use super::tell::Teller;
use super::transfer::{Fate, Goodbye, Matter, Transfers};

/// What happens on a call's phone side.
pub(super) enum Step {
    Line(LegEvent),
    Media(Option<MediaEvent>),
    Transfer(Box<Matter>),
    Onward(PassNews),
}

/// What became of an event of the line.
pub(super) enum Turn {
    Done,
    /// It is the call's own matter.
    Own(LegEvent),
    /// Another phone has taken the place of the one that was.
    Replaced,
}

/// The phone of a call.
pub(super) struct Leg {
    pub(super) line: Line,
    pub(super) talk: Talk,
    sound: Sound,
    transfers: Transfers,
    onward: Onward,
    teller: Option<Teller>,
    /// The phone has hung up, and who is to be in its place, or in ours, is not known yet.
    gone: Option<EndCause>,
    /// The phone was dialled in the place of another.
    account: Option<Account>,
}

impl Leg {
    pub(super) fn new(
        line: Line,
        (talk, sound): (Talk, Sound),
        transfers: Transfers,
        onward: Onward,
    ) -> Self {
        Self {
            line,
            talk,
            sound,
            transfers,
            onward,
            teller: None,
            gone: None,
            account: None,
        }
    }

    /// The phone was dialled in the place of another, by a process that is gone.
    pub(super) fn adopt(&mut self, account: Option<Account>) {
        self.account = account;
    }

    /// The room is there: it is told of its phone from now on.
    pub(super) fn enter(&mut self, room: &Room) {
        self.talk.enter(room);
        self.teller = Some(Teller::new(room.clone()));
    }

    /// Tells the room, in the order in which things happen.
    pub(super) fn say(&self, change: BTreeMap<String, String>) {
        if let Some(teller) = &self.teller {
            teller.say(change);
        }
    }

    /// Tells the room how the call stands.
    pub(super) fn status(&self, status: &str) {
        if let Some(teller) = &self.teller {
            teller.status(status);
        }
    }

    /// The next thing that happens.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Step {
        tokio::select! {
            biased;
            event = self.line.next(), if self.gone.is_none() => Step::Line(event),
            news = self.onward.next() => Step::Onward(news),
            event = self.talk.next() => Step::Media(event),
            matter = self.transfers.next() => Step::Transfer(Box::new(matter)),
        }
    }

    /// When a call that is up ends by itself: on hold for too long, or at `last`.
    pub(super) fn due(&self, last: Instant, hold_limit: Duration) -> Due {
        Due::new(last, End::TooLong).or(self.talk.held_until(hold_limit), End::HeldTooLong)
    }

    /// Whether the phone is on its way to somebody outside its room, or somebody to it. Whoever it talked
    /// to in there may have gone.
    pub(super) const fn is_being_transferred(&self) -> bool {
        self.transfers.are_under_way()
    }

    /// What is the same for calls of both directions.
    pub(super) async fn on_line(
        &mut self,
        event: LegEvent,
        room: Option<&Room>,
        shared: &Shared,
    ) -> Result<Turn, End> {
        match event {
            LegEvent::Change(request) => self.talk.change(&request, &self.line).await,
            LegEvent::Changed(body) => self.accept(&body),
            LegEvent::Confirmed(body) => {
                self.accept(&body);
                return Ok(Turn::Own(LegEvent::Confirmed(body)));
            }
            LegEvent::Refer(referral) => self.refer(referral).await,
            LegEvent::Replaced(takeover) => return Ok(self.replace(*takeover, room, shared).await),
            LegEvent::Transfer(news) => self.transfers.on_news(news, &self.talk)?,
            LegEvent::Info { content_type, body } => self.talk.relay(room, &content_type, &body),
            LegEvent::Ended(cause) => self.on_ended(cause)?,
            event @ (LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::Unreached(_)
            | LegEvent::Declined { .. }) => return Ok(Turn::Own(event)),
        }
        Ok(Turn::Done)
    }

    fn accept(&mut self, body: &[u8]) {
        if !body.is_empty() {
            self.talk.accept(body);
        }
    }

    /// A phone that has passed its call on may go, as many do at once: the call waits for the other. And
    /// one that another phone was sent to goes when it talks to that.
    fn on_ended(&mut self, cause: EndCause) -> Result<(), End> {
        if !matches!(cause, EndCause::RemoteBye { .. }) {
            return Err(End::Phone(cause));
        }
        match self.transfers.on_goodbye() {
            Goodbye::Transferred => return Err(End::Transferred),
            Goodbye::Over if !self.onward.is_under_way() => return Err(End::Phone(cause)),
            Goodbye::Over => {
                info!("the phone has gone, and whom it passed its call on to is waited for");
            }
            Goodbye::Awaited => {
                info!("the phone has gone, and who was sent to it may have come");
            }
        }
        self.talk.rest();
        self.gone = Some(cause);
        Ok(())
    }

    /// What the phone side of the sound tells. Keys go to the room.
    pub(super) fn on_media(
        &mut self,
        event: MediaEvent,
        room: Option<&Room>,
    ) -> Option<MediaEvent> {
        match event {
            MediaEvent::Key(digit) => {
                self.talk.press(room, Way::Rtp, (digit, Duration::ZERO));
                None
            }
            // Nothing is to come of a phone that has gone.
            MediaEvent::Silent => self.gone.is_none().then_some(MediaEvent::Silent),
            MediaEvent::Played => Some(MediaEvent::Played),
            MediaEvent::Rated(rating) => {
                self.say(rating.attributes());
                None
            }
            // The talk has written it down.
            MediaEvent::Reached(_) => None,
        }
    }

    /// Sends the phone to somebody else, with headers of the trunk beside those of a wish, or has another
    /// phone take our place with it.
    pub(super) async fn transfer(
        &mut self,
        matter: Matter,
        trunk: Vec<(String, String)>,
    ) -> Result<(), End> {
        let ends = (&self.line, &self.talk);
        match self.transfers.see_to(matter, trunk, ends).await {
            Some(Fate::Taken) => Err(End::Transferred),
            Some(Fate::Spared) if !self.onward.is_under_way() => match self.gone.take() {
                Some(cause) => Err(End::Phone(cause)),
                None => Ok(()),
            },
            Some(Fate::Spared) | None => Ok(()),
        }
    }

    async fn refer(&mut self, referral: Box<Referral>) {
        let to = Personal::new(referral.target.uri.number());
        info!(?to, "the phone passes its call on");
        if let Err(rejection) = self.onward.begin(referral) {
            self.refuse_refer(rejection).await;
        }
    }

    async fn refuse_refer(&self, rejection: Rejection) {
        info!(status = rejection.status, "the call is not passed on");
        let leg = self.line.leg;
        self.line
            .tell(Command::RefuseRefer { leg, rejection })
            .await;
    }

    /// How it goes with whom the phone has passed its call on to.
    pub(super) async fn on_onward(
        &mut self,
        news: PassNews,
        room: Option<&Room>,
    ) -> Result<(), End> {
        match news {
            PassNews::Refused(rejection) => self.refuse_refer(rejection).await,
            PassNews::Begun => {
                self.line.tell(Command::AcceptRefer(self.line.leg)).await;
                self.say(transfer("dialing", None));
            }
            PassNews::Progress(status) => {
                self.notify(status).await;
                if status == 180 {
                    self.say(transfer("ringing", None));
                }
            }
            PassNews::Answered(successor) => self.succeed(*successor, room).await,
            PassNews::Failed(status) => {
                info!(status, "nobody has taken the call that was passed on");
                self.notify(status).await;
                self.say(transfer("failed", Some(status)));
                if let Some(cause) = self.gone.take() {
                    return Err(End::Phone(cause));
                }
            }
        }
        Ok(())
    }

    async fn notify(&self, status: u16) {
        if self.gone.is_none() {
            let leg = self.line.leg;
            self.line.tell(Command::Notify { leg, status }).await;
        }
    }

    /// The phone that was dialled has answered: it is the call's now.
    async fn succeed(&mut self, successor: Successor, room: Option<&Room>) {
        let Successor {
            line,
            prepared,
            agreement,
            headers,
            number,
            account,
        } = successor;
        self.notify(200).await;
        let to = headers.to().ok();
        let tag = to.as_ref().and_then(|to| to.tag());
        let told = dialog(&headers, tag, &number, room);
        self.say(told.clone());
        let phone = KeptPhone {
            dialog: account.call.to_string(),
            source: prepared.setup.host,
            account: Some(account.keep()),
        };
        self.talk.turn_to_phone(phone, &told);
        let former = self.change_phone(line, prepared, Some(agreement));
        if self.gone.take().is_none() {
            self.talk.chore(part(former, GOES_BY_ITSELF));
        }
        if let Some(earlier) = self.account.replace(account) {
            earlier.close("transferred", None, EndedBy::Gateway);
        }
        info!("the call is passed on");
    }

    /// Another phone wants the place of this one.
    async fn replace(&mut self, takeover: Takeover, room: Option<&Room>, shared: &Shared) -> Turn {
        let Takeover {
            line,
            tag: ours,
            invite,
            flow,
        } = takeover;
        let leg = line.leg;
        let ends = Ends {
            ours: flow.local.ip(),
            theirs: flow.remote.ip(),
            transport: flow.transport,
        };
        let proposed = match Prepared::open(shared.sockets(), &ends, &self.sound).await {
            Ok(mut prepared) => {
                let proposal = prepared.negotiation.respond(&invite.body);
                proposal.map(|proposal| (prepared, proposal))
            }
            Err(NoPort) => Err(Rejection::retry_after(BUSY)),
        };
        let (prepared, proposal) = match proposed {
            Ok(proposed) => proposed,
            Err(rejection) => {
                info!(
                    status = rejection.status,
                    "another phone cannot take the call over"
                );
                line.tell(Command::Reject { leg, rejection }).await;
                return Turn::Done;
            }
        };
        let (sdp, headers) = (proposal.sdp, Vec::new());
        line.tell(Command::Accept { leg, sdp, headers }).await;
        let from = invite.headers.from().ok();
        let number = from.as_ref().map(|from| from.uri.number());
        let tag = from.as_ref().and_then(|from| from.tag());
        let told = dialog(&invite.headers, tag, &number.unwrap_or_default(), room);
        self.say(told.clone());
        let phone = KeptPhone {
            dialog: ours,
            source: ends.theirs,
            account: None,
        };
        self.talk.turn_to_phone(phone, &told);
        let former = self.change_phone(line, prepared, proposal.agreement);
        // Whoever was to be dialled in its place is not any more.
        self.onward.stop();
        if self.gone.take().is_none() {
            self.talk.chore(part(former, Duration::ZERO));
        }
        if let Some(earlier) = self.account.take() {
            earlier.close("transferred", None, EndedBy::Gateway);
        }
        info!("another phone has taken the call over");
        Turn::Replaced
    }

    fn change_phone(
        &mut self,
        line: Line,
        prepared: Prepared,
        agreement: Option<Agreement>,
    ) -> Line {
        self.talk.change_phone(prepared, agreement);
        self.transfers.forget();
        std::mem::replace(&mut self.line, line)
    }

    /// Says goodbye to the phone: what a call that ends owes it.
    pub(super) async fn hang_up(&mut self, headers: Vec<(String, String)>) {
        self.onward.stop();
        if self.gone.is_none() {
            let leg = self.line.leg;
            self.line.tell(Command::Hangup { leg, headers }).await;
        }
    }

    /// Lets go of the phone; what is under way ends by itself. The room is told the last of it, if it
    /// is there to be told, and for that is waited, not for long. Gives what the sound came to, too.
    pub(super) async fn end(
        self,
        end: &End,
        mut last: BTreeMap<String, String>,
    ) -> (Rest, MediaSummary) {
        if let Some(account) = self.account {
            account.close(end.word(), end.status(), end.by(Direction::Outbound));
        }
        let mut rest = self.talk.end();
        let summary = rest.figures(LEAVE).await;
        if let Some(teller) = self.teller.filter(|_| end.leaves_room()) {
            last.extend(summary.rating().attributes());
            teller.last(last).await;
        }
        (rest, summary)
    }

    /// Tells the media; it is never waited for.
    pub(super) fn tell(&self, command: MediaCommand) {
        self.talk.tell(command);
    }
}

/// The sound may take this long to end.
const LEAVE: Duration = Duration::from_secs(2);

/// Lets a phone go whose call another one has: it hangs up by itself, or is hung up.
async fn part(mut line: Line, patience: Duration) {
    let over = async { while !matches!(line.next().await, LegEvent::Ended(_)) {} };
    if tokio::time::timeout(patience, over).await.is_err() {
        let leg = line.leg;
        let reason = "SIP;cause=200;text=\"call completed elsewhere\"".to_owned();
        let headers = vec![(name::REASON.to_owned(), reason)];
        line.tell(Command::Hangup { leg, headers }).await;
    }
}

/// How it goes with a transfer, as the room is told.
fn transfer(word: &str, status: Option<u16>) -> BTreeMap<String, String> {
    let status = status.map_or_else(String::new, |status| status.to_string());
    BTreeMap::from([
        (TRANSFER.to_owned(), word.to_owned()),
        (TRANSFER_STATUS.to_owned(), status),
    ])
}

/// The dialog of the phone that is the call's now, as the room is told. Its number is told where that
/// of the phone before it was.
fn dialog(
    headers: &Headers,
    tag: Option<&str>,
    number: &str,
    room: Option<&Room>,
) -> BTreeMap<String, String> {
    let mut all = transfer("done", None);
    let mut set = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
    set("sip.callIDFull", headers.call_id().unwrap_or_default());
    set("sip.callTag", tag.unwrap_or_default());
    let shown = room.map(Room::snapshot);
    let shown = shown.is_some_and(|room| room.local.attributes.contains_key(NUMBER));
    if shown && !number.is_empty() {
        set(NUMBER, number);
    }
    all
}

/// The participant attribute that says how a transfer goes, and the one with its SIP status.
const TRANSFER: &str = "sip.transfer";
const TRANSFER_STATUS: &str = "sip.transferStatusCode";

/// Who is on the phone.
const NUMBER: &str = "sip.phoneNumber";

/// A phone that has passed its call on usually hangs up itself.
const GOES_BY_ITSELF: Duration = Duration::from_secs(2);

/// When to try again where no port is free.
const BUSY: Duration = Duration::from_secs(10);
