//! Data packets: who may send them, who gets them, and in which order.

use std::sync::Arc;
use std::time::Instant;

use livekit_protocol::{DataPacket, RpcRequest, UserPacket, data_packet::Value};
use prost::Message;
use trunkline_base::id::ParticipantSid;

use crate::peer::{DATA_TRACK, LOSSY, MAX_MESSAGE_SIZE, RELIABLE};

use super::Sfu;
use super::addressees::Addressees;
use super::event::SfuEvent;
use super::ids::MemberId;
use super::recent::Packet;
use super::stats::DropReason;
use super::wire::Stamp;

/// Reliable bytes that may wait for one slow reader. Four seconds at 4 Mbit/s; whoever lags
/// further would not catch up.
const BACKLOG: usize = 2 * 1024 * 1024;

impl Sfu {
    /// Sends a packet on behalf of the server (the SendData call). Its destinations are in it. A
    /// user packet whose nonce was seen lately goes nowhere.
    pub fn send_data(&mut self, packet: &DataPacket, reliable: bool, now: Instant) {
        if let Some(Value::User(user)) = &packet.value
            && !self.nonces.is_new(&user.nonce)
        {
            self.stats.drop(DropReason::DataDuplicate);
            return;
        }
        let to = Addressees::of(packet);
        let bytes: Arc<[u8]> = packet.encode_to_vec().into();
        self.distribute(None, to, bytes, reliable, now);
        self.drive(now);
    }

    /// Calls a method of a participant on behalf of the server. Its acknowledgement and its answer
    /// become events, and nobody else gets them, until [`Sfu::forget_call`].
    ///
    /// # Errors
    /// The participant is not there yet, or no more.
    pub fn call(
        &mut self,
        callee: &ParticipantSid,
        request: RpcRequest,
        now: Instant,
    ) -> Result<(), super::UnknownParticipant> {
        let id = self.id(callee)?;
        let active = self.members.get(&id).is_some_and(|member| member.active);
        if !active {
            return Err(super::UnknownParticipant);
        }
        let call = request.id.clone();
        let packet = DataPacket {
            // Nobody's identity, so that the answer can be told from one meant for somebody.
            participant_identity: call.clone(),
            value: Some(Value::RpcRequest(request)),
            ..Default::default()
        };
        self.calls.insert(call, id);
        let bytes: Arc<[u8]> = packet.encode_to_vec().into();
        self.distribute(None, Addressees::only(callee.to_string()), bytes, true, now);
        self.drive(now);
        Ok(())
    }

    /// The answer to a call is not waited for any more.
    pub fn forget_call(&mut self, id: &str) {
        self.calls.remove(id);
    }

    /// Takes the answer to a call of ours out of the traffic; `false` when it is somebody else's.
    fn take_answer(&mut self, from: MemberId, packet: &DataPacket) -> bool {
        let (id, event) = match &packet.value {
            Some(Value::RpcAck(ack)) => {
                let id = ack.request_id.clone();
                (id.clone(), SfuEvent::CallReceived { id })
            }
            Some(Value::RpcResponse(response)) => {
                let (id, value) = (response.request_id.clone(), response.value.clone());
                (id.clone(), SfuEvent::CallAnswered { id, value })
            }
            _ => return false,
        };
        let ours = self.calls.get(&id) == Some(&from);
        if ours {
            self.events.push_back(event);
        }
        ours
    }

    /// Highest reliable sequence number received from a participant.
    #[must_use]
    pub fn last_sequence(&self, sid: &ParticipantSid) -> u32 {
        let member = self.id(sid).ok().and_then(|id| self.members.get(&id));
        member.map_or(0, |m| m.data.last_sequence)
    }

    pub(super) fn on_data(&mut self, from: MemberId, label: &str, bytes: &[u8], now: Instant) {
        self.stats.data_in += 1;
        match self.admit(from, label, bytes) {
            Ok((packet, ..)) if self.take_answer(from, &packet) => {}
            Ok((packet, reliable, stamped)) => {
                let to = Addressees::of(&packet);
                self.distribute(Some(from), to, stamped.into(), reliable, now);
            }
            Err(reason) => self.stats.drop(reason),
        }
    }

