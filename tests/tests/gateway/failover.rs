//! Calls to a provider with several servers, found by its DNS: one after another, and never two at once.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, LineOut};
use trunkline_sip::routing::mark;
use trunkline_sip::uri::Uri;

use super::callee::Callee;
use super::dialling::{dial, meta, order, recorded};
use super::dns::{Dns, PROVIDER};
use super::house::{House, PATIENCE};

fn port(callee: &Callee) -> u16 {
    callee
        .address()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// A house that asks this DNS, and an order for the provider.
async fn house(dns: &Dns) -> House {
    let address = dns.address;
    House::with(AnswerPolicy::OnRoom, |config| config.dns = vec![address]).await
}

fn to_provider(callee: &Callee, identity: &str) -> proto::CreateSipParticipantRequest {
    let mut order = order(callee);
    if let Some(trunk) = &mut order.trunk {
        trunk.hostname = PROVIDER.to_owned();
        trunk.transport = i32::from(proto::SipTransport::Auto);
    }
    order.participant_identity = identity.to_owned();
    order.wait_until_answered = true;
    order
}

/// A call in the middle of the day went to the one server that was being restarted, and failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_503_is_passed_over_and_the_next_call_goes_to_the_other_first() {
    let (mut first, mut second) = (Callee::new().await, Callee::new().await);
    let dns = Dns::of("_sip._udp", &[port(&first), port(&second)]).await;
    let house = house(&dns).await;
    let (placed, ()) = tokio::join!(dial(&house, to_provider(&first, "one")), async {
        let invite = first.is_called().await.to_owned();
        assert!(invite.starts_with("INVITE sip:+15550100@provider.test SIP/2.0"));
        first.says("100 Trying", "", "").await;
        let busy = "503 Service Unavailable";
        first.says(busy, "Retry-After: 120\r\n", "").await;
        first.expects("ACK").await;
        second.picks_up().await;
    });
    placed.unwrap();
    second.hangs_up("").await;
    house.no_calls_left().await;
    let (placed, ()) = tokio::join!(dial(&house, to_provider(&second, "two")), second.picks_up());
    let placed = placed.unwrap();
    assert!(first.is_left_alone().await);
    second.hangs_up("").await;
    house.no_calls_left().await;
    let call = recorded(&house, &placed.sip_call_id).await;
    assert_eq!(call.end_reason.as_deref(), Some("callee_hung_up"));
    house.close().await;
}

/// The first server was frozen. When it woke up it rang, while the caller talked over the second one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_is_passed_over_and_hears_cancel_when_it_wakes_up() {
    let (mut first, mut second) = (Callee::new().await, Callee::new().await);
    let dns = Dns::of("_sip._udp", &[port(&first), port(&second)]).await;
    let house = house(&dns).await;
    let (placed, ()) = tokio::join!(dial(&house, to_provider(&first, "one")), async {
        first.is_called().await;
        second.picks_up().await;
        first.says("180 Ringing", "", "").await;
        let cancel = first.expects("CANCEL").await;
        first.answer(&cancel, "200 OK", "", "").await;
        first.says("487 Request Terminated", "", "").await;
        first.expects("ACK").await;
    });
    placed.unwrap();
    second.hangs_up("").await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_a_phone_rings_no_other_is_rung() {
    let (mut first, second) = (Callee::new().await, Callee::new().await);
    let dns = Dns::of("_sip._udp", &[port(&first), port(&second)]).await;
    let house = house(&dns).await;
    let (refused, ()) = tokio::join!(dial(&house, to_provider(&first, "one")), async {
        first.is_called().await;
        first.says("180 Ringing", "", "").await;
        first.says("503 Service Unavailable", "", "").await;
        first.expects("ACK").await;
    });
    let (_, status, _) = meta(&refused.unwrap_err());
    assert_eq!(status, "503");
    assert!(second.is_left_alone().await);
    house.no_calls_left().await;
    // Nor is one who says no asked again elsewhere.
    let (refused, ()) = tokio::join!(dial(&house, to_provider(&first, "two")), async {
        // The first is passed over for a while: it was overloaded.
        let mut second = second;
        second.is_called().await;
        second.says("486 Busy Here", "", "").await;
        second.expects("ACK").await;
    });
    let (_, status, _) = meta(&refused.unwrap_err());
    assert_eq!(status, "486");
    assert!(first.is_left_alone().await);
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_pass_the_proxy_of_their_trunk() {
    let mut proxy = Callee::new().await;
    let address = proxy.address();
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.lines_out = vec![LineOut {
            key: "provider".to_owned(),
            proxy: Some(Uri::parse(&format!("sip:{address}")).unwrap()),
        }];
    })
    .await;
    let trunk = proto::SipOutboundTrunkInfo {
        name: "provider".to_owned(),
        metadata: mark::mark("provider", ""),
        // Nobody is there: whoever goes there past the proxy finds nobody.
        address: "192.0.2.1:5060".to_owned(),
        numbers: vec!["+15550199".to_owned()],
        from_host: "customer.example".to_owned(),
        ..Default::default()
    };
    let trunk = house.api.create_outbound_trunk(trunk).await.unwrap();
    let order = proto::CreateSipParticipantRequest {
        sip_trunk_id: trunk.sip_trunk_id,
        trunk: None,
        ..order(&proxy)
    };
    let (placed, ()) = tokio::join!(dial(&house, order), async {
        let invite = proxy.is_called().await.to_owned();
        assert!(invite.starts_with("INVITE sip:+15550100@192.0.2.1:5060 SIP/2.0"));
        let route = format!("Route: <sip:{address};lr>");
        assert!(invite.lines().any(|line| line == route), "{invite}");
        let from = invite.lines().find(|line| line.starts_with("From:"));
        assert!(from.unwrap().contains("@customer.example>"), "{invite}");
        proxy.says("180 Ringing", "", "").await;
        proxy.says("200 OK", "", &proxy.sdp()).await;
        proxy.expects("ACK").await;
    });
    placed.unwrap();
    proxy.hangs_up("").await;
    house.no_calls_left().await;
    house.close().await;
}

/// The provider came back a second after the call had failed, and a phone rang for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_failed_for_want_of_a_connection_rings_nowhere_later() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = away.local_addr().unwrap();
    drop(away);
    let callee = Callee::new().await;
    let mut order = order(&callee);
    if let Some(trunk) = &mut order.trunk {
        trunk.hostname = address.to_string();
        trunk.transport = i32::from(proto::SipTransport::Tcp);
    }
    order.wait_until_answered = true;
    let error = dial(&house, order).await.unwrap_err().to_string();
    let words = format!("{address} takes no connections");
    assert!(error.contains(&words), "{error}");
    house.no_calls_left().await;
    let back = TcpListener::bind(address).await.unwrap();
    let (mut stream, _) = timeout(PATIENCE, back.accept()).await.unwrap().unwrap();
    let mut buffer = [0; 4096];
    let said = timeout(Duration::from_millis(300), stream.read(&mut buffer)).await;
    assert!(said.is_err(), "{}", String::from_utf8_lossy(&buffer));
    house.close().await;
}
