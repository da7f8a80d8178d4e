//! RTCP: what either side tells of the packets that it has.

use std::net::SocketAddr;
use std::time::Instant;

use trunkline_service::metrics::{Counter, count};
use trunkline_sip::rtp::{Rtcp, parse_rtcp, report, round_trip, sender_of};

use super::super::super::desk::wall_clock;
use super::super::super::signalling::now;
use super::MediaSession;

impl MediaSession {
    pub(super) fn on_rtcp(&mut self, data: &[u8], source: SocketAddr) {
        let Some(data) = self.shield.open_rtcp(data) else {
            return;
        };
        let now = now();
        if !sender_of(data).is_some_and(|sender| self.phone.on_rtcp(source, sender, now)) {
            count(Counter::RtpDropped, 1, &[("reason", "source")]);
            return;
        }
        self.tap.heard_report(data, source);
        for item in parse_rtcp(data) {
            match item {
                Rtcp::SenderReport { ssrc, ntp_middle } => {
                    self.phone.reception.on_sender_report(ssrc, ntp_middle, now);
                }
                Rtcp::Block(block) if block.ssrc == self.outgoing.ssrc => {
                    let percent = f64::from(block.fraction_lost) / 2.56;
                    self.summary.remote_loss_percent = Some((percent * 10.0).round() / 10.0);
                    // Negative where more came than was sent.
                    let lost = block.total_lost;
                    self.remote_lost = Some(if lost < 0x80_0000 { lost } else { 0 });
                    if let Some(trip) = round_trip(&block, wall_clock()) {
                        self.summary.round_trip_ms = Some(trip.as_micros() as f64 / 1000.0);
                    }
                }
                Rtcp::Block(_) | Rtcp::Bye(_) => {}
            }
        }
    }

    pub(super) fn send_report(&mut self, now: Instant) {
        let sender = self.outgoing.sender_info(wall_clock());
        let block = self.phone.reception.report(now);
        let packet = report(
            self.outgoing.ssrc,
            &self.cname,
            sender.as_ref(),
            block.as_ref(),
        );
        self.send_rtcp(&packet);
    }

    pub(super) fn send_rtcp(&mut self, packet: &[u8]) {
        let Some(agreed) = &self.phone.agreed else {
            return;
        };
        if let Some(target) = self.phone.latch.rtcp_target(agreed.remote_rtcp)
            && let Some(sealed) = self.shield.seal_rtcp(packet)
        {
            self.tap.sent_report(packet, target);
            let _ = self.pair.rtcp.try_send_to(sealed, target);
        }
    }
}