    /// Reads, checks and stamps a packet.
    fn admit(
        &mut self,
        from: MemberId,
        label: &str,
        bytes: &[u8],
    ) -> Result<(DataPacket, bool, Vec<u8>), DropReason> {
        let member = self
            .members
            .get_mut(&from)
            .ok_or(DropReason::DataNotAllowed)?;
        if !member.permissions.can_publish_data {
            return Err(DropReason::DataNotAllowed);
        }
        let reliable = label != LOSSY;
        let (packet, raw) = match label {
            RELIABLE | LOSSY => {
                let packet = DataPacket::decode(bytes).map_err(|_| DropReason::DataUnreadable)?;
                (packet, bytes.to_vec())
            }
            DATA_TRACK => return Err(DropReason::DataConsumed),
            _ => {
                let user = UserPacket {
                    payload: bytes.to_vec(),
                    ..Default::default()
                };
                let packet = DataPacket {
                    value: Some(Value::User(user)),
                    ..Default::default()
                };
                let raw = packet.encode_to_vec();
                (packet, raw)
            }
        };
        if reliable && packet.sequence > 0 {
            if packet.sequence <= member.data.last_sequence {
                return Err(DropReason::DataDuplicate);
            }
            member.data.last_sequence = packet.sequence;
        }
        if let Some(Value::User(user)) = &packet.value
            && !self.nonces.is_new(&user.nonce)
        {
            return Err(DropReason::DataDuplicate);
        }
        match &packet.value {
            Some(Value::Metrics(_)) => return Err(DropReason::DataConsumed),
            Some(Value::Transcription(_)) if !member.permissions.agent => {
                return Err(DropReason::DataNotAllowed);
            }
            _ => {}
        }
        let own = (member.identity.as_str(), member.sid.as_str());
        let stamp = Stamp::of(&packet, own, &member.permissions, reliable);
        let stamped = stamp.apply(&raw, &packet);
        Ok((packet, reliable, stamped))
    }

    fn distribute(
        &mut self,
        from: Option<MemberId>,
        to: Addressees,
        bytes: Arc<[u8]>,
        reliable: bool,
        now: Instant,
    ) {
        if bytes.len() > MAX_MESSAGE_SIZE {
            self.stats.drop(DropReason::DataTooLarge);
            return;
        }
        let members = self
            .members
            .iter()
            .filter(|(id, m)| Some(**id) != from && m.active);
        let receivers: Vec<MemberId> = members
            .filter(|(_, m)| to.include(m))
            .map(|(id, _)| *id)
            .collect();
        for id in receivers {
            if reliable {
                self.queue_reliable(id, bytes.clone(), now);
            } else {
                self.send_lossy(id, &bytes, now);
            }
        }
        if reliable {
            self.recent.keep(Packet {
                at: now,
                from,
                to,
                bytes,
            });
        }
    }

    fn send_lossy(&mut self, id: MemberId, bytes: &[u8], now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let target = member.primary();
        let sent = member
            .link(target)
            .is_some_and(|l| l.peer.send_data(LOSSY, bytes, now));
        if sent {
            self.stats.data_out += 1;
        } else {
            self.stats.drop(DropReason::DataLossyFull);
        }
        self.pump(id, target);
    }

    /// Until a participant's channels are open nothing is queued: what it misses is replayed.
    fn queue_reliable(&mut self, id: MemberId, bytes: Arc<[u8]>, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let data = &mut member.data;
        if !data.deliverable {
            return;
        }
        if data.backlog_bytes + bytes.len() > BACKLOG {
            self.stats.drop(DropReason::DataSlowReader);
            return;
        }
        data.backlog_bytes += bytes.len();
        data.backlog.push_back(bytes);
        self.flush_reliable(id, now);
    }

    pub(super) fn flush_reliable(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let target = member.primary();
        while let Some(next) = member.data.backlog.front().cloned() {
            let sent = member
                .link(target)
                .is_some_and(|l| l.peer.send_data(RELIABLE, &next, now));
            if sent {
                self.stats.data_out += 1;
            } else if member
                .link(target)
                .is_some_and(|l| l.peer.has_data_waiting())
            {
                break;
            } else {
                // With nothing on its way there is room: the far end takes no message like this.
                self.stats.drop(DropReason::DataTooLarge);
            }
            member.data.backlog_bytes -= next.len();
            member.data.backlog.pop_front();
        }
        self.pump(id, target);
    }

    /// Both channels to a participant are open: replay what it just missed.
    pub(super) fn check_deliverable(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let target = member.primary();
        let open = member
            .link(target)
            .is_some_and(|l| l.peer.channel_is_open(RELIABLE) && l.peer.channel_is_open(LOSSY));
        if member.data.deliverable || !open {
            return;
        }
        member.data.deliverable = true;
        let missed = self.recent.missed_by(id, member, now);
        for bytes in missed {
            self.queue_reliable(id, bytes, now);
        }
    }
}
