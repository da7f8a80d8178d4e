//! The SIP gateway against a real node, over loopback sockets, with our own caller as the phone.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod authority;
mod billed;
mod callee;
mod captured;
mod captured_calls;
mod codecs;
mod company;
mod dialling;
mod disk;
mod dns;
mod encrypted;
mod failover;
mod forged;
mod full;
mod holding;
mod house;
mod inside;
mod inward;
mod latency;
mod lines;
mod linphone;
mod passed;
mod peers;
mod phone;
mod pins;
mod provider;
mod replaced;
mod scanners;
mod secured;
mod signalling;
mod sipp;
mod storm;
mod talking;
mod transfers;
mod weather;
